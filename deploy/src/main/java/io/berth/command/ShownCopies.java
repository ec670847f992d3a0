package io.berth.command;

import io.berth.pool.Copies;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * While it is open: says once a second how far the copies of this process are, and undoes them when the process is ended
 * by a signal.
 */
final class ShownCopies implements AutoCloseable {
    /** A command waits for its copy to its end. */
    static final Duration PATIENCE = Duration.ofDays(10_000);

    private static final Logger LOG = LoggerFactory.getLogger(ShownCopies.class);

    private final Thread undo;
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(ShownCopies::thread);

    ShownCopies(Copies copies, PrintWriter err) {
        undo = new Thread(copies::close, "undo");
        Runtime.getRuntime().addShutdownHook(undo);
        var unused = clock.scheduleAtFixedRate(
                () -> copies.underWay().forEach(copy -> err.println(copy + " so far")), 1, 1, TimeUnit.SECONDS);
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(work, "progress");
        thread.setDaemon(true);
        return thread;
    }

    @Override
    public void close() {
        clock.shutdownNow();
        try {
            Runtime.getRuntime().removeShutdownHook(undo);
        } catch (IllegalStateException e) {
            LOG.debug("the process is ending, which undoes the copies", e);
        }
    }
}
