package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.csi.v1.NodeGetVolumeStatsRequest;
import io.berth.uml.KernelNfsServer;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Volumes live on two servers, of which one is away for a minute. Runs on a kernel of its own.
 */
class NfsLongOutage {
    private static final long MIB = 1 << 20;
    private static final Duration OUTAGE = Duration.ofSeconds(60);
    private static final Duration BOUND = Duration.ofSeconds(15);
    /** On a quiet machine half of it. */
    private static final Duration RECOVERY = Duration.ofSeconds(60);

    private static final Duration PATIENCE = Duration.ofMinutes(5);

    /** Between two attempts, as a CO has it. */
    private static final Duration PAUSE = Duration.ofMillis(200);

    private final KernelNfsServer server = KernelNfsServer.running();

    @TempDir
    Path folder;

    private Driver driver;
    private volatile Phase phase = Phase.BEFORE;

    private enum Phase {
        BEFORE,
        OUTAGE,
        AFTER
    }

    @BeforeEach
    void start() {
        server.startOther();
        driver = Driver.start(folder, List.of("--pool=home=nfs:" + server.xfs(), "--pool=other=nfs:" + server.other()));
    }

    @AfterEach
    void stop() {
        server.resume();
        driver.close();
        Driver.unmountBelow(Path.of("/run/berth")); // a killed driver leaves its mount for the next
    }

    /** A call that succeeded, by when it was begun. */
    private record Answered(Phase phase, long nanos) {}

    /** Lives of volumes in a pool, one after the other in each thread; each call is made until it succeeds. */
    private final class Load implements AutoCloseable {
        private final String pool;
        private final ExecutorService threads;
        private final List<Future<?>> running = new ArrayList<>();
        private final AtomicInteger lives = new AtomicInteger();
        private final Queue<Answered> answered = new ConcurrentLinkedQueue<>();
        private final Queue<Failure> failures = new ConcurrentLinkedQueue<>();
        private final Queue<Long> failed = new ConcurrentLinkedQueue<>();
        private volatile boolean ending;

        Load(String pool, int count) {
            this.pool = pool;
            this.threads = Executors.newFixedThreadPool(count);
            for (int i = 0; i < count; i++) {
                int thread = i;
                running.add(threads.submit(() -> {
                    for (int life = 0; !ending; life++) {
                        live("v-" + thread + "-" + life);
                        lives.incrementAndGet();
                    }
                }));
            }
        }

        private void live(String name) {
            String id = pool + "." + name;
            Path staging = driver.place(id);
            Path target = driver.place(id + "-t");
            Client client = driver.client();
            untilDone(() -> client.create(pool, name, MIB));
            untilDone(() -> client.stage(id, staging));
            untilDone(() -> client.publish(id, staging, target));
            NodeGetVolumeStatsRequest stats = NodeGetVolumeStatsRequest.newBuilder()
                    .setVolumeId(id)
                    .setVolumePath(target.toString())
                    .build();
            untilDone(() -> client.node().nodeGetVolumeStats(stats));
            untilDone(() -> client.unpublish(id, target));
            untilDone(() -> client.unstage(id, staging));
            untilDone(() -> client.delete(id));
        }

        private void untilDone(Runnable call) {
            while (!attempt(call)) {
                LockSupport.parkNanos(PAUSE.toNanos());
            }
        }

        private boolean attempt(Runnable call) {
            Phase begun = phase;
            long start = System.nanoTime();
            try {
                call.run();
                answered.add(new Answered(begun, System.nanoTime() - start));
                return true;
            } catch (StatusRuntimeException e) {
                failures.add(Failure.of(e));
                failed.add(System.nanoTime() - start);
                return false;
            }
        }

        Duration p99(Phase of) {
            List<Long> sorted = answered.stream()
                    .filter(call -> call.phase() == of)
                    .map(Answered::nanos)
                    .sorted()
                    .toList();
            return Duration.ofNanos(sorted.get((sorted.size() - 1) * 99 / 100));
        }

        /** Waits for the lives that have begun. */
        void end() throws InterruptedException, ExecutionException {
            ending = true;
            for (Future<?> thread : running) {
                thread.get();
            }
        }

        @Override
        public void close() {
            ending = true;
            threads.shutdownNow();
        }
    }

    private long threads() {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + driver.pid() + "/task"))) {
            return tasks.count();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private long processes() {
        return ProcessHandle.of(driver.pid()).orElseThrow().descendants().count();
    }

    private static int mounts() {
        return MountTable.below(Path.of("/")).size();
    }

    private void await(Duration patience, java.util.function.BooleanSupplier condition, String what) {
        Await.until(patience, condition, () -> what + driver.log());
    }

    @Test
    void anOutageOfOneServerIsNoneOfTheOtherAndLeavesNothing() throws Exception {
        Client client = driver.client();
        String kept = client.create("home", "kept", MIB).getVolumeId();
        client.stage(kept, driver.place(kept));
        client.publish(kept, driver.place(kept), driver.place("kept-t"));
        Files.writeString(driver.place("kept-t").resolve("file"), "kept");
        String warm = client.create("other", "kept", MIB).getVolumeId();
        int mounts = mounts();
        try (Load home = new Load("home", 2);
                Load other = new Load("other", 2)) {
            await(PATIENCE, () -> other.lives.get() >= 20 && home.lives.get() >= 5, "lives before");
            long threads = threads();
            long processes = processes();
            server.stop();
            phase = Phase.OUTAGE;
            long stopped = System.nanoTime();
            await(PATIENCE, () -> System.nanoTime() - stopped >= OUTAGE.toNanos(), "the outage");
            assertThat(threads()).as("threads of the driver").isLessThanOrEqualTo(threads + 16);
            assertThat(processes()).as("processes of the driver").isEqualTo(processes);
            assertThat(client.isReady()).isTrue();
            assertThat(home.failures).isNotEmpty();

            phase = Phase.AFTER;
            server.resume();
            long returned = System.nanoTime();
            int before = home.lives.get();
            await(RECOVERY, () -> home.lives.get() > before + 2, "a life after the server's return");
            Duration recovered = Duration.ofNanos(System.nanoTime() - returned);
            home.end();
            other.end();
            assertThat(other.failures).isEmpty();
            assertThat(home.failures)
                    .allSatisfy(failure -> assertThat(failure.code()).isEqualTo(Status.Code.UNAVAILABLE));
            assertThat(home.failed)
                    .allSatisfy(nanos -> assertThat(Duration.ofNanos(nanos)).isLessThan(BOUND));
            System.out.printf(
                    "%d calls failed; well again after %d s; on the other server %d lives, p99 of calls %d ms before, %d ms in"
                            + " the outage%n",
                    home.failures.size(),
                    recovered.toSeconds(),
                    other.lives.get(),
                    other.p99(Phase.BEFORE).toMillis(),
                    other.p99(Phase.OUTAGE).toMillis());
            // What is held up by the dead server waits for five seconds at least.
            assertThat(other.p99(Phase.OUTAGE))
                    .isLessThan(other.p99(Phase.BEFORE).multipliedBy(10).plusSeconds(1));
        }
        assertThat(mounts()).isEqualTo(mounts);
        assertThat(driver.place("kept-t").resolve("file")).hasContent("kept");
        client.unpublish(kept, driver.place("kept-t"));
        client.unstage(kept, driver.place(kept));
        client.delete(kept);
        client.delete(warm);
        driver.assertNothingLeftIn(server.xfsOnServer());
        driver.assertNothingLeftIn(server.otherOnServer());
    }
}
