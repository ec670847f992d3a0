package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.volume.PoolName;
import io.berth.volume.VolumeId;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class CopiesTest {
    private static final Duration PATIENCE = Duration.ofSeconds(50);

    private final CountDownLatch end = new CountDownLatch(1);
    private final Copies copies = new Copies();

    @AfterEach
    void close() {
        end.countDown();
        copies.close();
    }

    private Copies.Copy start(String namespace, String name, Runnable work) {
        return copies.start(
                new VolumeId(new PoolName("fast"), name), namespace, new Progress(), progress -> new Copies.Work() {
                    @Override
                    public void run() {
                        work.run();
                    }

                    @Override
                    public void close() {}
                });
    }

    private void waitForEnd() {
        try {
            end.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aNamespaceWithAHundredCopiesHoldsUpNoOther() {
        for (int i = 0; i < 100; i++) {
            start("greedy", "greedy" + i, this::waitForEnd);
        }
        assertThatThrownBy(() -> start("greedy", "more", () -> {}))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.BUSY));
        for (int i = 0; i < 10; i++) {
            assertThat(start("modest", "modest" + i, () -> {}).await(PATIENCE)).isTrue();
        }
    }

    @Test
    void anErrorIsTheFailureOfItsCopyAlone() {
        for (int i = 0; i < 2 * Copies.AT_ONCE; i++) {
            Copies.Copy copy = start("", "failing" + i, () -> {
                throw new StackOverflowError("of this copy");
            });
            assertThatThrownBy(() -> copy.await(PATIENCE)).hasRootCauseInstanceOf(StackOverflowError.class);
        }
        assertThat(start("", "well", () -> {}).await(PATIENCE)).isTrue();
    }
}
