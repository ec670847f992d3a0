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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Kills a driver at random moments while clients use it, until enough of what is looked for has come to pass. */
final class Crash {
    /** What gRPC calls a connection that ends; UNKNOWN when it ends while the call is sent. */
    private static final Set<Status.Code> CONNECTION_LOST =
            Set.of(Status.Code.UNAVAILABLE, Status.Code.CANCELLED, Status.Code.UNKNOWN);

    /** How many times the rounds may be done over when chance, or a slow machine, has shown too little in them. */
    private static final int EXTENSION = 10;

    private static final Duration LONGEST = Duration.ofSeconds(20);

    private final Driver driver;
    private final ExecutorService threads;
    private final Random random;
    private Duration longest;

    /**
     * @param threads as many as there will be clients
     * @param longest how late to kill it at first; later, while no client gets anything done in that time
     */
    Crash(Driver driver, ExecutorService threads, Random random, Duration longest) {
        this.driver = driver;
        this.threads = threads;
        this.random = random;
        this.longest = longest;
    }

    /** Starts the driver again and holds it to what was acknowledged. */
    @FunctionalInterface
    interface Check {
        void run(int round) throws Exception;
    }

    /**
     * Kills the driver again and again.
     *
     * @param rounds how often at least
     * @param enough whether no more rounds are needed after these
     * @param clients each one's step, which it takes again and again until the driver is killed
     */
    void repeat(int rounds, BooleanSupplier enough, List<? extends Runnable> clients, Check check) throws Exception {
        for (int round = 1; round <= rounds || (round <= rounds * EXTENSION && !enough.getAsBoolean()); round++) {
            try {
                underLoad(clients);
                check.run(round);
            } catch (AssertionError | StatusRuntimeException | ExecutionException e) {
                throw new AssertionError("round " + round + driver.log(), e);
            }
        }
    }

    private void underLoad(List<? extends Runnable> clients) throws InterruptedException, ExecutionException {
        AtomicInteger steps = new AtomicInteger();
        List<Future<?>> running = new ArrayList<>();
        clients.forEach(client -> running.add(threads.submit(() -> stepUntilLost(client, steps))));
        LockSupport.parkNanos(random.nextLong(longest.toNanos()));
        driver.kill9();
        for (Future<?> client : running) {
            client.get();
        }
        if (steps.get() == 0 && longest.compareTo(LONGEST) < 0) {
            longest = longest.multipliedBy(5).dividedBy(4);
        }
    }

    /** How long something takes on this machine, now, with a driver that has just started. */
    static Duration time(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return Duration.ofNanos(System.nanoTime() - start);
    }

    /** Any other error than that the connection is lost is the driver's fault. */
    private static void stepUntilLost(Runnable client, AtomicInteger steps) {
        try {
            while (true) {
                client.run();
                steps.incrementAndGet();
            }
        } catch (StatusRuntimeException e) {
            if (!CONNECTION_LOST.contains(e.getStatus().getCode())) {
                throw e;
            }
        }
    }
}
