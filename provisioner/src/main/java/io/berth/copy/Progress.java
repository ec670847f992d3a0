package io.berth.copy;

import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;

/** What the threads of one copy count, and whether they go on. Thread-safe. */
final class Progress {
    private static final Optional<Throwable> NONE = Optional.empty();

    final LongAdder files = new LongAdder();
    final LongAdder bytes = new LongAdder();
    final LongAdder lostXattrs = new LongAdder();
    private final AtomicReference<Rung> rung = new AtomicReference<>(Rung.CLONE);
    private final AtomicReference<Optional<Throwable>> failure = new AtomicReference<>(NONE);
    private volatile boolean stopped;

    void used(Rung one) {
        rung.accumulateAndGet(one, Rung::orLower);
    }

    void stop() {
        stopped = true;
    }

    /** Stops all threads; only the first failure counts. */
    void fail(Throwable reason) {
        failure.compareAndSet(NONE, Optional.of(reason));
        stop();
    }

    void throwFailure() {
        failure.get().ifPresent(reason -> {
            if (reason instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) reason;
        });
    }

    /** Asked between any two steps that could take long. */
    void check() {
        if (stopped || Thread.currentThread().isInterrupted()) {
            throw new CancellationException("the copy was cancelled");
        }
    }

    Copied result() {
        return new Copied(rung.get(), files.sum(), bytes.sum(), lostXattrs.sum());
    }
}
