package io.berth.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.berth.csi.DriverName;
import io.berth.docker.DockerSettings;
import io.berth.fault.Fault;
import io.berth.service.InlineRules;
import io.berth.socket.Endpoint;
import io.berth.socket.SocketOwner;
import io.berth.volume.NodeId;
import io.berth.volume.PoolName;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.event.Level;

class SettingsTest {
    private static final Map<String, List<String>> NODE = Map.of("node-id", List.of("n1"));

    @TempDir
    Path folder;

    @Test
    void defaultsApplyWhereNothingIsGiven() {
        assertThat(Settings.read(NODE, Map.of()))
                .isEqualTo(new Settings(
                        Optional.of(new Settings.Csi(
                                new Endpoint(Path.of("/run/berth/csi.sock")),
                                new NodeId("n1"),
                                new DriverName("csi.berth.io"),
                                false,
                                false,
                                0,
                                false,
                                Optional.empty())),
                        Optional.empty(),
                        List.of(),
                        List.of(),
                        List.of(),
                        InlineRules.DEFAULT,
                        64,
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(20),
                        20000,
                        Optional.empty(),
                        Settings.LogFormat.TEXT,
                        Level.INFO));
    }

    @Test
    void everySettingCanBeGivenByFlagVariableAndFile() throws IOException {
        Map<String, List<String>> values = Map.ofEntries(
                Map.entry("endpoint", List.of("unix:///tmp/c.sock")),
                Map.entry("node-id", List.of("n2")),
                Map.entry("driver-name", List.of("local.csi.example")),
                Map.entry("pool", List.of("a=local:/a,size=1Gi,overcommit=2", "b=hostpath:/b")),
                Map.entry("allow-host-path", List.of("/data", "/srv/x")),
                Map.entry("allow-inline-host-path", List.of("/pods")),
                Map.entry("inline-pool", List.of("a")),
                Map.entry("inline-max-size", List.of("2Gi")),
                Map.entry("docker-socket", List.of("/tmp/d.sock")),
                Map.entry("docker-socket-owner", List.of("1000:root")),
                Map.entry("default-pool", List.of("b")),
                Map.entry("state-dir", List.of("/var/lib/x")),
                Map.entry("docker-remove-all", List.of("true")),
                Map.entry("state-group", List.of("165536")),
                Map.entry("max-calls", List.of("3")),
                Map.entry("slow-call", List.of("250ms")),
                Map.entry("stop-timeout", List.of("2m")),
                Map.entry("reap-rate", List.of("7")),
                Map.entry("attach", List.of("true")),
                Map.entry("node-expansion", List.of("true")),
                Map.entry("max-volumes", List.of("9")),
                Map.entry("unstage-unused", List.of("true")),
                Map.entry("register", List.of("true")),
                Map.entry("plugins-registry", List.of("/k/reg")),
                Map.entry("kubelet-registration-path", List.of("/k/csi.sock")),
                Map.entry("metrics-address", List.of("0.0.0.0:9809")),
                Map.entry("log-format", List.of("json")),
                Map.entry("log-level", List.of("debug")));
        assertThat(values.keySet())
                .isEqualTo(Settings.DEFINITIONS.stream().map(Setting::name).collect(Collectors.toSet()));

        Settings byFlag = Settings.read(values, Map.of());
        assertThat(byFlag.csi())
                .contains(new Settings.Csi(
                        new Endpoint(Path.of("/tmp/c.sock")),
                        new NodeId("n2"),
                        new DriverName("local.csi.example"),
                        true,
                        true,
                        9,
                        true,
                        Optional.of(new Settings.Registration(
                                new Endpoint(Path.of("/k/reg/local.csi.example-reg.sock")),
                                new Endpoint(Path.of("/k/csi.sock"))))));
        assertThat(byFlag.docker())
                .contains(new DockerSettings(
                        new Endpoint(Path.of("/tmp/d.sock")),
                        Optional.of(SocketOwner.parse("1000:0")),
                        Optional.of(new PoolName("b")),
                        Path.of("/var/lib/x"),
                        OptionalInt.of(165536),
                        true));
        assertThat(byFlag.pools()).hasToString("[a=local:/a, b=hostpath:/b]");
        assertThat(byFlag.pools().getFirst().sizeBytes()).hasValue(1L << 30);
        assertThat(byFlag.allowedHostPaths()).containsExactly(Path.of("/data"), Path.of("/srv/x"));
        assertThat(byFlag.allowedInlineHostPaths()).containsExactly(Path.of("/pods"));
        assertThat(byFlag.inline()).isEqualTo(new InlineRules(Set.of(new PoolName("a")), OptionalLong.of(2L << 30)));
        assertThat(byFlag.maxCalls()).isEqualTo(3);
        assertThat(byFlag.slowCall()).isEqualTo(Duration.ofMillis(250));
        assertThat(byFlag.stopTimeout()).isEqualTo(Duration.ofMinutes(2));
        assertThat(byFlag.reapRate()).isEqualTo(7);
        assertThat(byFlag.metricsAddress()).contains(InetSocketAddress.createUnresolved("0.0.0.0", 9809));
        assertThat(byFlag.logFormat()).isEqualTo(Settings.LogFormat.JSON);
        assertThat(byFlag.logLevel()).isEqualTo(Level.DEBUG);

        Map<String, String> variables = new HashMap<>();
        StringBuilder yaml = new StringBuilder();
        for (Setting<?> setting : Settings.DEFINITIONS) {
            List<String> texts = values.getOrDefault(setting.name(), List.of());
            variables.put(setting.variable(), String.join(";", texts));
            yaml.append(setting.name())
                    .append(": ")
                    .append(setting.repeated() ? texts : texts.getFirst())
                    .append('\n');
        }
        // In YAML's short lists a comma ends an item.
        String text = yaml.toString().replace("a=local:/a,size=1Gi,overcommit=2", "'a=local:/a,size=1Gi,overcommit=2'");
        assertThat(Settings.read(Map.of(), variables)).isEqualTo(byFlag);
        assertThat(Settings.read(Map.of(), Map.of("BERTH_CONFIG", file(text).toString())))
                .isEqualTo(byFlag);
    }

