package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.csi.v1.NodeGetStorageHealthRequest;
import io.berth.csi.v1.NodeGetVolumeStatsRequest;
import io.berth.csi.v1.StorageHealthErrorType;
import io.berth.uml.KernelNfsServer;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a server that stops answering does to its own volumes, and not to others. Runs on a kernel of its own. */
class NfsOutage {
    private static final long MIB = 1 << 20;
    private static final Duration BOUND = Duration.ofSeconds(15);

    /** The network here is nobody else's. */
    private static final String METRICS = "127.0.0.1:9809";

    private final KernelNfsServer server = KernelNfsServer.running();

    @TempDir
    Path folder;

    private Driver driver;
    private Client client;

    @BeforeEach
    void start() {
        driver = Driver.start(
                folder,
                List.of(
                        "--pool=home=nfs:" + server.xfs(),
                        "--pool=fast=local:" + folder.resolve("fast") + ",limit=advisory",
                        "--metrics-address=" + METRICS));
        client = driver.client();
    }

    @AfterEach
    void stop() {
        server.resume();
        driver.close();
        Driver.unmountBelow(Path.of("/run/berth")); // a killed driver leaves its mount for the next
    }

    private Path publish(String id) {
        client.stage(id, driver.place(id));
        client.publish(id, driver.place(id), driver.place(id + "-t"));
        return driver.place(id + "-t");
    }

    static void withinBound(Runnable action) {
        long begun = System.nanoTime();
        action.run();
        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(BOUND);
    }

    static void unavailable(Runnable call) {
        withinBound(() -> {
            Failure failure = Failure.of(call);
            assertThat(failure.code()).as(failure.message()).isEqualTo(Status.Code.UNAVAILABLE);
            assertThat(failure.message()).contains("127.0.0.1");
        });
    }

    static boolean succeeds(Runnable call) {
        try {
            call.run();
            return true;
        } catch (StatusRuntimeException e) {
            return false;
        }
    }

    private long threads() {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + driver.pid() + "/task"))) {
            return tasks.count();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** The values of the pool whose server stops, by the names of their metrics. */
    private static Map<String, Double> metrics() throws IOException {
        try (InputStream page =
                URI.create("http://" + METRICS + "/metrics").toURL().openStream()) {
            return new String(page.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> line.contains("pool=\"home\""))
                    .collect(Collectors.toMap(
                            line -> line.substring(0, line.indexOf('{')),
                            line -> Double.valueOf(line.substring(line.lastIndexOf(' ')))));
        }
    }

    @Test
    void callsFailSoonAndAllIsWellWhenItReturns() throws IOException {
        String id = client.create("home", "v", MIB).getVolumeId();
        assertThat(metrics()).containsEntry("berth_pool_server_up", 1.0).containsEntry("berth_pool_ready", 1.0);
        assertThat(metrics().get("berth_pool_server_answer_seconds")).isPositive();
        Path target = publish(id);
        Files.writeString(target.resolve("file"), "kept");
        server.stop();
        unavailable(() -> client.create("home", "meanwhile", MIB));
        long threads = threads();
        NodeGetVolumeStatsRequest stats = NodeGetVolumeStatsRequest.newBuilder()
                .setVolumeId(id)
                .setVolumePath(target.toString())
                .build();
        for (int i = 0; i < 20; i++) {
            unavailable(() -> client.create("home", "meanwhile", MIB));
            unavailable(() -> client.node().nodeGetVolumeStats(stats));
            unavailable(() -> client.snapshot(id, "meanwhile"));
            unavailable(() -> client.delete(id));
            client.create("fast", "here-" + i, MIB);
        }
        assertThat(threads()).as("threads of the driver").isLessThanOrEqualTo(threads + 8);
        assertThat(client.isReady()).isTrue();
        assertThat(client.node()
                        .nodeGetStorageHealth(NodeGetStorageHealthRequest.getDefaultInstance())
                        .getBackendHealthList())
                .anySatisfy(health -> {
                    assertThat(health.getStatus()).isEqualTo(StorageHealthErrorType.STORAGE_UNREACHABLE);
                    assertThat(health.getMessage()).contains("home", "127.0.0.1");
                });
        assertThat(metrics()).containsOnly(Map.entry("berth_pool_server_up", 0.0), Map.entry("berth_pool_ready", 0.0));

        server.resume();
        Await.until(
                Duration.ofSeconds(30),
                () -> succeeds(() -> client.create("home", "meanwhile", MIB)),
                () -> "a create after the server's return" + driver.log());
        assertThat(target.resolve("file")).hasContent("kept");
        client.unpublish(id, target);
        client.unstage(id, driver.place(id));
        client.delete(id);
        client.delete("home.meanwhile");
        driver.assertNothingLeftIn(server.xfsOnServer());
    }
}
