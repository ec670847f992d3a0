package io.berth.linux;

import io.berth.fault.Fault;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Makes the calls on storage that may stop answering, on a few threads of its own and each within a time. So storage that
 * is dead keeps no caller waiting for long, and no thread but these.
 *
 * <p>A call that was given up may still take effect. So further calls are refused at once until all that were given up
 * have come back, and then one call alone tries whether the storage answers again. Thread-safe.
 */
public final class Bulkhead implements AutoCloseable {
    /** How many calls are made at once; the others wait. */
    public static final int THREADS = 8;

    private static final Duration IDLE = Duration.ofSeconds(10);
    private static final Duration FOR_CLOSING = Duration.ofSeconds(2);

    /**
     * How long to wait.
     *
     * @param ask after how long, and how often, a caller who waits asks whether the storage lives
     * @param call the longest that storage which lives may take for a call
     * @param transfer the same for a call that moves data, or waits until data is on disk
     */
    public record Patience(Duration ask, Duration call, Duration transfer) {
        /** What suits a server in a network. */
        public static final Patience OF_NETWORK =
                new Patience(Duration.ofSeconds(5), Duration.ofSeconds(10), Duration.ofMinutes(10));
    }

    private final String storage;
    private final Patience patience;
    private final BooleanSupplier lives;
    private final ThreadPoolExecutor threads;

    /** Files that are open on the storage. */
    private final Set<Descriptor> files = ConcurrentHashMap.newKeySet();

    private volatile boolean doubted;
    private int givenUp;
    private boolean silent;
    private boolean trying;

    /**
     * A bulkhead without threads yet.
     *
     * @param storage what it is, for messages
     * @param lives whether the storage answers at all; takes no longer than two seconds, and touches no file of it
     */
    public Bulkhead(String storage, Patience patience, BooleanSupplier lives) {
        this.storage = storage;
        this.patience = patience;
        this.lives = lives;
        this.threads = new ThreadPoolExecutor(
                THREADS, THREADS, IDLE.toSeconds(), TimeUnit.SECONDS, new LinkedBlockingQueue<>(), Worker::new);
        threads.allowCoreThreadTimeOut(true);
    }

    private final class Worker extends Thread {
        Worker(Runnable work) {
            super(work, storage);
            setDaemon(true); // one that is stuck in the kernel must not keep this process
        }

        @Override
        public void run() {
            Linux.clearUmask();
            super.run();
        }

        boolean isOf(Bulkhead bulkhead) {
            return Bulkhead.this == bulkhead;
        }
    }

    /**
     * Makes a call and waits for it.
     *
     * @throws Fault UNAVAILABLE when the storage does not answer; whatever the call itself throws
     */
    public <T> T call(Supplier<T> call) {
        return call(call, late -> {}, patience.call());
    }

    /** As {@link #call(Supplier)}; what the call answers after it was given up is handed to {@code late}. */
    public <T> T call(Supplier<T> call, Consumer<T> late) {
        return call(call, late, patience.call());
    }

    /** As {@link #call(Supplier)}, with the patience for a call that moves data. */
    <T> T transfer(Supplier<T> call) {
        return call(call, late -> {}, patience.transfer());
    }

    /** As {@link #transfer(Supplier)}; what the call answers after it was given up is handed to {@code late}. */
    <T> T transfer(Supplier<T> call, Consumer<T> late) {
        return call(call, late, patience.transfer());
    }

    /** Makes a call that has to be made once, in any case: when the storage is silent, as soon as a thread is free. */
    public <T> T nowOrLater(Supplier<T> call, T answerOfLater) {
        AtomicBoolean begun = new AtomicBoolean();
        Supplier<T> once = () -> begun.getAndSet(true) ? answerOfLater : call.get();
        try {
            return call(once);
        } catch (Fault e) {
            threads.execute(() -> {
                T unused = once.get();
            });
            return answerOfLater;
        }
    }

    /** A call met a file that the storage knows no more. */
    public void doubt() {
        doubted = true;
    }