    @Test
    void aFlagWinsOverAVariableAndAVariableOverTheFile() throws IOException {
        Path file = file("node-id: of-file\ndriver-name: of-file\nmax-calls: 5\n");
        Settings settings = Settings.read(
                Map.of("config", List.of(file.toString()), "node-id", List.of("of-flag")),
                Map.of("BERTH_NODE_ID", "of-variable", "BERTH_DRIVER_NAME", "of-variable"));

        assertThat(csi(settings).nodeId()).hasToString("of-flag");
        assertThat(csi(settings).driverName()).hasToString("of-variable");
        assertThat(settings.maxCalls()).isEqualTo(5);
    }

    @Test
    void theEndpointOfTheContainerStorageInterfaceCountsAfterBerthsOwn() throws IOException {
        String file = file("node-id: n1\nendpoint: /of-file.sock\n").toString();
        Map<String, String> foreign = Map.of("CSI_ENDPOINT", "unix:///of-csi.sock", "BERTH_CONFIG", file);
        assertThat(csi(Settings.read(Map.of(), foreign)).endpoint()).isEqualTo(new Endpoint(Path.of("/of-csi.sock")));

        Map<String, String> both = Map.of("CSI_ENDPOINT", "/of-csi.sock", "BERTH_ENDPOINT", "unix:/of-berth.sock");
        assertThat(csi(Settings.read(NODE, both)).endpoint()).isEqualTo(new Endpoint(Path.of("/of-berth.sock")));
        assertThat(csi(Settings.read(NODE, Map.of("BERTH_CONFIG", file))).endpoint())
                .isEqualTo(new Endpoint(Path.of("/of-file.sock")));
    }

