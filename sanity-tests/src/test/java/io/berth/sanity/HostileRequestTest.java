package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.berth.csi.v1.CapacityRange;
import io.berth.csi.v1.CreateVolumeRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a request says: a clear error, nothing changed outside the pools, and the driver lives. */
@Timeout(300)
class HostileRequestTest {
    private static final Set<Status.Code> CLEAR = Set.of(
            Status.Code.INVALID_ARGUMENT,
            Status.Code.NOT_FOUND,
            Status.Code.FAILED_PRECONDITION,
            Status.Code.UNIMPLEMENTED);

    @TempDir
    Path folder;

    private Path outside;
    private Driver driver;
    private Client client;

    @BeforeEach
    void start() throws IOException {
        Path temporary = folder.resolve("outside"); // beside the pools: ../outside of their roots
        Files.createDirectories(temporary.resolve("inner"));
        Files.writeString(temporary.resolve("inner/file"), "must stay");
        outside = temporary;
        driver = Driver.start(folder, List.of("--log-level=trace"));
        client = driver.client();
        client.create("fast", "v", 0);
    }

    @AfterEach
    void stop() {
        driver.close();
    }

    private static Optional<Failure> attempt(Runnable call) {
        try {
            call.run();
            return Optional.empty();
        } catch (StatusRuntimeException e) {
            return Optional.of(Failure.of(e));
        }
    }

    /** Makes a hostile call: what must not change does not, whether it fails or has nothing to do. */
    private Optional<Failure> harmless(Runnable call) {
        Tree outsideBefore = Tree.of(outside);
        Tree poolBefore = Tree.of(driver.pool("fast"));
        Optional<Failure> failure = attempt(call);
        failure.ifPresent(how -> {
            assertThat(CLEAR).as("%s", how).contains(how.code());
            assertThat(how.message()).isNotBlank();
        });
        assertThat(Tree.of(outside)).isEqualTo(outsideBefore);
        assertThat(Tree.of(driver.pool("fast"))).isEqualTo(poolBefore);
        assertThat(MountTable.below(folder)).isEmpty();
        assertThat(client.isReady()).isTrue();
        return failure;
    }

    @TestFactory
    Stream<DynamicTest> idsThatNoVolumeHas() {
        List<String> ids = List.of(
                "../x",
                "../outside",
                "a/b",
                "fast.../outside",
                "fast.",
                ".fast",
                "fast",
                "fast./",
                "FAST.v",
                "fast.v/../../outside",
                "fast.-v",
                "nowhere.v",
                "/etc",
                "fast." + "x".repeat(124),
                "x".repeat(100_000),
                "fast.v\0",
                "fast.v\n",
                "fast.\u0007",
                "fast.\u009b31m",
                "fast.ü");
        return Rpc.with("volume_id")
                .flatMap(rpc -> ids.stream()
                        .map(id -> dynamicTest(rpc + " " + shown(id), () -> {
                            Map<String, Object> fields = Rpc.usual();
                            fields.put("volume_id", id);
                            for (String field : List.of(
                                    "staging_target_path", "target_path", "volume_path", "volume_publish_path")) {
                                fields.put(field, driver.place("hostile").toString());
                            }
                            Optional<Failure> failure = harmless(() -> rpc.call(client, fields));
                            failure.filter(how -> how.code() == Status.Code.INVALID_ARGUMENT)
                                    .ifPresent(how -> assertThat(how.message()).contains("volume_id"));
                            failure.filter(how -> how.code() == Status.Code.NOT_FOUND)
                                    .ifPresent(how -> assertThat(how.message()).contains("volume \"" + id + "\""));
                            if (failure.isEmpty()) {
                                assertThat(rpc.toString())
                                        .as("only taking away what is not there may succeed")
                                        .isIn("DeleteVolume", "NodeUnstageVolume", "NodeUnpublishVolume");
                            }
                        })));
    }

