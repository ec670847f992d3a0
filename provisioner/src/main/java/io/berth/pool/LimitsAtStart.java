package io.berth.pool;

import io.berth.fault.Fault;
import io.berth.volume.Volume;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds every volume of a pool to the limit that its record says, for the quotas of a file system are no part of the
 * records: they may have been off, or lost by a crash or with a copy of the pool. A few system calls for each volume.
 */
final class LimitsAtStart {
    private static final Logger LOG = LoggerFactory.getLogger(LimitsAtStart.class);

    private final Pool pool;
    private int restored;
    private int failed;
    private Optional<Fault> firstFailure = Optional.empty();

    private LimitsAtStart(Pool pool) {
        this.pool = pool;
    }

    /** Does so, and logs what was wrong; a volume that cannot be held to its limit stops nothing. */
    static void restore(Pool pool) {
        LimitsAtStart limits = new LimitsAtStart(pool);
        pool.volumes().catalog().forEachReadable(limits::check);
        limits.log();
    }

    private void check(Volume volume) {
        try {
            if (pool.formats().isHeldToLimit(volume)) {
                return;
            }
            Optional<VolumeLocks.Held> lock = pool.volumes().tryLock(volume.id());
            if (lock.isEmpty()) {
                return; // another process is changing it, and its limit with it
            }
            try (VolumeLocks.Held held = lock.get()) {
                Optional<Volume> now = pool.volumes().find(volume.id());
                if (now.isPresent()) {
                    pool.formats().holdToLimit(now.get());
                    restored++;
                }
            }
        } catch (Fault e) {
            if (e.kind() == Fault.Kind.NOT_FOUND) {
                return; // its data is gone, and a limit would change nothing
            }
            failed++;
            if (firstFailure.isEmpty()) {
                firstFailure = Optional.of(e);
            }
        }
    }

    private void log() {
        LOG.info(
                "pool {}: directories {}",
                pool.config().name(),
                pool.formats()
                        .limitProblem()
                        .map(problem -> "cannot be held to a limit: " + problem)
                        .orElse("are held to their limits by " + pool.formats().limitedBy()));
        if (restored > 0) {
            LOG.warn(
                    "pool {}: set the limits of {} volumes again that had lost them",
                    pool.config().name(),
                    restored);
        }
        firstFailure.ifPresent(failure -> LOG.warn(
                "pool {}: {} volumes are not held to their limit, the first: {}",
                pool.config().name(),
                failed,
                failure.getMessage()));
    }
}