    @Test
    void aRepeatedVariableIsSplitAtSemicolonsAndLines() {
        Settings settings = Settings.read(NODE, Map.of("BERTH_ALLOW_HOST_PATH", "/a; /b\n/c;\n"));
        assertThat(settings.allowedHostPaths()).containsExactly(Path.of("/a"), Path.of("/b"), Path.of("/c"));
    }

    @Test
    void everythingThatIsWrongIsSaidAtOnce() throws IOException {
        Path file = file("driver-nam: x\nreap-rate: fast\n");
        assertThat(problems(
                        Map.of(
                                "max-calls", List.of("0"),
                                "pool", List.of("a=local:/a", "a=local:/b", "c=tape:/c"),
                                "log-level", List.of("info", "warn")),
                        Map.of("BERTH_CONFIG", file.toString(), "BERTH_NOD_ID", "n1", "BERTH_SLOW_CALL", "10")))
                .containsExactly(
                        "variable \"BERTH_NOD_ID\" is not known; the nearest is BERTH_NODE_ID",
                        "key \"driver-nam\" in the file is not known; the nearest is driver-name",
                        "node-id is not set: give --node-id NAME, the variable BERTH_NODE_ID or the key node-id in the"
                                + " file",
                        "--pool: two pools are named a",
                        "--pool: pool kind \"tape\": local | hostpath | nfs",
                        "--max-calls \"0\": a whole number from 1 to 4096",
                        "BERTH_SLOW_CALL \"10\": a duration from 1ms to 1h, such as 500ms, 10s or 2m",
                        "key reap-rate in the file \"fast\": a whole number from 1 to 1000000",
                        "--log-level is given 2 times; it has one value");
    }

    @Test
    void javaOptionsOfTheLauncherAreNoSetting() {
        assertThat(csi(Settings.read(NODE, Map.of("BERTH_JAVA_OPTS", "-Xmx64m")))
                        .nodeId())
                .hasToString("n1");
    }

    @ParameterizedTest
    @CsvSource({
        "node-id, ''",
        "node-id, -n",
        "node-id, a b",
        "node-id, 0123456789012345678901234567890123456789012345678901234567890123",
        "endpoint, tcp://127.0.0.1:1",
        "endpoint, unix://run/x",
        "endpoint, /run/../x",
        "endpoint, /",
        "endpoint, 'unix:///a\u0000b'",
        "allow-host-path, srv",
        "allow-host-path, /",
        "max-volumes, 2147483648",
        "max-volumes, -1",
        "attach, yes",
        "stop-timeout, 11m",
        "stop-timeout, 999999999h",
        "register, yes",
        "plugins-registry, reg",
        "kubelet-registration-path, csi.sock",
        "metrics-address, :9809",
        "metrics-address, ::1:9809",
        "metrics-address, [::1]",
        "metrics-address, localhost",
        "metrics-address, 65536",
        "metrics-address, http://localhost:1",
        "log-format, xml",
        "log-level, INFO",
    })
    void wrongValuesAreRefusedByName(String name, String text) {
        assertThatThrownBy(() -> Settings.read(with(name, text), Map.of()))
                .as(name)
                .isInstanceOf(Fault.class)
                .hasMessageStartingWith("--" + name);
    }

    @ParameterizedTest
    @CsvSource({
        "9809, 127.0.0.1, 9809",
        "localhost:0, localhost, 0",
        "10.0.0.1:65535, 10.0.0.1, 65535",
        "[::1]:9809, ::1, 9809",
    })
    void metricsAreServedOnThisMachineUnlessToldElse(String text, String host, int port) {
        assertThat(Settings.read(with("metrics-address", text), Map.of()).metricsAddress())
                .contains(InetSocketAddress.createUnresolved(host, port));
    }

    @Test
    void theKubeletIsToldTheEndpointUnlessItSeesAnother() {
        assertThat(csi(Settings.read(with("register", "true"), Map.of())).registration())
                .contains(new Settings.Registration(
                        new Endpoint(Path.of("/var/lib/kubelet/plugins_registry/csi.berth.io-reg.sock")),
                        new Endpoint(Path.of("/run/berth/csi.sock"))));
    }