    private static String shown(String text) {
        return Failure.printable(text.length() > 40 ? text.length() + " characters" : text);
    }

    @TestFactory
    Stream<DynamicTest> pathsThatAreNone() {
        List<String> paths = List.of(
                "",
                "relative/path",
                "..",
                "/",
                "//",
                "/etc/../etc",
                "/./x",
                "/x/",
                "/a\0b",
                "/" + "x/".repeat(3000),
                "/" + "x".repeat(300));
        return Stream.of("staging_target_path", "target_path", "volume_path")
                .flatMap(field -> Rpc.with(field)
                        .flatMap(rpc -> paths.stream()
                                .map(path -> dynamicTest(rpc + " " + field + " " + shown(path), () -> {
                                    Map<String, Object> fields = Rpc.usual();
                                    fields.put("volume_id", "fast.v");
                                    fields.put("target_path", driver.place("t").toString());
                                    fields.put("volume_path", driver.place("t").toString());
                                    fields.put(
                                            "staging_target_path",
                                            driver.place("s").toString());
                                    fields.put(field, path);
                                    harmless(() -> rpc.call(client, fields))
                                            .filter(how -> how.code() == Status.Code.INVALID_ARGUMENT)
                                            .ifPresent(how -> assertThat(how.message())
                                                    .containsAnyOf(field, "File name too long"));
                                }))));
    }

