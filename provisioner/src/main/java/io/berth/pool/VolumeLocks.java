package io.berth.pool;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.LockFile;
import io.berth.linux.SystemCallException;
import io.berth.volume.Id;
import io.berth.volume.PoolName;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One lock per volume and snapshot of a pool, among the threads of this process and among processes on this pool. Between processes
 * it is a byte of the lock file, locked by fcntl(2), which a killed process gives back. Thread-safe; not reentrant.
 */
public final class VolumeLocks implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(VolumeLocks.class);
    private static final Duration PATIENCE = Duration.ofSeconds(2);
    /** A byte that {@link #offset} gives to none. */
    private static final long OF_NO_ID = 1L << 62;

    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final PoolName pool;
    private final LockFile file;
    private final Map<Id, Holder> held = new ConcurrentHashMap<>();

    private record Holder(String thread, long since, CountDownLatch released) {}

    VolumeLocks(PoolName pool, Directory records) {
        this.pool = pool;
        file = LockFile.open(records, "lock");
    }

    /** A lock that is held until it is closed, and what was begun with {@link #together} is over. Thread-safe. */
    public final class Held implements AutoCloseable {
        private final Id id;
        private final LockFile.Held acrossProcesses;
        private boolean closed;
        private int works;

        private Held(Id id, LockFile.Held acrossProcesses) {
            this.id = id;
            this.acrossProcesses = acrossProcesses;
        }

        /**
         * Does some of what the lock is for. Where the pool's storage may be silent that is one call on it, which would
         * else change threads for each system call; so the work should take no longer than others can wait. Work that was
         * given up keeps the lock until it is over.
         *
         * @throws Fault UNAVAILABLE when the storage is silent; whatever the work throws
         */
        public <T> T together(Supplier<T> work) {
            return file.together(() -> {
                begin();
                try {
                    return work.get();
                } finally {
                    end();
                }
            });
        }

        /** As {@link #together}, of all that is left to do: the lock is given back in the same call. */
        public <T> T last(Supplier<T> work) {
            return together(() -> {
                try (this) {
                    return work.get();
                }
            });
        }

        private synchronized void begin() {
            if (closed) {
                throw new IllegalStateException("given back already: " + id);
            }
            works++;
        }

        private void end() {
            synchronized (this) {
                works--;
                if (!closed || works > 0) {
                    return;
                }
            }
            giveBack();
        }

        /** Does nothing the second time. */
        @Override
        public void close() {
            synchronized (this) {
                boolean before = closed;
                closed = true;
                if (before || works > 0) {
                    return;
                }
            }
            giveBack();
        }

        private void giveBack() {
            try {
                acrossProcesses.close();
            } finally {
                release(id);
            }
        }
    }

    /**
     * Takes the lock, waiting up to two seconds: what holds it is usually done in milliseconds.
     *
     * @throws Fault BUSY naming who holds it, UNAVAILABLE while the pool's storage is silent
     */
    public Held lock(Id id) {
        file.refuseWhileSilent(); // work that was given up may hold it
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        Holder mine = new Holder(Thread.currentThread().getName(), System.nanoTime(), new CountDownLatch(1));
        for (Optional<Holder> other = enter(id, mine); other.isPresent(); other = enter(id, mine)) {
            await(id, other.get(), deadline);
        }
        while (true) {
            Optional<Held> lock = acrossProcesses(id);
            if (lock.isPresent()) {
                return lock.get();
            }
            if (System.nanoTime() >= deadline) {
                release(id);
                throw new Fault(Fault.Kind.BUSY, "another process is working on " + id.described() + "; try again");
            }
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    /** Takes the lock if nobody has it. */
    public Optional<Held> tryLock(Id id) {
        Holder mine = new Holder(Thread.currentThread().getName(), System.nanoTime(), new CountDownLatch(1));
        if (enter(id, mine).isPresent()) {
            return Optional.empty();
        }
        Optional<Held> lock = acrossProcesses(id);
        if (lock.isEmpty()) {
            release(id);
        }
        return lock;
    }

    /**
     * Settles each of these, which a crash left unfinished, unless another process is working on it. One that cannot be
     * settled is reported and left as it is.
     */
    <T extends Id> void settle(List<T> unfinished, Consumer<T> settle) {
        for (T id : unfinished) {
            Optional<Held> lock = tryLock(id);
            if (lock.isEmpty()) {
                continue; // its process lives
            }
            try (Held mine = lock.get()) {
                settle.accept(id);
                LOG.info("pool {}: settled {}, which a crash had left unfinished", pool, id.described());
            } catch (Fault e) {
                LOG.warn("pool {}: {} stays unfinished: {}", pool, id.described(), e.getMessage());
            }
        }
    }

    private Optional<Holder> enter(Id id, Holder mine) {
        return Optional.ofNullable(held.putIfAbsent(id, mine));
    }

    private static void await(Id id, Holder other, long deadline) {
        try {
            if (!other.released().await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - other.since());
                throw new Fault(
                        Fault.Kind.BUSY,
                        "another call (" + other.thread() + ") has been working on " + id.described() + " for " + millis
                                + " ms; try again");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Fault(Fault.Kind.UNAVAILABLE, "interrupted while waiting for " + id.described(), e);
        }
    }

    private Optional<Held> acrossProcesses(Id id) {
        try {
            return file.tryLock(offset(id)).map(lock -> new Held(id, lock));
        } catch (RuntimeException e) {
            release(id);
            throw e;
        }
    }

    private void release(Id id) {
        Holder mine = held.remove(id);
        if (mine != null) {
            mine.released().countDown();
        }
    }

    /** Whether no lock can be had any more: a server that forgot the open file refuses, and goes on doing so. */
    boolean isBroken() {
        try {
            file.tryLock(OF_NO_ID).ifPresent(LockFile.Held::close);
            return false;
        } catch (SystemCallException e) {
            return true;
        }
    }

    /** FNV-1a over the id, so that two share a byte about never, and then only wait for each other. */
    static long offset(Id id) {
        long hash = 0xcbf29ce484222325L;
        for (byte b : id.described().getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
        }
        return hash >>> 2; // fcntl offsets are signed, and start + length must not overflow
    }

    @Override
    public void close() {
        file.close();
    }
}
