package io.berth.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PlaceCallsTest {
    private static final Duration SHORT = Duration.ofMillis(50);
    private static final Duration LONG = Duration.ofSeconds(30);

    private final PlaceCalls calls = new PlaceCalls("test", 2, SHORT);
    private final CountDownLatch end = new CountDownLatch(1);

    @AfterEach
    void close() {
        end.countDown();
        calls.close();
    }

    private boolean hang() {
        try {
            return end.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aPlaceThatHangsIsGivenUpAndHoldsUpNoOther() {
        for (int i = 0; i < 5; i++) {
            assertThatThrownBy(() -> calls.within(SHORT, "pool a", this::hang))
                    .isInstanceOf(Fault.class)
                    .hasMessageContaining("pool a has not answered for 50 ms");
        }

        assertThat(calls.within(LONG, "pool b", () -> "answer")).isEqualTo("answer");
    }

    @Test
    void aPlaceAnswersAgainWhenItHangsNoMore() {
        for (int i = 0; i < 5; i++) {
            assertThatThrownBy(() -> calls.within(SHORT, "pool a", this::hang)).isInstanceOf(Fault.class);
        }
        end.countDown();

        assertThat(calls.within(LONG, "pool a", () -> "answer")).isEqualTo("answer");
    }

    @Test
    void aPlaceThatOwesAnAnswerIsWaitedForShortly() {
        assertThatThrownBy(() -> calls.within(SHORT, "pool a", this::hang)).isInstanceOf(Fault.class);
        assertThatThrownBy(() -> calls.within(LONG, "pool a", this::hang))
                .hasMessageContaining("pool a has not answered for 50 ms");
    }

    @Test
    void whatWasGivenUpIsUndoneWhenItComesToItsEnd() throws InterruptedException {
        CountDownLatch undone = new CountDownLatch(1);
        assertThatThrownBy(() -> calls.within(SHORT, "pool a", () -> hang(), undone::countDown))
                .isInstanceOf(Fault.class);

        assertThat(undone.getCount()).isEqualTo(1);
        end.countDown();
        assertThat(undone.await(30, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void whatIsDoneInTimeIsNotUndone() {
        CountDownLatch undone = new CountDownLatch(1);

        calls.within(LONG, "pool a", () -> {}, undone::countDown);
        calls.within(LONG, "pool a", () -> {}, () -> {});

        assertThat(undone.getCount()).isEqualTo(1);
    }

    @Test
    void aFailureIsTheCallers() {
        assertThatThrownBy(() -> calls.within(LONG, "pool a", () -> {
                    throw Fault.invalid("field", "value", "rule");
                }))
                .hasMessage("field \"value\": rule");
    }
}
