package io.berth.docker;

import io.berth.fault.Fault;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * Work on storage that may hang, given up in time. Each place, a pool or the host's paths, has a few threads of its own, so
 * one that hangs holds up no other. Thread-safe.
 *
 * <p>A {@link io.berth.linux.Bulkhead} bounds single system calls on a server, alike for every caller, by whether the
 * server lives. This bounds whole operations on any storage, a disk of this machine included, by what is left of Docker's
 * own patience, and takes back what comes too late.
 */
final class PlaceCalls implements AutoCloseable {
    private static final int MOST_WAITING = 512;
    private static final long IDLE_SECONDS = 10;

    private final String name;
    private final int threads;
    private final Duration forSilent;
    private final Map<String, Place> places = new ConcurrentHashMap<>();

    /**
     * Work of one sort.
     *
     * @param name of the threads, before the place's
     * @param threads of each place, at most
     * @param forSilent how long a place is waited for, at most, with what is only shown, while it owes an answer that was
     *     given up
     */
    PlaceCalls(String name, int threads, Duration forSilent) {
        this.name = name;
        this.threads = threads;
        this.forSilent = forSilent;
    }

    /** A place's threads, and how many of them hang in work that was given up. */
    private record Place(ThreadPoolExecutor executor, AtomicInteger silent) {}

    /** Work that was begun. */
    final class Pending<T> {
        private final String name;
        private final Place place;
        private final FutureTask<T> task;
        private final AtomicBoolean over = new AtomicBoolean();

        private Pending(String name, Supplier<T> work, Runnable late) {
            this.name = name;
            this.place = places.computeIfAbsent(name, key -> new Place(executor(key), new AtomicInteger()));
            this.task = new FutureTask<>(() -> {
                boolean succeeded = false;
                try {
                    T result = work.get();
                    succeeded = true;
                    return result;
                } finally {
                    if (!over.compareAndSet(false, true)) {
                        place.silent().decrementAndGet();
                        if (succeeded) {
                            late.run();
                        }
                    }
                }
            });
        }

        /**
         * The result, if it comes in time; of a place that owes an answer it comes soon or not at all. For what is only
         * shown: a busy machine owes answers too, and nothing that is to be done may fail for that.
         *
         * @throws Fault UNAVAILABLE when it does not; else whatever the work threw
         */
        T awaitShown(Duration patience) {
            boolean isSilent = place.silent().get() > 0 && patience.compareTo(forSilent) > 0;
            return await(isSilent ? forSilent : patience);
        }

        private T await(Duration atMost) {
            try {
                try {
                    return task.get(atMost.toNanos(), TimeUnit.NANOSECONDS);
                } catch (TimeoutException e) {
                    if (place.executor().remove(task) || giveUp()) {
                        throw silent(name, atMost);
                    }
                    return task.get(); // it has ended just now
                }
            } catch (ExecutionException e) {
                if (e.getCause() instanceof RuntimeException failure) {
                    throw failure;
                }
                throw new Fault(Fault.Kind.INTERNAL, "a defect of Berth, see its log", e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new Fault(Fault.Kind.UNAVAILABLE, "Berth stops", e);
            }
        }

        private boolean giveUp() {
            place.silent().incrementAndGet();
            boolean gaveUp = over.compareAndSet(false, true);
            if (!gaveUp) {
                place.silent().decrementAndGet();
            }
            return gaveUp;
        }
    }

    /**
     * Begins some work.
     *
     * @throws Fault UNAVAILABLE when too much of it waits for this place
     */
    <T> Pending<T> begin(String place, Supplier<T> work) {
        return begin(place, work, () -> {});
    }

    private <T> Pending<T> begin(String place, Supplier<T> work, Runnable late) {
        Pending<T> pending = new Pending<>(place, work, late);
        try {
            pending.place.executor().execute(pending.task);
            return pending;
        } catch (RejectedExecutionException e) {
            throw new Fault(
                    Fault.Kind.UNAVAILABLE,
                    place + ": too many calls are waiting for it, or Berth stops; try again",
                    e);
        }
    }

    /**
     * Does some work.
     *
     * @throws Fault UNAVAILABLE when it takes too long; else whatever the work threw
     */
    <T> T within(Duration patience, String place, Supplier<T> work) {
        return begin(place, work).await(patience);
    }

    /** As {@link #within(Duration, String, Supplier)}, of work without a result. */
    void run(Duration patience, String place, Runnable work) {
        run(patience, place, work, () -> {});
    }

    /**
     * Does some work.
     *
     * @param late done after it when it was given up and has come to its end all the same
     * @throws Fault UNAVAILABLE when it takes too long; else whatever the work threw
     */
    void run(Duration patience, String place, Runnable work, Runnable late) {
        Supplier<Boolean> done = () -> {
            work.run();
            return true;
        };
        begin(place, done, late).await(patience);
    }

    private static Fault silent(String place, Duration patience) {
        return new Fault(
                Fault.Kind.UNAVAILABLE,
                place + " has not answered for " + patience.toMillis()
                        + " ms; what was begun may still come to its end");
    }

    private ThreadPoolExecutor executor(String place) {
        ThreadPoolExecutor executor = new ThreadPoolExecutor(
                threads, threads, IDLE_SECONDS, TimeUnit.SECONDS, new ArrayBlockingQueue<>(MOST_WAITING), task -> {
                    Thread thread = new Thread(task, name + "-" + place);
                    thread.setDaemon(true);
                    return thread;
                });
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }

    /** Begins nothing more. What hangs is left behind. */
    @Override
    public void close() {
        places.values().forEach(place -> place.executor().shutdown());
    }
}