    /** Whether a call met a file that the storage knows no more, since this was asked last. */
    public boolean takeDoubt() {
        boolean before = doubted;
        doubted = false;
        return before;
    }

    void opened(Descriptor file) {
        files.add(file);
    }

    void closed(Descriptor file) {
        files.remove(file);
    }

    /**
     * Closes all files on the storage, whoever uses them, and waits up to two seconds for that. What a process leaves open
     * when it ends, the kernel closes, and a file of NFS holds the process up as long as its server is silent, sockets and
     * all; each thread of these closes one and ends with the process wherever it is.
     */
    @Override
    public void close() {
        long end = System.nanoTime() + FOR_CLOSING.toNanos();
        List<Worker> closing =
                files.stream().map(file -> new Worker(file::abandon)).toList();
        closing.forEach(Thread::start);
        try {
            for (Worker worker : closing) {
                if (!worker.join(Duration.ofNanos(end - System.nanoTime()))) {
                    neverAskAgain();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            neverAskAgain();
        }
    }

    private synchronized void neverAskAgain() {
        givenUp++;
        silent = true;
    }

    private <T> T call(Supplier<T> work, Consumer<T> late, Duration longest) {
        if (Thread.currentThread() instanceof Worker worker && worker.isOf(this)) {
            return work.get();
        }
        boolean trial = admit();
        try {
            Call<T> call = new Call<>(work, late);
            threads.execute(call);
            T answer = call.await(longest);
            answered();
            return answer;
        } finally {
            if (trial) {
                endTrial();
            }
        }
    }

    /**
     * Refuses while calls that were given up have not come back. For who else would wait for something that one of them
     * holds.
     *
     * @throws Fault UNAVAILABLE
     */
    synchronized void refuseWhileSilent() {
        if (silent && givenUp > 0) {
            throw silence();
        }
    }

    /** Refuses while the storage is silent; true when this caller is to try it. */
    private synchronized boolean admit() {
        if (silent && (givenUp > 0 || trying)) {
            throw silence();
        }
        trying |= silent;
        return silent;
    }

    private synchronized void answered() {
        silent &= givenUp > 0;
    }

    private synchronized void endTrial() {
        trying = false;
    }

    private Fault silence() {
        return new Fault(
                Fault.Kind.UNAVAILABLE, storage + " does not answer; when it does again, the same call will succeed");
    }

    /** One call; its end is set once, by its thread or by the caller who gives it up. */
    private final class Call<T> implements Runnable {
        private final Supplier<T> work;
        private final Consumer<T> late;
        private final CompletableFuture<T> end = new CompletableFuture<>();

        Call(Supplier<T> work, Consumer<T> late) {
            this.work = work;
            this.late = late;
        }

        @Override
        public void run() {
            try {
                T answer = work.get();
                if (!end.complete(answer)) {
                    late.accept(answer);
                    comeBack();
                }
            } catch (RuntimeException | Error e) {
                if (!end.completeExceptionally(e)) {
                    comeBack();
                }
            }
        }

        T await(Duration longest) {
            long begun = System.nanoTime();
            while (true) {
                try {
                    return end.get(patience.ask().toNanos(), TimeUnit.NANOSECONDS);
                } catch (TimeoutException e) {
                    if (System.nanoTime() - begun >= longest.toNanos() || !lives.getAsBoolean()) {
                        giveUp();
                    }
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    giveUp();
                } catch (ExecutionException e) {
                    throw failure(e);
                }
            }
        }

        private RuntimeException failure(ExecutionException end) {
            if (end.getCause() instanceof Error error) {
                throw error;
            }
            return end.getCause() instanceof RuntimeException failure ? failure : new IllegalStateException(end);
        }

        /** Returns when the call has ended meanwhile, else throws. */
        private void giveUp() {
            if (threads.remove(this)) {
                throw silence(); // it was not begun, and never will be
            }
            synchronized (Bulkhead.this) {
                if (end.completeExceptionally(silence())) {
                    givenUp++;
                    silent = true;
                }
            }
        }

        private void comeBack() {
            synchronized (Bulkhead.this) {
                givenUp--;
            }
        }
    }
}
