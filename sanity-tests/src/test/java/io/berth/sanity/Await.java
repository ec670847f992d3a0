package io.berth.sanity;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for what becomes true by itself. */
public final class Await {
    private static final long BETWEEN_LOOKS = TimeUnit.MILLISECONDS.toNanos(5);

    private Await() {}

    /**
     * Waits until the condition holds.
     *
     * @param otherwise what is wrong when it never does
     */
    public static void until(Duration atMost, BooleanSupplier condition, Supplier<String> otherwise) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - start > atMost.toNanos()) {
                throw new AssertionError("after " + atMost.toSeconds() + " s: " + otherwise.get());
            }
            LockSupport.parkNanos(BETWEEN_LOOKS);
        }
    }
}
