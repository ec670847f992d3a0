package io.berth.mount;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A mounted file system to which nothing is written, and whose device has everything written before: a copy of the device
 * is whole. Writers wait meanwhile, so it never lasts longer than its limit: a thread of its own ends it then. What a
 * killed process left frozen is for {@link Directory#fithaw}. Thread-safe.
 */
public final class Freeze implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Freeze.class);
    private static final Duration BETWEEN_TRIES = Duration.ofSeconds(1);

    /** Its own, open until it is thawed. */
    private final Directory root;

    private final Runnable overdue;
    private final CountDownLatch thawed = new CountDownLatch(1);
    private boolean held = true;

    private Freeze(Directory root, Runnable overdue) {
        this.root = root;
        this.overdue = overdue;
    }

    /**
     * Freezes the file system, which takes as long as writing to its device what is not there yet.
     *
     * @param root a directory in it
     * @param limit how long it lasts at most
     * @param overdue called when it lasted so long
     * @throws Fault BUSY when it is frozen already
     */
    public static Freeze of(Directory root, Duration limit, Runnable overdue) {
        Freeze freeze = new Freeze(root.again(), overdue);
        try {
            freeze.begin(limit);
            return freeze;
        } catch (RuntimeException | Error e) {
            freeze.root.close();
            throw e;
        }
    }

    private void begin(Duration limit) {
        if (!root.fifreeze()) {
            throw new Fault(Fault.Kind.BUSY, "the file system at " + root.path() + " is frozen already; try again");
        }
        try {
            Thread watchdog = new Thread(() -> watch(limit), "thaw");
            watchdog.setDaemon(true);
            watchdog.start();
        } catch (RuntimeException | Error e) {
            thaw(); // without a watchdog it does not last
            throw e;
        }
    }

    private void watch(Duration limit) {
        if (!isThawedWithin(limit) && thawInTheEnd()) {
            LOG.warn("the file system at {} is thawed: it was frozen for {} ms", root.path(), limit.toMillis());
            overdue.run();
        }
    }

    private boolean isThawedWithin(Duration time) {
        try {
            return thawed.await(time.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            return false; // nobody interrupts it; if so, it is thawed at once
        }
    }

    /** Tries until it works, or somebody else has thawed it: until then whoever writes there waits. */
    private boolean thawInTheEnd() {
        while (true) {
            try {
                return thaw();
            } catch (Fault e) {
                LOG.error("the file system at {} stays frozen: {}", root.path(), e.getMessage());
            }
            if (isThawedWithin(BETWEEN_TRIES)) {
                return false;
            }
        }
    }

    /**
     * Lets writing go on.
     *
     * @return whether it was frozen until now; if not, what was copied meanwhile is not whole
     * @throws Fault when it cannot be thawed; it is then tried again until it can
     */
    public synchronized boolean thaw() {
        if (!held) {
            return false;
        }
        boolean frozen = root.fithaw(); // when that fails it is still held, and the watchdog tries again
        held = false;
        thawed.countDown();
        root.close();
        return frozen;
    }

    /** As {@link #thaw}; does nothing the second time. */
    @Override
    public void close() {
        thaw();
    }
}
