package io.berth.pool;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.volume.Id;
import java.math.BigDecimal;

/** How much of a pool is promised, and how much can still be. Thread-safe. */
final class Room {
    private final PoolConfig config;
    private final Directory root;
    private final Promised promised;

    Room(PoolConfig config, Directory root, Promised promised) {
        this.config = config;
        this.root = root;
        this.promised = promised;
    }

    /** Bytes promised to volumes, and used by snapshots, so far. */
    long promisedBytes() {
        promised.countOnce();
        return promised.total();
    }

    /** Bytes of the pool: what was configured, else the file system's. */
    long sizeBytes() {
        return config.sizeBytes().orElseGet(() -> root.fileSystem().totalBytes());
    }

    /** Bytes that one more volume could have: what is not promised yet, and never more than what is free. */
    long availableBytes() {
        promised.countOnce();
        return Math.max(
                0,
                Math.min(mayBePromised() - promised.total(), root.fileSystem().availableBytes()));
    }

    private long mayBePromised() {
        return BigDecimal.valueOf(sizeBytes())
                .multiply(config.overcommit())
                .min(BigDecimal.valueOf(Long.MAX_VALUE))
                .longValue();
    }

    /**
     * Promises {@code to} bytes where {@code from} were; {@link #settle} must follow.
     *
     * @throws Fault RESOURCE_EXHAUSTED when there is no room
     */
    void promise(Id id, long from, long to) {
        if (to - from > root.fileSystem().availableBytes()) {
            throw none(id, to);
        }
        count(id, from, to);
    }

    /** As {@link #promise}, for what is on the disk already. */
    void count(Id id, long from, long to) {
        promised.countOnce();
        if (!promised.begin(id, from, to, mayBePromised())
                && !(promised.recountIfStale() && promised.begin(id, from, to, mayBePromised()))) {
            throw none(id, to);
        }
    }

    private Fault none(Id id, long bytes) {
        return new Fault(
                Fault.Kind.RESOURCE_EXHAUSTED,
                "pool " + config.name() + " has no room for " + bytes + " bytes for " + id.described() + ": "
                        + sizeBytes() + " bytes with overcommit " + config.overcommit() + ", " + promisedBytes()
                        + " promised, " + root.fileSystem().availableBytes() + " free");
    }

    /** Ends what {@link #promise} began: {@code now} bytes are promised, whether it worked or not. */
    void settle(Id id, long now) {
        promised.end(id, now);
    }

    /** What had so many bytes is gone. */
    void giveBack(Id id, long bytes) {
        if (promised.begin(id, bytes, 0, Long.MAX_VALUE)) {
            promised.end(id, 0);
        }
    }

    void recount() {
        promised.recount();
    }

    /** Counts again what other processes may have promised; does nothing when nothing changed or it is too soon. */
    void recountIfStale() {
        promised.recountIfStale();
    }
}
