package io.berth.docker;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An answer that takes time and memory and is asked for by many at once: one is made at a time, and all who asked before it
 * was begun get it. It is kept only while somebody waits for it. Thread-safe.
 */
final class SharedAnswer<T> {
    private final Supplier<T> make;
    private final ReentrantLock lock = new ReentrantLock(true);
    private final AtomicLong begun = new AtomicLong();
    private @Nullable T latest;

    SharedAnswer(Supplier<T> make) {
        this.make = make;
    }

    /** An answer that was begun after this call; throws what the making of it threw. */
    T get() {
        long before = begun.get();
        lock.lock();
        try {
            T answer = latest;
            if (answer == null || begun.get() == before) {
                begun.incrementAndGet();
                latest = null;
                answer = make.get();
            }
            latest = lock.hasQueuedThreads() ? answer : null;
            return answer;
        } finally {
            lock.unlock();
        }
    }
}
