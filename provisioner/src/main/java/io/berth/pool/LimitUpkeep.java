package io.berth.pool;

import io.berth.fault.Fault;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the limits of a pool need from time to time: what was taken for volumes that are gone is given back, and limits that
 * hold nobody although they are set are noticed, told and mended. Thread-safe.
 */
final class LimitUpkeep {
    private static final Logger LOG = LoggerFactory.getLogger(LimitUpkeep.class);
    private static final Duration FIRST_WAIT = Duration.ofSeconds(10);
    private static final Duration LONGEST_WAIT = Duration.ofMinutes(10);
    /** Mending reads all metadata of the file system, and what made it necessary may come again and again. */
    private static final Duration BETWEEN_MENDS = Duration.ofMinutes(10);

    private final Pool pool;
    private boolean somethingLeft;
    private Duration wait = FIRST_WAIT;
    private long nextTry = System.nanoTime();
    private long nextMend = System.nanoTime();
    private boolean lapsed;

    LimitUpkeep(Pool pool) {
        this.pool = pool;
    }

    /** Something has left the trash, so that there may be something to give back. */
    synchronized void expectSomethingLeft() {
        somethingLeft = true;
        wait = FIRST_WAIT;
        long soon = System.nanoTime() + FIRST_WAIT.toNanos();
        if (nextTry - soon > 0) {
            nextTry = soon;
        }
    }

    /** Gives back what was taken for volumes whose data has left the trash, and what could not be given back before. */
    synchronized void giveBackIfDue() {
        if (!somethingLeft || System.nanoTime() - nextTry < 0) {
            return;
        }
        somethingLeft = pool.formats()
                .giveBack((id, action) -> pool.volumes().tryLock(id).ifPresent(lock -> {
                    try (lock) {
                        action.run();
                    }
                }));
        nextTry = System.nanoTime() + wait.toNanos();
        wait = wait.multipliedBy(2).compareTo(LONGEST_WAIT) < 0 ? wait.multipliedBy(2) : LONGEST_WAIT;
    }

    /** Looks whether limits hold, says so when that has changed, and begins to mend them where they do not. */
    synchronized void watch() {
        Optional<String> lapse = pool.formats().limitLapse();
        if (lapse.isPresent() && !lapsed) {
            LOG.warn("pool {}: {}", pool.config().name(), lapse.get());
        } else if (lapse.isEmpty() && lapsed) {
            LOG.info("pool {}: limits hold again", pool.config().name());
        }
        lapsed = lapse.isPresent();
        if (lapsed && System.nanoTime() - nextMend >= 0) {
            mend();
        }
    }

    private void mend() {
        try {
            if (!pool.formats().mendLimits()) {
                return; // it is going on already
            }
            LOG.info(
                    "pool {}: began to count anew what each volume holds",
                    pool.config().name());
        } catch (Fault e) {
            LOG.warn("pool {}: limits cannot be mended: {}", pool.config().name(), e.getMessage());
        }
        nextMend = System.nanoTime() + BETWEEN_MENDS.toNanos();
    }
}
