package io.berth.pool;

import io.berth.fault.Fault;
import io.berth.volume.PoolName;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one background thread: empties the trash of every open pool at a bounded rate, counts again what other processes may
 * have promised, watches that limits hold, keeps room for deletes on a full disk, opens pools anew that were lost and lets
 * go of what was unmounted. What a crash interrupts, the next start goes on with.
 */
public final class Housekeeping implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Housekeeping.class);
    private static final int STEPS_PER_SECOND = 20;
    private static final Duration BETWEEN_STEPS = Duration.ofSeconds(1).dividedBy(STEPS_PER_SECOND);
    private static final Duration IDLE = Duration.ofSeconds(1);
    private static final Duration STUCK = Duration.ofSeconds(30);
    private static final Duration LAST_CALLS = Duration.ofMinutes(1);

    private final Pools pools;
    private final int step;
    private final Thread thread = new Thread(this::run, "housekeeping");
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition stop = lock.newCondition();
    private boolean stopped;

    /**
     * Keeps these pools.
     *
     * @param entriesPerSecond how many files and folders to remove in a second, over all pools
     */
    public Housekeeping(Pools pools, int entriesPerSecond) {
        this.pools = pools;
        this.step = Math.max(1, entriesPerSecond / STEPS_PER_SECOND);
        thread.setDaemon(true);
    }

    public void start() {
        thread.start();
    }

    private void run() {
        Map<PoolName, Long> due = new HashMap<>();
        Duration pause = IDLE;
        while (!pauseOrStop(pause)) {
            pause = IDLE;
            pools.keepInPlace(LAST_CALLS);
            for (Pool pool : pools.opened()) {
                long now = System.nanoTime();
                if (now - due.getOrDefault(pool.config().name(), now) >= 0) {
                    Duration wanted = keep(pool);
                    due.put(pool.config().name(), now + wanted.toNanos());
                    pause = wanted.compareTo(pause) < 0 ? wanted : pause;
                }
            }
        }
    }

    /** Does one step in a pool and says how long to wait before the next. */
    private Duration keep(Pool pool) {
        try {
            pool.recountIfStale();
            Trash.Reaped reaped = pool.reap(step);
            pool.watchLimits();
            if (reaped.more()) {
                return BETWEEN_STEPS;
            }
            if (reaped.stuck() > 0) {
                LOG.warn(
                        "pool {}: {} things in the trash cannot be removed, the first: {}",
                        pool.config().name(),
                        reaped.stuck(),
                        reaped.firstStuck().map(Fault::getMessage).orElse(""));
                return STUCK;
            }
            pool.keepSpare();
        } catch (Fault e) {
            LOG.warn("pool {}: housekeeping: {}", pool.config().name(), e.getMessage());
            return STUCK;
        } catch (RuntimeException | Error e) { // this thread must not end by it
            LOG.error("pool {}: housekeeping failed", pool.config().name(), e);
            return STUCK;
        }
        return IDLE;
    }

    private boolean pauseOrStop(Duration pause) {
        lock.lock();
        try {
            long left = pause.toNanos();
            while (!stopped && left > 0) {
                left = stop.awaitNanos(left);
            }
            return stopped;
        } catch (InterruptedException e) {
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Stops after the step that is running; waits for it at most five seconds. */
    @Override
    public void close() {
        lock.lock();
        try {
            stopped = true;
            stop.signalAll();
        } finally {
            lock.unlock();
        }
        try {
            thread.join(TimeUnit.SECONDS.toMillis(5));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