    @Test
    void aRegistrationSocketThatTheKernelCannotHoldIsRefused() {
        Map<String, List<String>> flags = new HashMap<>(with("register", "true"));
        flags.put("plugins-registry", List.of("/" + "x".repeat(90)));
        assertThat(problems(flags, Map.of()))
                .singleElement()
                .asString()
                .startsWith("--plugins-registry")
                .contains("a Unix socket's at most 107");
    }

    @Test
    void aSocketPathThatTheKernelCannotHoldIsRefusedWithItsLength() {
        String path = "/" + "é".repeat(54);
        assertThat(problems(Map.of("node-id", List.of("n1"), "endpoint", List.of(path)), Map.of()))
                .singleElement()
                .asString()
                .contains("has 109 bytes, a Unix socket's at most 107");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[1, 2]| write one setting a line",
                "node-id: ~| the value of \"node-id\" is missing",
                "node-id: {a: b}| is one text or number, or a list of them",
                "pool: [[a]]| is one text or number, or a list of them",
                "'node-id: a\nnode-id: b'| line 2",
                "'node-id: a\n---\nnode-id: b'| line",
                "node-id: [| line",
                "''| write one setting a line",
            })
    void aFileThatIsNoMappingIsRefused(String yaml, String message) throws IOException {
        Path file = file(yaml);
        assertThat(problems(NODE, Map.of("BERTH_CONFIG", file.toString())))
                .singleElement()
                .asString()
                .contains(file.toString(), message);
    }

    @Test
    void aFileThatCannotBeReadIsRefused() throws IOException {
        Path missing = folder.resolve("missing.yaml");
        Path endless = file("#" + "x".repeat(300_000));
        for (Path file : List.of(missing, endless, folder)) {
            assertThat(problems(Map.of("node-id", List.of("n1"), "config", List.of(file.toString())), Map.of()))
                    .singleElement()
                    .asString()
                    .contains(file.toString());
        }
    }

    private static Map<String, List<String>> with(String name, String text) {
        Map<String, List<String>> flags = new HashMap<>(NODE);
        flags.put(name, List.of(text));
        return flags;
    }

    private static Stream<String> problems(Map<String, List<String>> flags, Map<String, String> environment) {
        return catchThrowableOfType(Fault.class, () -> Settings.read(flags, environment))
                .getMessage()
                .lines();
    }

    private Path file(String yaml) throws IOException {
        return Files.writeString(folder.resolve("berth.yaml"), yaml);
    }

    private static Settings.Csi csi(Settings settings) {
        return settings.csi().orElseThrow();
    }

    @Test
    void dockerAloneNeedsNoNodeAndHasASocketOfItsOwn() throws IOException {
        String file =
                file("node-id: n1\nendpoint: /of-csi.sock\npool: a=local:/a\n").toString();

        Settings settings = Settings.readWithoutCsi(Map.of(), Map.of("BERTH_CONFIG", file));

        assertThat(settings.csi()).isEmpty();
        assertThat(settings.docker())
                .contains(new DockerSettings(
                        new Endpoint(Path.of("/run/docker/plugins/berth.sock")),
                        Optional.empty(),
                        Optional.empty(),
                        Path.of("/var/lib/berth"),
                        OptionalInt.empty(),
                        false));
        assertThat(Settings.readWithoutCsi(Map.of("docker-socket", List.of("/d.sock")), Map.of())
                        .docker()
                        .map(DockerSettings::socket))
                .contains(new Endpoint(Path.of("/d.sock")));
    }

    @Test
    void anInlinePoolIsOneOfThePools() {
        Map<String, List<String>> flags = new HashMap<>(NODE);
        flags.putAll(Map.of("pool", List.of("a=local:/a"), "inline-pool", List.of("b")));
        assertThatThrownBy(() -> Settings.read(flags, Map.of()))
                .hasMessageStartingWith("--inline-pool")
                .hasMessageContaining("[a]");
    }
}
