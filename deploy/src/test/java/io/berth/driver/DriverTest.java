package io.berth.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.csi.CsiChannel;
import io.berth.csi.HealthAnswer;
import io.berth.csi.registration.v1.InfoRequest;
import io.berth.csi.registration.v1.RegistrationGrpc;
import io.berth.csi.registration.v1.RegistrationStatus;
import io.berth.csi.v1.ControllerExpandVolumeRequest;
import io.berth.csi.v1.ControllerGetCapabilitiesRequest;
import io.berth.csi.v1.ControllerGrpc;
import io.berth.csi.v1.ControllerServiceCapability;
import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.DeleteVolumeRequest;
import io.berth.csi.v1.IdentityGrpc;
import io.berth.csi.v1.NodeGetCapabilitiesRequest;
import io.berth.csi.v1.NodeGetVolumeHealthRequest;
import io.berth.csi.v1.NodeGetVolumeStatsRequest;
import io.berth.csi.v1.NodeGrpc;
import io.berth.csi.v1.NodePublishVolumeRequest;
import io.berth.csi.v1.NodeServiceCapability;
import io.berth.csi.v1.NodeStageVolumeRequest;
import io.berth.csi.v1.NodeUnpublishVolumeRequest;
import io.berth.csi.v1.NodeUnstageVolumeRequest;
import io.berth.csi.v1.ProbeRequest;
import io.berth.csi.v1.VolumeCapability;
import io.berth.fault.Fault;
import io.berth.metrics.Metric;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.settings.Settings;
import io.berth.socket.Endpoint;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A whole driver in this process, asked by HTTP and as by a kubelet. */
@Timeout(120)
class DriverTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    Path folder;

    private final Map<String, List<String>> flags = new HashMap<>();
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private Endpoint socket;
    private Endpoint registration;

    @BeforeEach
    void settings() throws IOException {
        socket = new Endpoint(folder.resolve("csi.sock"));
        registration = new Endpoint(folder.resolve("registry/csi.berth.io-reg.sock"));
        flags.putAll(Map.of(
                "node-id", List.of("n1"),
                "endpoint", List.of(socket.toString()),
                "pool", List.of("fast=local:" + Files.createDirectory(folder.resolve("fast")) + ",limit=advisory"),
                "metrics-address", List.of("0"),
                "stop-timeout", List.of("1s")));
    }

    @AfterEach
    void close() {
        http.close();
    }

    private Driver start(Role role) {
        return Driver.start(Settings.read(flags, Map.of()), role, "1.2.3");
    }

    private void register() {
        flags.put("register", List.of("true"));
        flags.put("plugins-registry", List.of(folder.resolve("registry").toString()));
    }

    private HttpResponse<String> get(Driver driver, String path) throws Exception {
        InetSocketAddress address = driver.metricsAddress().orElseThrow();
        return http.send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + address.getPort() + path))
                        .timeout(PATIENCE)
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private HttpResponse<String> getUntil(int status, Driver driver, String path) throws Exception {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        HttpResponse<String> answer = get(driver, path);
        while (answer.statusCode() != status && System.nanoTime() < deadline) {
            answer = get(driver, path);
        }
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
        return answer;
    }

    private static String metrics(String text, Metric metric) {
        return String.join(
                "\n", text.lines().filter(line -> line.startsWith(metric.id())).toList());
    }

    @Test
    void everyMetricAndNoOtherIsServedWithItsTypeAndMeaning() throws Exception {
        register();
        flags.merge(
                "pool",
                List.of("gone=nfs:127.0.0.1:/gone,port=1"),
                (one, other) -> Stream.concat(one.stream(), other.stream()).toList());
        List<Metric> served = Stream.of(Metric.values())
                .filter(metric -> metric != Metric.SERVER_ANSWER) // the server would have to answer
                .toList();
        try (Driver driver = start(Role.SERVE);
                CsiChannel channel = CsiChannel.open(socket)) {
            getUntil(200, driver, "/readyz");
            create(channel, "v", 1 << 20);
            HttpResponse<String> answer = get(driver, "/metrics");
            assertThat(answer.headers().firstValue("content-type"))
                    .contains("text/plain; version=0.0.4; charset=utf-8");
            assertThat(answer.body().lines().filter(line -> line.startsWith("# ")))
                    .containsExactlyInAnyOrderElementsOf(served.stream()
                            .flatMap(metric -> Stream.of(
                                    "# HELP " + metric.id() + " " + metric.meaning(),
                                    "# TYPE " + metric.id() + " " + metric.type()))
                            .toList());
            assertThat(metrics(answer.body(), Metric.SERVER_UP)).endsWith("{pool=\"gone\"} 0.0");
            for (Metric metric : served) {
                String sample =
                        metrics(answer.body(), metric).lines().findFirst().orElseThrow();
                assertThat(metric.labels()).as(sample).allMatch(label -> sample.contains(label + "=\""));
            }
        }
    }

    private static void create(CsiChannel channel, String name, long bytes) {
        var unused = ControllerGrpc.newBlockingStub(channel.channel())
                .withDeadlineAfter(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .createVolume(CreateVolumeRequest.newBuilder()
                        .setName(name)
                        .putParameters("pool", "fast")
                        .setCapacityRange(
                                io.berth.csi.v1.CapacityRange.newBuilder().setRequiredBytes(bytes))
                        .addVolumeCapabilities(VolumeCapability.newBuilder()
                                .setMount(VolumeCapability.MountVolume.getDefaultInstance())
                                .setAccessMode(VolumeCapability.AccessMode.newBuilder()
                                        .setMode(VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER)))
                        .build());
    }

    /** As where the kubelet's folder is a link to a bigger disk. */
    @Test
    void aLinkAboveThePathsOfTheKubeletMakesNoDifference() throws Exception {
        Path real = Files.createDirectories(folder.toRealPath().resolve("disk/kubelet"));
        Path kubelet = Files.createSymbolicLink(folder.resolve("kubelet"), real);
        String staging = kubelet.resolve("staging").toString();
        String target = kubelet.resolve("target").toString();
        VolumeCapability capability = VolumeCapability.newBuilder()
                .setMount(VolumeCapability.MountVolume.getDefaultInstance())
                .setAccessMode(VolumeCapability.AccessMode.newBuilder()
                        .setMode(VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER))
                .build();
        try (Driver driver = start(Role.SERVE);
                CsiChannel channel = CsiChannel.open(socket)) {
            getUntil(200, driver, "/readyz");
            create(channel, "v", 1 << 20);
            NodeGrpc.NodeBlockingStub node = NodeGrpc.newBlockingStub(channel.channel())
                    .withDeadlineAfter(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            for (int time = 0; time < 3; time++) {
                var unusedStaged = node.nodeStageVolume(NodeStageVolumeRequest.newBuilder()
                        .setVolumeId("fast.v")
                        .setStagingTargetPath(staging)
                        .setVolumeCapability(capability)
                        .build());
                var unusedPublished = node.nodePublishVolume(NodePublishVolumeRequest.newBuilder()
                        .setVolumeId("fast.v")
                        .setStagingTargetPath(staging)
                        .setTargetPath(target)
                        .setVolumeCapability(capability)
                        .build());
            }
            assertThat(mountsBelow(real)).containsExactlyInAnyOrder(real.resolve("staging"), real.resolve("target"));
            assertThat(node.nodeGetVolumeStats(NodeGetVolumeStatsRequest.newBuilder()
                                    .setVolumeId("fast.v")
                                    .setVolumePath(target)
                                    .build())
                            .getUsageList())
                    .isNotEmpty();
            assertThat(node.nodeGetVolumeHealth(NodeGetVolumeHealthRequest.newBuilder()
                                    .setVolumeId("fast.v")
                                    .setStagingTargetPath(staging)
                                    .setVolumePublishPath(target)
                                    .build())
                            .getVolumeHealth())
                    .isEqualTo(HealthAnswer.ofVolume("fast.v", List.of()));
            for (int time = 0; time < 2; time++) {
                var unusedUnpublished = node.nodeUnpublishVolume(NodeUnpublishVolumeRequest.newBuilder()
                        .setVolumeId("fast.v")
                        .setTargetPath(target)
                        .build());
                var unusedUnstaged = node.nodeUnstageVolume(NodeUnstageVolumeRequest.newBuilder()
                        .setVolumeId("fast.v")
                        .setStagingTargetPath(staging)
                        .build());
            }
            assertThat(mountsBelow(real)).isEmpty();
            assertThat(real.resolve("target")).doesNotExist();
            var unusedDeleted = ControllerGrpc.newBlockingStub(channel.channel())
                    .withDeadlineAfter(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                    .deleteVolume(DeleteVolumeRequest.newBuilder()
                            .setVolumeId("fast.v")
                            .build());
        }
    }

    private static List<Path> mountsBelow(Path folder) {
        return MountTable.read().mounts().stream()
                .map(MountPoint::target)
                .filter(path -> path.startsWith(folder))
                .toList();
    }

    @Test
    void callsAndPoolsAreCounted() throws Exception {
        try (Driver driver = start(Role.SERVE);
                CsiChannel channel = CsiChannel.open(socket)) {
            getUntil(200, driver, "/readyz");
            create(channel, "v", 1 << 20);
            create(channel, "v", 1 << 20);
            assertThatThrownBy(() -> create(channel, "", 1)).hasMessageContaining("name");
            String text = get(driver, "/metrics").body();
            assertThat(metrics(text, Metric.CALLS))
                    .contains(
                            "berth_calls_total{code=\"OK\",method=\"CreateVolume\",service=\"csi.v1.Controller\"} 2.0")
                    .contains("{code=\"INVALID_ARGUMENT\",method=\"CreateVolume\",service=\"csi.v1.Controller\"} 1.0");
            assertThat(metrics(text, Metric.CALL_DURATION))
                    .contains(
                            "berth_call_duration_seconds_bucket{method=\"CreateVolume\",service=\"csi.v1.Controller\","
                                    + "le=\"60.0\"} 3")
                    .contains(
                            "berth_call_duration_seconds_count{method=\"CreateVolume\",service=\"csi.v1.Controller\"} 3");
            assertThat(metrics(text, Metric.POOL_PROMISED)).endsWith("{pool=\"fast\"} 1048576.0");
            assertThat(metrics(text, Metric.POOL_READY)).endsWith("{kind=\"local\",pool=\"fast\"} 1.0");
            assertThat(metrics(text, Metric.POOL_TRASH)).endsWith("{pool=\"fast\"} 0.0");
            assertThat(metrics(text, Metric.BUILD)).endsWith("{version=\"1.2.3\"} 1.0");
            assertThat(text).as("a driver that does not register").doesNotContain(Metric.REGISTERED.id());
        }
    }

    @Test
    void readyIsWhatProbeSays() throws Exception {
        Path pool = folder.resolve("fast");
        Files.delete(pool);
        try (Driver driver = start(Role.NODE);
                CsiChannel channel = CsiChannel.open(socket)) {
            String why = getUntil(503, driver, "/readyz").body();
            while (why.startsWith("pools are being opened")) {
                why = get(driver, "/readyz").body();
            }
            assertThat(why).contains("pool fast cannot be used", pool.toString());
            assertThatThrownBy(() -> IdentityGrpc.newBlockingStub(channel.channel())
                            .withDeadlineAfter(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                            .probe(ProbeRequest.getDefaultInstance()))
                    .hasMessageContaining(why.strip());
            assertThat(get(driver, "/healthz").statusCode()).isEqualTo(200);
            assertThat(metrics(get(driver, "/metrics").body(), Metric.POOL_READY))
                    .endsWith(" 0.0");
            Files.createDirectory(pool);
            getUntil(200, driver, "/readyz");
        }
    }

    @Test
    void aPoolThatAwaitsItsFileSystemIsUsedOnceThatIsMounted() throws Exception {
        Path pool = folder.toRealPath().resolve("fast");
        flags.put("pool", List.of("fast=local:" + pool + ",limit=advisory,mounted=true"));
        try (Driver driver = start(Role.SERVE);
                CsiChannel channel = CsiChannel.open(socket)) {
            String why = get(driver, "/readyz").body();
            while (why.startsWith("pools are being opened")) {
                why = get(driver, "/readyz").body();
            }
            assertThat(why).startsWith("pool fast cannot be used: no file system is mounted at " + pool);
            assertThatThrownBy(() -> create(channel, "v", 1 << 20)).hasMessage("UNAVAILABLE: " + why.strip());
            assertThatThrownBy(() -> delete(channel, "fast.v")).hasMessage("UNAVAILABLE: " + why.strip());
            assertThat(get(driver, "/healthz").statusCode()).isEqualTo(200);
            assertThat(pool).isEmptyDirectory();
            Mounts.tmpfs("disk", pool, 4 << 20, 0755, 0, 0, Set.of());
            getUntil(200, driver, "/readyz");
            create(channel, "v", 1 << 20);
            assertThat(pool.resolve("fast.v")).isDirectory();
            delete(channel, "fast.v");
        } finally {
            Mounts.unmount(pool);
        }
    }

    private static void delete(CsiChannel channel, String id) {
        var unused = ControllerGrpc.newBlockingStub(channel.channel())
                .withDeadlineAfter(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .deleteVolume(DeleteVolumeRequest.newBuilder().setVolumeId(id).build());
    }

    @Test
    void aDriverWhoseSocketIsGoneIsNotAlive() throws Exception {
        register();
        for (Endpoint each : List.of(socket, registration)) {
            try (Driver driver = start(Role.NODE)) {
                assertThat(get(driver, "/healthz").statusCode()).isEqualTo(200);
                Files.delete(each.socket());
                assertThat(get(driver, "/healthz").statusCode()).isEqualTo(503);
            }
        }
    }

    @Test
    void itRegistersWithTheKubeletUntilItStops() throws Exception {
        register();
        flags.put("kubelet-registration-path", List.of("/of/the/host.sock"));
        try (Driver driver = start(Role.NODE);
                CsiChannel channel = CsiChannel.open(registration)) {
            RegistrationGrpc.RegistrationBlockingStub kubelet = RegistrationGrpc.newBlockingStub(channel.channel())
                    .withDeadlineAfter(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            assertThat(kubelet.getInfo(InfoRequest.getDefaultInstance()).getEndpoint())
                    .isEqualTo("/of/the/host.sock");
            assertThat(metrics(get(driver, "/metrics").body(), Metric.REGISTERED))
                    .endsWith(" 0.0");
            var unused = kubelet.notifyRegistrationStatus(
                    RegistrationStatus.newBuilder().setPluginRegistered(true).build());
            assertThat(metrics(get(driver, "/metrics").body(), Metric.REGISTERED))
                    .endsWith(" 1.0");
        }
        assertThat(registration.socket()).doesNotExist();
        assertThat(socket.socket()).doesNotExist();
    }

    @Test
    void aControllerHasNothingToRegister() {
        register();
        assertThatThrownBy(() -> start(Role.CONTROLLER))
                .isInstanceOf(Fault.class)
                .hasMessageStartingWith("--register");
        assertThat(registration.socket()).doesNotExist();
    }

    @Test
    void withNodeExpansionOnlyTheNodeMakesVolumesLarger() {
        flags.remove("pool");
        flags.put("node-expansion", List.of("true"));
        try (Driver unused = start(Role.SERVE);
                CsiChannel channel = CsiChannel.open(socket)) {
            ControllerGrpc.ControllerBlockingStub controller = ControllerGrpc.newBlockingStub(channel.channel())
                    .withDeadlineAfter(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            assertThat(controller
                            .controllerGetCapabilities(ControllerGetCapabilitiesRequest.getDefaultInstance())
                            .getCapabilitiesList())
                    .isNotEmpty()
                    .noneMatch(capability ->
                            capability.getRpc().getType() == ControllerServiceCapability.RPC.Type.EXPAND_VOLUME);
            assertThatThrownBy(
                            () -> controller.controllerExpandVolume(ControllerExpandVolumeRequest.getDefaultInstance()))
                    .hasMessageStartingWith("UNIMPLEMENTED");
            assertThat(NodeGrpc.newBlockingStub(channel.channel())
                            .withDeadlineAfter(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                            .nodeGetCapabilities(NodeGetCapabilitiesRequest.getDefaultInstance())
                            .getCapabilitiesList())
                    .anyMatch(capability ->
                            capability.getRpc().getType() == NodeServiceCapability.RPC.Type.EXPAND_VOLUME);
        }
    }

    @Test
    void withoutAnAddressNothingOfMetricsIsLoaded() throws Exception {
        Path classes = folder.resolve("classes");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin/java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "--enable-native-access=ALL-UNNAMED",
                        "-Xlog:class+load:file=" + classes,
                        "-cp",
                        System.getProperty("java.class.path"),
                        "io.berth.command.Berth",
                        "serve",
                        "--node-id=n1",
                        "--endpoint=" + socket,
                        "--pool=" + flags.getOrDefault("pool", List.of()).getFirst())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        try {
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            while (!Files.exists(socket.socket()) && process.isAlive() && System.nanoTime() < deadline) {
                process.waitFor(20, TimeUnit.MILLISECONDS);
            }
            try (CsiChannel channel = CsiChannel.open(socket)) {
                create(channel, "v", 1 << 20);
            }
            process.destroy();
            assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        List<String> loaded = Files.readAllLines(classes);
        assertThat(loaded).anyMatch(line -> line.contains(" io.berth.driver.Driver "));
        assertThat(loaded)
                .filteredOn(line -> Stream.of(
                                " io.berth.metrics.",
                                " io.prometheus.",
                                " io.netty.handler.codec.http.HttpServerCodec ")
                        .anyMatch(line::contains))
                .isEmpty();
    }
}
