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
     * @param root a directory in it, which must stay open until this is closed
     * @param limit how long it lasts at most
     * @param overdue called when it lasted so long
     * @throws Fault BUSY when it is frozen already
     */
    public static Freeze of(Directory root, Duration limit, Runnable overdue) {
        if (!root.fifreeze()) {
            throw new Fault(Fault.Kind.BUSY, "the file system at " + root.path() + " is frozen already; try again");
        }
        Freeze freeze = new Freeze(root, overdue);
        try {
            Thread watchdog = new Thread(() -> freeze.watch(limit), "thaw");
            watchdog.setDaemon(true);
            watchdog.start();
            return freeze;
        } catch (Throwable e) {
            freeze.thaw(); // without a watchdog it does not last
            throw e;
        }
    }

    private void watch(Duration limit) {
        try {
            if (thawed.await(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (thaw()) {
            LOG.warn("the file system at {} is thawed: it was frozen for {} ms", root.path(), limit.toMillis());
            overdue.run();
        }
    }

    /**
     * Lets writing go on.
     *
     * @return whether it was frozen until now; if not, what was copied meanwhile is not whole
     */
    public synchronized boolean thaw() {
        if (!held) {
            return false;
        }
        held = false;
        try {
            return root.fithaw();
        } finally {
            thawed.countDown();
        }
    }

    /** As {@link #thaw}; does nothing the second time. */
    @Override
    public void close() {
        thaw();
    }
}
