package io.berth.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
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

    /** Has a place hang in work that is given up after it has begun, which on a slow machine takes more than one try. */
    private void giveUp(String place, Runnable late) {
        AtomicBoolean begun = new AtomicBoolean();
        while (!begun.get()) {
            assertThatThrownBy(() -> calls.run(
                            SHORT,
                            place,
                            () -> {
                                begun.set(true);
                                hang();
                            },
                            late))
                    .isInstanceOf(Fault.class);
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
        giveUp("pool a", () -> {});
        giveUp("pool a", () -> {});
        assertThatThrownBy(() -> calls.within(SHORT, "pool a", this::hang)).isInstanceOf(Fault.class);
        end.countDown();

        String answer = "";
        for (long start = System.nanoTime(); answer.isEmpty(); ) {
            try {
                answer = calls.within(LONG, "pool a", () -> "answer");
            } catch (Fault e) { // what was given up has not come to its end yet
                assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofMinutes(1));
            }
        }
        assertThat(answer).isEqualTo("answer");
    }

    @Test
    void aPlaceThatOwesAnAnswerIsWaitedForShortlyWithWhatIsShown() {
        giveUp("pool a", () -> {});
        assertThatThrownBy(() -> calls.begin("pool a", this::hang).awaitShown(LONG))
                .hasMessageContaining("pool a has not answered for 50 ms");
    }

    /** One slow answer on a busy machine is no reason for a container not to start. */
    @Test
    void workIsNotGivenUpForAnAnswerThatIsOwed() {
        giveUp("pool a", () -> {});
        String answer = calls.within(LONG, "pool a", () -> {
            LockSupport.parkNanos(SHORT.multipliedBy(4).toNanos());
            return "answer";
        });
        assertThat(answer).isEqualTo("answer");
    }

    @Test
    void whatWasGivenUpIsUndoneWhenItComesToItsEnd() throws InterruptedException {
        CountDownLatch undone = new CountDownLatch(1);
        giveUp("pool a", undone::countDown);

        assertThat(undone.getCount()).isEqualTo(1);
        end.countDown();
        assertThat(undone.await(30, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void whatIsDoneInTimeIsNotUndone() {
        CountDownLatch undone = new CountDownLatch(1);

        calls.run(LONG, "pool a", () -> {}, undone::countDown);
        calls.run(LONG, "pool a", () -> {}, () -> {});

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
