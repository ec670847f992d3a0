package io.berth.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class SharedAnswerTest {
    private final AtomicInteger made = new AtomicInteger();

    @Test
    void oneAnswerServesAllWhoCameBeforeItWasBegun() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        Semaphore mayEnd = new Semaphore(0);
        SharedAnswer<Integer> answer = new SharedAnswer<>(() -> {
            begun.countDown();
            mayEnd.acquireUninterruptibly();
            return made.incrementAndGet();
        });
        List<Thread> threads = new CopyOnWriteArrayList<>();
        ThreadFactory remembering = task -> {
            Thread thread = new Thread(task);
            threads.add(thread);
            return thread;
        };
        try (ExecutorService callers = Executors.newCachedThreadPool(remembering)) {
            Future<Integer> first = callers.submit(answer::get);
            begun.await();
            List<Future<Integer>> others = new ArrayList<>();
            for (int i = 0; i < 15; i++) {
                others.add(callers.submit(answer::get));
            }
            while (threads.stream()
                            .filter(thread -> thread.getState() == Thread.State.WAITING)
                            .count()
                    < 16) {
                LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
            }
            mayEnd.release(20);

            assertThat(first.get()).isEqualTo(1);
            for (Future<Integer> other : others) {
                assertThat(other.get()).isEqualTo(2);
            }
        }
    }

    @Test
    void eachCallAfterAnotherIsAnsweredAnew() {
        SharedAnswer<Integer> answer = new SharedAnswer<>(made::incrementAndGet);

        assertThat(answer.get()).isEqualTo(1);
        assertThat(answer.get()).isEqualTo(2);
    }

    @Test
    void aFailureIsOneCallers() {
        SharedAnswer<Integer> answer = new SharedAnswer<>(() -> {
            if (made.incrementAndGet() == 1) {
                throw new IllegalStateException("no");
            }
            return made.get();
        });

        assertThatThrownBy(answer::get).hasMessage("no");
        assertThat(answer.get()).isEqualTo(2);
    }
}
