package io.berth.sanity;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;

/** Kills a driver while clients use it. */
final class Crash {
    /** What gRPC calls a connection that ends; UNKNOWN when it ends while the call is sent. */
    private static final Set<Status.Code> CONNECTION_LOST =
            Set.of(Status.Code.UNAVAILABLE, Status.Code.CANCELLED, Status.Code.UNKNOWN);

    private Crash() {}

    /**
     * Lets each client take its steps until the driver is killed, at a random moment. Any other error than that the
     * connection is lost is the driver's fault.
     *
     * @param clients each one's step, which it takes again and again
     */
    static void underLoad(
            Driver driver, ExecutorService threads, Duration longest, Random random, List<? extends Runnable> clients)
            throws InterruptedException, ExecutionException {
        List<Future<?>> running = new ArrayList<>();
        clients.forEach(client -> running.add(threads.submit(() -> stepUntilLost(client))));
        LockSupport.parkNanos(random.nextLong(longest.toNanos()));
        driver.kill9();
        for (Future<?> client : running) {
            client.get();
        }
    }

    /** How long something takes on this machine, now, with a driver that has just started. */
    static Duration time(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return Duration.ofNanos(System.nanoTime() - start);
    }

    private static void stepUntilLost(Runnable client) {
        try {
            while (true) {
                client.run();
            }
        } catch (StatusRuntimeException e) {
            if (!CONNECTION_LOST.contains(e.getStatus().getCode())) {
                throw e;
            }
        }
    }
}