    @ParameterizedTest
    @ValueSource(strings = {"outside", "outside/inner/file", "fast/fast.v", "fast/.berth/tmp", "fast"})
    void whatIsNoTargetIsNotTakenAway(String path) {
        Failure failure =
                harmless(() -> client.unpublish("fast.v", folder.resolve(path))).orElseThrow();
        assertThat(failure.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(failure.message()).contains(folder.resolve(path).toString());
        assertThat(harmless(() -> client.unstage("fast.v", folder.resolve(path))))
                .isEmpty();
    }

    @Test
    void nothingIsMountedInAPool() {
        Path inside = driver.pool("fast").resolve("fast.v");
        assertThat(harmless(() -> client.stage("fast.v", inside)).map(Failure::code))
                .contains(Status.Code.FAILED_PRECONDITION);
        assertThat(harmless(() -> client.publish(
                                Client.inline("csi-0123", inside, Map.of("medium", "Memory", "size", "1Mi"))))
                        .map(Failure::code))
                .contains(Status.Code.FAILED_PRECONDITION);
    }

    @Test
    void anotherVolumesMountIsNotTakenAway() {
        client.create("fast", "w", 0);
        client.stage("fast.v", driver.place("s"));
        for (Runnable call : List.<Runnable>of(
                () -> client.unstage("fast.w", driver.place("s")),
                () -> client.unpublish("fast.w", driver.place("s")))) {
            Failure failure = Failure.of(call);
            assertThat(failure.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(failure.message())
                    .contains("fast.w", "fast.v", driver.place("s").toString());
        }
        assertThat(MountTable.below(driver.place("s"))).hasSize(1);
    }

    @Test
    void aMountThatIsNoVolumeIsNotTakenAway() throws IOException {
        Path target = Files.createDirectory(driver.place("t"));
        Command.succeed("mount", "-t", "tmpfs", "none", target.toString());
        Failure failure = Failure.of(() -> client.unpublish("fast.v", target));
        assertThat(failure.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(failure.message()).contains(target.toString(), "tmpfs");
        Failure publish = Failure.of(() -> {
            client.stage("fast.v", driver.place("s"));
            client.publish("fast.v", driver.place("s"), target);
        });
        assertThat(publish.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(MountTable.below(target)).hasSize(1);
    }

    static Stream<String> namesThatAreNone() {
        return Stream.of("", "x".repeat(129), "ü".repeat(65), "a\0b", "a\nb", "\u007f", "\u0085");
    }

    @ParameterizedTest
    @MethodSource
    void namesThatAreNone(String name) {
        Failure failure = harmless(() -> client.create("fast", name, 0)).orElseThrow();
        assertThat(failure.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(failure.message()).contains("name");
    }

    static Stream<String> oddNames() {
        return Stream.of(
                "ü".repeat(64),
                "漢".repeat(42) + "ab",
                "😀".repeat(32),
                "x".repeat(128),
                "../outside",
                "..",
                "a/b",
                ".berth",
                "/etc/passwd",
                "fast.../x",
                " ",
                "-rf",
                "$(reboot)",
                "v.json",
                "\u202etxt.exe");
    }

    @ParameterizedTest
    @MethodSource
    void oddNames(String name) {
        Tree before = Tree.of(outside);
        String id = client.create("fast", name, 0).getVolumeId();
        assertThat(id).matches("fast\\.[A-Za-z0-9][A-Za-z0-9_.-]*").hasSizeLessThanOrEqualTo(128);
        assertThat(client.create("fast", name, 0).getVolumeId()).isEqualTo(id);
        client.stage(id, driver.place("s"));
        client.publish(id, driver.place("s"), driver.place("t"));
        client.unpublish(id, driver.place("t"));
        client.unstage(id, driver.place("s"));
        client.delete(id);
        client.delete("fast.v");
        driver.assertNothingLeft("fast");
        assertThat(Tree.of(outside)).isEqualTo(before);
    }

    @ParameterizedTest
    @CsvSource({
        "pool, ../fast",
        "pool, nowhere",
        "pool, ''",
        "subDir, ../outside",
        "subDir, a/../../outside",
        "subDir, .berth/volumes",
        "subDir, fast.w",
        "subDir, archived-x",
        "subDir, ./a",
        "subDir, ${pvc.metadata.name}",
        "subDir, ${nonsense}",
        "pathPattern, ../${pvc.metadata.name}",
        "uid, -1",
        "uid, root",
        "uid, 4294967296",
        "gid, 1e3",
        "mode, rwx",
        "mode, 99999",
        "onDelete, destroy",
        "share, /srv",
        "Pool, fast",
    })
    void parametersThatAreNotAllowed(String key, String value) {
        CreateVolumeRequest request =
                Client.creation("fast", "w", 0).putParameters(key, value).build();
        Failure failure = harmless(() -> {
                    var unused = client.controller().createVolume(request);
                })
                .orElseThrow();
        assertThat(failure.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(failure.message()).containsAnyOf(key, "path");
    }

    @ParameterizedTest
    @ValueSource(strings = {"..", "../..", "../outside", "a/../../outside", "/etc", ".berth/volumes"})
    void aClaimsNameDoesNotLeaveThePool(String claim) {
        CreateVolumeRequest request = Client.creation("fast", "w", 0)
                .putParameters("subDir", "${pvc.metadata.namespace}/${pvc.metadata.name}")
                .putParameters("csi.storage.k8s.io/pvc/namespace", "..")
                .putParameters("csi.storage.k8s.io/pvc/name", claim)
                .build();
        Failure failure = harmless(() -> {
                    var unused = client.controller().createVolume(request);
                })
                .orElseThrow();
        assertThat(failure.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    }

    @Test
    void sizesThatAreNone() {
        for (CapacityRange range : List.of(
                CapacityRange.newBuilder().setRequiredBytes(-1).build(),
                CapacityRange.newBuilder().setLimitBytes(-1).build(),
                CapacityRange.newBuilder().setRequiredBytes(2).setLimitBytes(1).build())) {
            Failure failure = Failure.of(() -> {
                var unused = client.controller()
                        .createVolume(Client.creation("fast", "w", 0)
                                .setCapacityRange(range)
                                .build());
            });
            assertThat(failure.code()).isIn(Status.Code.INVALID_ARGUMENT, Status.Code.OUT_OF_RANGE);
            assertThat(failure.message()).containsAnyOf("required_bytes", "limit_bytes");
        }
        assertThat(Failure.of(() -> client.create("fast", "w", Long.MAX_VALUE)).code())
                .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    }

    @ParameterizedTest
    @CsvSource({
        "size, -1",
        "size, 0",
        "size, lots",
        "medium, Floppy",
        "path, ../outside",
        "pool, ../fast",
        "nonsense, x"
    })
    void attributesThatAreNotAllowed(String key, String value) {
        Failure failure = harmless(
                        () -> client.publish(Client.inline("csi-0123", driver.place("t"), Map.of(key, value))))
                .orElseThrow();
        assertThat(failure.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(failure.message()).contains(key);
        assertThat(driver.place("t")).doesNotExist();
    }

    @Test
    void requestsThatAreTooLargeAreRefused() {
        Failure strings = Failure.of(() -> {
            var unused = client.controller()
                    .createVolume(Client.creation("fast", "w", 0)
                            .putSecrets("key", "x".repeat(5000))
                            .build());
        });
        assertThat(strings.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(strings.message()).contains("secrets", "4096");
        Failure message = Failure.of(() -> client.create("fast", "x".repeat(64 << 20), 0));
        assertThat(message.code()).isIn(Status.Code.RESOURCE_EXHAUSTED, Status.Code.CANCELLED);
        assertThat(client.isReady()).isTrue();
    }

    @Test
    void moreCallsAtOnceThanAllowedAreRefusedAndTheRestAnswered() throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(200)) {
            List<Future<Optional<Failure>>> calls = new ArrayList<>();
            for (int i = 0; i < 2000; i++) {
                String name = "many-" + i;
                calls.add(threads.submit(() -> attempt(() -> client.create("shared", name, 0))));
            }
            int done = 0;
            for (Future<Optional<Failure>> call : calls) {
                Optional<Failure> failure = call.get();
                failure.ifPresent(how -> assertThat(how.code()).isEqualTo(Status.Code.UNAVAILABLE));
                done += failure.isEmpty() ? 1 : 0;
            }
            assertThat(done).isPositive();
            assertThat(Driver.files(driver.pool("shared").resolve(".berth/volumes")))
                    .hasSize(done);
        }
        assertThat(client.isReady()).isTrue();
    }

    @Test
    void secretsAreNeverLogged() {
        Map<String, Object> fields = Rpc.usual();
        fields.put("secrets", Map.of("user", "hunter2-value", "hunter2-key", "x"));
        fields.put("volume_id", "fast.v");
        fields.put("staging_target_path", driver.place("s").toString());
        fields.put("target_path", driver.place("t").toString());
        fields.put("volume_path", driver.place("t").toString());
        List<Rpc> calls = Rpc.with("secrets").toList();
        assertThat(calls).hasSizeGreaterThan(10);
        for (Rpc call : calls) {
            attempt(() -> call.call(client, fields));
            fields.put("volume_id", "no\nvolume"); // and where the call fails
            attempt(() -> call.call(client, fields));
            fields.put("volume_id", "fast.v");
        }
        assertThat(driver.log())
                .contains("CreateVolume")
                .doesNotContain("hunter2")
                .doesNotContain("68756e74657232"); // the same in hexadecimal, as frames would be written
    }

    @Test
    void whatIsLoggedStaysOnItsLine() {
        attempt(() -> client.create("fast", "a\nb ERROR forged", 0));
        attempt(() -> client.get("fast.\u001b[31m\r\nERROR forged"));
        assertThat(driver.log().lines()).noneMatch(line -> line.startsWith("ERROR") || line.contains("\u001b"));
    }

    @Test
    void bytesThatAreNoGrpcDoNotStopTheDriver() throws IOException {
        for (byte[] bytes : List.of("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII), new byte[100_000])) {
            try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(driver.socket()))) {
                assertThatCode(() -> channel.write(ByteBuffer.wrap(bytes))).doesNotThrowAnyException();
            }
        }
        assertThat(client.isReady()).isTrue();
    }
}
