package io.berth.command;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The end of a running driver. SIGTERM, SIGINT and SIGHUP make the JVM run the shutdown hook that is set here; nothing else
 * happens at the end, so what is logged while stopping is written.
 */
final class Termination {
    private Termination() {}

    /**
     * Waits until the process is told to end, then stops and ends it: with status 0 when the stop is done, 1 when it fails
     * or takes longer than the timeout. Does not return.
     *
     * @param ready tells others of the start, once the process can be told to end
     */
    static void await(Duration timeout, Runnable ready, Runnable stop) {
        FutureTask<?> stopped = new FutureTask<>(Executors.callable(stop));
        Runtime.getRuntime()
                .addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(end(timeout, stopped)), "stop"));
        ready.run();
        CountDownLatch forever = new CountDownLatch(1);
        while (true) {
            try {
                forever.await();
            } catch (InterruptedException e) {
                // Nobody interrupts the main thread; the process ends by a signal.
                LoggerFactory.getLogger(Termination.class).debug("interrupted", e);
            }
        }
    }

    private static int end(Duration timeout, FutureTask<?> stopped) {
        Logger log = LoggerFactory.getLogger(Termination.class);
        Thread.ofPlatform().daemon().name("stopping").start(stopped);
        try {
            stopped.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
            return ExitCode.OK;
        } catch (TimeoutException e) {
            log.error("not stopped after {} seconds; ending all the same", timeout.toSeconds());
        } catch (ExecutionException e) {
            log.error("stopping failed", e.getCause());
        } catch (InterruptedException e) {
            log.error("interrupted while stopping", e);
        }
        return ExitCode.FAILED;
    }
}
