package io.berth.pool;

import io.berth.catalog.Catalog;
import io.berth.catalog.SnapshotCatalog;
import io.berth.volume.Id;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * How many bytes a pool's volumes were promised, and its snapshots use. This process's own changes are counted as they happen; those of other
 * processes on the pool when the records are counted again. Thread-safe.
 */
final class Promised {
    /** A recount reads every record, so it may take at most a hundredth of the time. */
    private static final int SHARE = 100;

    private static final Duration MIN_INTERVAL = Duration.ofSeconds(5);

    /** A change this close to another may leave the folder's time as it is; then it is counted once more later. */
    private static final Duration CLOCK_STEP = Duration.ofSeconds(2);

    private final Catalog volumes;
    private final SnapshotCatalog snapshots;
    private final ReentrantLock counting = new ReentrantLock();
    private final Map<Id, Long> underWay = new HashMap<>();

    /** Own changes since the recount that is running began. */
    private @Nullable Map<Id, Long> changed;

    private long total;
    private volatile Instant countedAt = Instant.MIN;
    private volatile long notBefore = System.nanoTime();

    Promised(Catalog volumes, SnapshotCatalog snapshots) {
        this.volumes = volumes;
        this.snapshots = snapshots;
    }

    synchronized long total() {
        return total;
    }

    /** Promises {@code to} bytes where {@code from} were; false when that is more in all than the limit. */
    synchronized boolean begin(Id id, long from, long to, long limit) {
        if (to > from && to - from > limit - total) {
            return false;
        }
        total += to - from;
        underWay.put(id, to);
        note(id, to);
        return true;
    }

    /** Ends what {@link #begin} began: {@code now} is what is promised, whether it worked or not. */
    synchronized void end(Id id, long now) {
        Long begun = underWay.remove(id);
        if (begun != null) {
            total += now - begun;
            note(id, now);
        }
    }

    private Instant changed() {
        Instant ofVolumes = volumes.changed();
        Instant ofSnapshots = snapshots.changed();
        return ofVolumes.isAfter(ofSnapshots) ? ofVolumes : ofSnapshots;
    }

    private void note(Id id, long bytes) {
        if (changed != null) {
            changed.put(id, bytes);
        }
    }

    /** Counts the records again if somebody may have changed them since, and if that is not too soon. */
    boolean recountIfStale() {
        return System.nanoTime() - notBefore >= 0 && !changed().equals(countedAt) && recount();
    }

    /** Counts the records if they never were; a command that makes nothing larger has no need to. */
    void countOnce() {
        if (countedAt.equals(Instant.MIN)) {
            recount();
        }
    }

    /** Counts the records; false when another thread is counting. */
    boolean recount() {
        if (!counting.tryLock()) {
            return false;
        }
        try {
            long start = System.nanoTime();
            Instant asOf = changed();
            synchronized (this) {
                changed = new HashMap<>(underWay);
            }
            Tally counted = new Tally();
            volumes.forEachReadable(volume -> counted.put(volume.id(), volume.capacityBytes()));
            snapshots.forEachReadable(snapshot -> counted.put(snapshot.id(), snapshot.usedBytes()));
            finish(counted, asOf);
            long nanos = System.nanoTime() - start;
            notBefore = System.nanoTime() + Math.max(MIN_INTERVAL.toNanos(), SHARE * nanos);
            return true;
        } finally {
            counting.unlock();
        }
    }

    private synchronized void finish(Tally counted, Instant asOf) {
        if (changed != null) {
            changed.forEach(counted::put);
        }
        changed = null;
        total = counted.sum();
        countedAt = asOf.isBefore(Instant.now().minus(CLOCK_STEP)) ? asOf : Instant.EPOCH;
    }
}
