package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.volume.PoolName;
import io.berth.volume.VolumeId;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VolumeLocksTest {
    private static final VolumeId A = new VolumeId(new PoolName("fast"), "a");
    private static final VolumeId B = new VolumeId(new PoolName("fast"), "b");

    @TempDir
    Path folder;

    private Directory records;
    private VolumeLocks locks;

    @BeforeEach
    void open() {
        records = Directory.open(folder);
        locks = new VolumeLocks(new PoolName("fast"), records);
    }

    @AfterEach
    void close() {
        locks.close();
        records.close();
    }

    @Test
    void volumesDoNotWaitForEachOther() {
        try (VolumeLocks.Held a = locks.lock(A)) {
            assertThat(locks.tryLock(B)).isPresent();
            assertThat(locks.tryLock(A)).isEmpty();
        }
        assertThat(locks.tryLock(A)).isPresent();
    }

    @Test
    void whoWaitsTooLongIsToldWhoHoldsIt() {
        try (VolumeLocks.Held a = locks.lock(A)) {
            assertThatThrownBy(() -> locks.lock(A))
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.BUSY))
                    .hasMessageContaining(Thread.currentThread().getName())
                    .hasMessageContaining("fast.a");
        }
    }

    @Test
    void whatAnotherProcessHoldsIsBusyAndThenFree() {
        try (VolumeLocks other = new VolumeLocks(new PoolName("fast"), records)) {
            Optional<VolumeLocks.Held> held = other.tryLock(A);
            assertThat(held).isPresent();
            assertThat(locks.tryLock(A)).isEmpty();
            assertThatThrownBy(() -> locks.lock(A)).hasMessageContaining("another process");
            held.orElseThrow().close();
            locks.lock(A).close();
        }
    }

    @Test
    void oneAtATimeIsInside() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        CountDownLatch go = new CountDownLatch(1);
        Runnable enter = () -> {
            for (int i = 0; i < 500; i++) {
                try (VolumeLocks.Held held = locks.lock(A)) {
                    assertThat(inside.incrementAndGet()).isOne();
                    inside.decrementAndGet();
                }
            }
        };
        CompletableFuture<?>[] threads = new CompletableFuture<?>[8];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = CompletableFuture.runAsync(() -> {
                try {
                    go.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                enter.run();
            });
        }
        go.countDown();
        CompletableFuture.allOf(threads).get();
    }
}
