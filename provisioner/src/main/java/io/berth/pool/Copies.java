package io.berth.pool;

import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.volume.Id;
import io.berth.volume.PoolName;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The copies that this process makes, a few at once while the others wait: a call waits for its copy only so long, and
 * the next call for the same snapshot or volume finds it. Nobody who has many made holds up others: the next to begin is one
 * of whom fewest run, and the last thread is kept for somebody else. Thread-safe.
 */
public final class Copies implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Copies.class);
    /** How many run at once. */
    public static final int AT_ONCE = 5;

    /** How many of them may be of one namespace in one pool. */
    private static final int AT_ONCE_OF_ONE = AT_ONCE - 1;

    private static final int MAX = 200;
    private static final int MAX_OF_ONE = 100;
    private static final long IDLE_SECONDS = 10;
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final ThreadPoolExecutor executor = new ThreadPoolExecutor(
            AT_ONCE, AT_ONCE, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), Copies::thread);

    /** Those that run or wait, and those that failed when nobody was waiting; the oldest first. */
    private final Map<Id, Copy> copies = new LinkedHashMap<>();

    /** Those that are to begin, the oldest first. */
    private final List<Copy> waiting = new ArrayList<>();

    /** For whom those are that run. */
    private final List<Share> running = new ArrayList<>();

    public Copies() {
        executor.allowCoreThreadTimeOut(true);
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(work, "copies");
        thread.setDaemon(true); // what is left half made is settled by the next start
        return thread;
    }

    /** For whom a copy is: those of one namespace in one pool share with each other. */
    private record Share(PoolName pool, String namespace) {}

    /** What a copy does, with the locks and open directories it holds from its beginning to its end. */
    public interface Work extends AutoCloseable {
        /** Copies; must undo what it did when it throws. */
        void run();

        @Override
        void close();
    }

    /** A copy under way, or one that failed. */
    public final class Copy {
        private final Id id;
        private final Share share;
        private final Progress progress;
        /** Why it failed; empty when it did not. */
        private final CompletableFuture<Optional<Throwable>> end = new CompletableFuture<>();

        private volatile Runnable task = () -> {};

        private Copy(Id id, Share share, Progress progress) {
            this.id = id;
            this.share = share;
            this.progress = progress;
        }

        public Progress progress() {
            return progress;
        }

        /** What it makes, and how far it is. */
        @Override
        public String toString() {
            return id.described() + ": " + progress;
        }

        /**
         * Waits for the end.
         *
         * @return false when it goes on after so long
         * @throws Fault why it failed; BUSY when it was cancelled
         */
        public boolean await(Duration patience) {
            Optional<Throwable> failed;
            try {
                failed = end.get(patience.toNanos(), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                return false;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new Fault(Fault.Kind.UNAVAILABLE, "interrupted while " + id.described() + " was being made", e);
            } catch (ExecutionException e) {
                throw new IllegalStateException(e);
            }
            if (failed.isPresent()) {
                forget(this); // the caller knows now; the next call begins anew
                throw failure(id, failed.get());
            }
            return true;
        }

        private void run(Work work) {
            Optional<Throwable> failed = Optional.empty();
            try (work) {
                work.run();
                LOG.debug("{} is made: {}", id.described(), progress);
            } catch (RuntimeException | Error e) {
                LOG.info("{} could not be made: {}", id.described(), e.toString());
                failed = Optional.of(e);
            }
            if (failed.isEmpty()) {
                forget(this);
            }
            end.complete(failed);
        }

        private void cancel() {
            progress.cancel();
            if (forgetWaiting(this)) {
                task.run(); // it ends at once
            }
        }
    }

    private static RuntimeException failure(Id id, Throwable cause) {
        return switch (cause) {
            case Fault fault -> new Fault(fault.kind(), fault.getMessage(), fault);
            case CancellationException cancelled ->
                new Fault(Fault.Kind.BUSY, "the copy to " + id.described() + " was cancelled; try again", cancelled);
            default -> new IllegalStateException("copy to " + id.described(), cause);
        };
    }

    /** The copy to this snapshot or volume, if one is under way here, or failed since the last call. */
    public synchronized Optional<Copy> find(Id id) {
        return Optional.ofNullable(copies.get(id));
    }

    /** Those that run or wait, the oldest first. */
    public synchronized List<Copy> underWay() {
        return copies.values().stream().filter(copy -> !copy.end.isDone()).toList();
    }

    /**
     * Begins a copy, or finds the one that another call has just begun.
     *
     * @param namespace whose copy it is, as far as that is known; else an empty text
     * @param begin takes the locks and writes the intent; its failure is the caller's
     * @throws Fault BUSY when too many copies wait already
     */
    public Copy start(Id id, String namespace, Progress progress, Function<Progress, Work> begin) {
        Copy copy = new Copy(id, new Share(id.pool(), namespace), progress);
        Optional<Copy> other = enter(copy);
        if (other.isPresent()) {
            return other.get();
        }
        try {
            Work work = begin.apply(progress);
            copy.task = () -> copy.run(work);
            await(copy);
            runNext();
        } catch (RuntimeException | Error e) {
            forget(copy);
            copy.end.complete(Optional.of(e));
            throw e;
        }
        return copy;
    }

    private synchronized void await(Copy copy) {
        waiting.add(copy);
    }

    private synchronized boolean forgetWaiting(Copy copy) {
        return waiting.remove(copy);
    }

    /** Begins the copies that there are threads for. */
    private void runNext() {
        for (Optional<Copy> next = next(); next.isPresent(); next = next()) {
            Copy copy = next.get();
            try {
                executor.execute(() -> {
                    try {
                        copy.task.run();
                    } finally {
                        ended(copy);
                        runNext();
                    }
                });
            } catch (RejectedExecutionException | Error e) {
                ended(copy);
                copy.progress.cancel(); // this process is stopping, or cannot have a thread
                copy.task.run();
            }
        }
    }

    /** The copy to begin now, which counts as running: of those of whom fewest run, the one that waits longest. */
    private synchronized Optional<Copy> next() {
        if (running.size() >= AT_ONCE) {
            return Optional.empty();
        }
        Optional<Copy> next = waiting.stream()
                .filter(copy -> runningOf(copy.share) < AT_ONCE_OF_ONE)
                .min(Comparator.comparingInt(copy -> runningOf(copy.share)));
        next.ifPresent(copy -> {
            waiting.remove(copy);
            running.add(copy.share);
        });
        return next;
    }

    private int runningOf(Share share) {
        return Collections.frequency(running, share);
    }

    private synchronized void ended(Copy copy) {
        running.remove(copy.share);
    }

    private synchronized Optional<Copy> enter(Copy copy) {
        Copy other = copies.get(copy.id);
        if (other != null) {
            return Optional.of(other);
        }
        if (copies.size() >= MAX && !removeOldestFailure()) {
            throw tooMany(MAX + " copies");
        }
        if (copies.values().stream()
                        .filter(one -> one.share.equals(copy.share) && !one.end.isDone())
                        .count()
                >= MAX_OF_ONE) {
            throw tooMany(MAX_OF_ONE + " copies in pool " + copy.share.pool()
                    + (copy.share.namespace().isEmpty()
                            ? ""
                            : " for namespace " + Fault.quote(copy.share.namespace())));
        }
        copies.put(copy.id, copy);
        return Optional.empty();
    }

    private static Fault tooMany(String copies) {
        return new Fault(Fault.Kind.BUSY, copies + " are under way or wait already; try again later");
    }

    private boolean removeOldestFailure() {
        Iterator<Copy> oldest = copies.values().iterator();
        while (oldest.hasNext()) {
            if (oldest.next().end.isDone()) {
                oldest.remove();
                return true;
            }
        }
        return false;
    }

    private synchronized void forget(Copy copy) {
        copies.remove(copy.id, copy);
    }

    /**
     * Cancels the copy to this snapshot or volume, if one is under way here, and waits until it is undone.
     *
     * @throws Fault BUSY when that takes long
     */
    public void cancel(Id id) {
        Optional<Copy> found = find(id);
        if (found.isEmpty()) {
            return;
        }
        Copy copy = found.get();
        copy.cancel();
        try {
            if (!copy.await(PATIENCE)) {
                throw new Fault(Fault.Kind.BUSY, "the copy to " + id.described() + " is being cancelled; try again");
            }
        } catch (Fault e) {
            if (!copy.end.isDone()) {
                throw e;
            }
            LOG.debug("cancelled the copy to {}: {}", id.described(), e.getMessage());
        }
    }

    /** Cancels all copies and waits until they are undone, at most ten seconds; what is left is settled at the next start. */
    @Override
    public void close() {
        List<Copy> all;
        synchronized (this) {
            all = List.copyOf(copies.values());
        }
        all.forEach(Copy::cancel);
        executor.shutdown();
        try {
            if (!executor.awaitTermination(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                LOG.warn("a copy did not end in time; the next start undoes it");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
