package io.berth.pool;

import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileSystemStatus;
import io.berth.volume.Id;
import java.math.BigDecimal;
import java.util.function.Consumer;

/** How much of a pool is promised, and how much can still be. Thread-safe. */
final class Room {
    private static final long MOST_INODES_KEPT = 10_000;

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

    /** How a copy into the pool may go: as far as there is room, and never to the last of its inodes. */
    Progress watch(Consumer<Progress> report) {
        return new Progress(availableBytes(), inodesForCopies(), progress -> {
            if (inodesForCopies() == 0) { // others take them too
                throw noInodes();
            }
            report.accept(progress);
        });
    }

    private long inodesForCopies() {
        FileSystemStatus now = root.fileSystem();
        return now.totalInodes() == 0
                ? Long.MAX_VALUE // btrfs makes them as they are needed
                : Math.max(0, now.freeInodes() - kept(now));
    }

    /** What is left for volumes in use, and to delete with. */
    private static long kept(FileSystemStatus now) {
        return Math.min(now.totalInodes() / 20, MOST_INODES_KEPT);
    }

    private Fault noInodes() {
        FileSystemStatus now = root.fileSystem();
        return new Fault(
                Fault.Kind.RESOURCE_EXHAUSTED,
                "pool " + config.name() + " has " + now.freeInodes() + " free inodes, and copies leave it " + kept(now)
                        + "; delete files or snapshots");
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
