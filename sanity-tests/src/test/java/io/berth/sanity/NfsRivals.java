package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.uml.KernelNfsServer;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two controllers on one export, without a leader. Runs on a kernel of its own. */
class NfsRivals {
    private static final long MIB = 1 << 20;
    private static final List<String> NAMES =
            IntStream.range(0, 6).mapToObj(i -> "v" + i).toList();
    /** How a call may fail because the other has just done or is just doing the same; then it is made again. */
    private static final Set<Status.Code> IN_THE_WAY = Set.of(
            Status.Code.ABORTED,
            Status.Code.NOT_FOUND,
            Status.Code.ALREADY_EXISTS,
            Status.Code.FAILED_PRECONDITION,
            Status.Code.UNAVAILABLE);

    private final KernelNfsServer server = KernelNfsServer.running();

    @TempDir
    Path one;

    @TempDir
    Path other;

    private Driver first;
    private Driver second;

    @BeforeEach
    void start() {
        List<String> flags = List.of("--pool=home=nfs:" + server.xfs());
        first = Driver.start(one, flags);
        second = Driver.start(other, flags);
    }

    @AfterEach
    void stop() {
        first.close();
        second.close();
        Driver.unmountBelow(Path.of("/run/berth")); // a killed driver leaves its mount for the next
    }

    @Test
    void eachNameIsOneVolumeAndAControllerThatIsKilledLeavesNothingHalfDone() throws Exception {
        CountDownLatch once = new CountDownLatch(1);
        try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
            Future<?> killed = threads.submit(() -> {
                while (!Thread.currentThread().isInterrupted()) {
                    live(first.client());
                    once.countDown();
                }
            });
            Future<?> survivor = threads.submit(() -> {
                for (int round = 0; round < 3; round++) {
                    live(second.client());
                }
            });
            once.await();
            first.kill9();
            killed.cancel(true);
            survivor.get();
        } catch (ExecutionException e) {
            throw new AssertionError(second.log(), e);
        }
        for (String name : NAMES) {
            until(() -> assertThat(second.client().create("home", name, MIB).getVolumeId())
                    .isEqualTo("home." + name));
        }
        assertThat(Driver.files(server.xfsOnServer()))
                .filteredOn(path -> !path.endsWith(".berth"))
                .extracting(path -> path.getFileName().toString())
                .containsExactlyElementsOf(
                        NAMES.stream().map(name -> "home." + name).toList());
        for (String name : NAMES) {
            until(() -> second.client().deleteSnapshot("home.of-" + name));
            until(() -> second.client().delete("home." + name));
        }
        first.restart();
        first.assertNothingLeftIn(server.xfsOnServer());
    }

    /** One life of each volume, as far as the other controller lets it. */
    private static void live(Client client) {
        for (String name : NAMES) {
            attempt(() -> client.create("home", name, MIB));
            attempt(() -> client.snapshot("home." + name, "of-" + name));
            attempt(() -> client.deleteSnapshot("home.of-" + name));
            attempt(() -> client.delete("home." + name));
        }
    }

    private static boolean attempt(Runnable call) {
        try {
            call.run();
            return true;
        } catch (StatusRuntimeException e) {
            assertThat(e.getStatus().getCode()).as(e.getMessage()).isIn(IN_THE_WAY);
            return false;
        }
    }

    private static void until(Runnable call) {
        Await.until(Duration.ofSeconds(30), () -> attempt(call), () -> "a call that the other no longer hinders");
    }
}
