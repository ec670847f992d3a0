package io.berth.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.service.Volumes;
import io.berth.settings.Setting;
import io.berth.settings.Settings;
import io.berth.volume.CapacityRange;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BerthTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void withoutACommandItShowsTheCommandsAndFails() {
        assertThat(berth()).isEqualTo(2);
        assertThat(err.toString()).contains("berth COMMAND", "serve", "controller", "node", "version");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void helpIsNoFailure() {
        assertThat(berth("--help")).isZero();
        assertThat(out.toString()).contains("Begin with 'berth serve --help'");
        assertThat(err.toString()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"serve", "controller", "node"})
    void helpOfADriverExplainsEverySettingAndTheExitCodes(String command) {
        assertThat(berth(command, "--help")).isZero();
        for (Setting<?> setting : Settings.DEFINITIONS) {
            String value = "=" + setting.placeholder();
            assertThat(out.toString())
                    .contains(setting.flag() + (setting.implied().isPresent() ? "[" + value + "]" : value));
        }
        assertThat(out.toString())
                .contains("Default: unix:///run/berth/csi.sock.", "Must be given.", "Exit codes:", "Examples:")
                .contains("berth " + command + " --node-id n1");
    }

    @Test
    void helpOfDockerLeavesOutWhatIsCsis() {
        assertThat(berth("docker", "--help")).isZero();
        for (Setting<?> setting : Settings.FLAGS_WITHOUT_CSI) {
            String value = "=" + setting.placeholder();
            assertThat(out.toString())
                    .contains(setting.flag() + (setting.implied().isPresent() ? "[" + value + "]" : value));
        }
        assertThat(out.toString())
                .contains("--socket", "berth docker --pool fast=local:/srv/fast")
                .doesNotContain("--node-id", "--endpoint");
    }

    @Test
    void wrongSettingsAreSaidALineEach() {
        assertThat(Berth.run(
                        writer(out),
                        writer(err),
                        Map.of("BERTH_REAP_RATE", "x"),
                        "node",
                        "--pool",
                        "fast",
                        "--max-calls=0"))
                .isEqualTo(2);
        assertThat(err.toString())
                .hasLineCount(4)
                .startsWith("berth: node-id is not set")
                .contains("\nberth: --pool: ", "\nberth: --max-calls ", "\nberth: BERTH_REAP_RATE ");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void anUnknownCommandOrFlagIsRefusedWithWhatMayBeMeant() {
        assertThat(berth("sreve")).isEqualTo(2);
        assertThat(berth("serve", "--nod-id", "n1")).isEqualTo(2);
        assertThat(err.toString())
                .contains("berth: Unmatched argument at index 0: 'sreve'", "serve")
                .contains("--node-id", "Try 'berth serve --help'.");
    }

    @Test
    void aPoolThatAwaitsItsFileSystemIsToldByDoctorAndPools(@TempDir Path folder) {
        String pool = "--pool=fast=local:" + folder + ",mounted=true";
        String problem = "no file system is mounted at " + folder;
        assertThat(berth("doctor", pool)).isEqualTo(1);
        assertThat(berth("pools", "list", pool)).isEqualTo(1);
        assertThat(out.toString().replaceAll("\\s+", " "))
                .containsSubsequence("pool fast", problem, "pool fast", problem);
        assertThat(berth("pools", "show", "fast", pool)).isEqualTo(1);
        assertThat(err.toString()).contains("pool fast cannot be used: " + problem);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void showNamesTheMountIdsThatDockerGaveOnThisMachine(@TempDir Path folder) throws IOException {
        Path pool = Files.createDirectory(folder.resolve("fast"));
        try (Pools pools = Pools.serving(List.of(PoolConfig.parse("fast=local:" + pool)))) {
            new Volumes(pools, Clock.systemUTC())
                    .create(new Volumes.Wanted("c1", CapacityRange.ANY, VolumeParameters.parse(Map.of()), false));
        }
        Path settings = folder.resolve("docker.yaml");
        Files.writeString(settings, "pool: fast=local:" + pool + "\nstate-dir: " + folder.resolve("state") + "\n");
        assertThat(berth("volumes", "show", "fast.c1", "--config=" + settings)).isZero();
        assertThat(out.toString()).contains("fast.c1").doesNotContain("dockerMountIds");

        Path records = Files.createDirectories(folder.resolve("state/docker/volumes"));
        Path ids = Files.createDirectories(folder.resolve("state/docker/ids"));
        Files.writeString(
                records.resolve("c1.json"),
                "{\"version\":1,\"created\":\"2026-01-02T03:04:05Z\",\"volume\":\"fast.c1\"}");
        String boot = Files.readString(Path.of("/proc/sys/kernel/random/boot_id"));
        for (int i = 10; i < 40; i++) {
            Files.writeString(ids.resolve("c1@id" + i), "1 1 " + boot);
        }
        assertThat(berth("volumes", "show", "fast.c1", "--json", "--config=" + settings))
                .isZero();
        assertThat(out.toString()).contains("dockerMountIds", "id10", "id29").doesNotContain("id30");
    }

    @Test
    void versionIsForPeopleOrMachines() throws IOException {
        assertThat(berth("version")).isZero();
        assertThat(out.toString())
                .startsWith("berth " + Version.BERTH + " (Java ")
                .hasLineCount(1);
        out.getBuffer().setLength(0);
        assertThat(berth("version", "--json")).isZero();
        assertThat(new ObjectMapper().readTree(out.toString()).path("berth").asText())
                .isEqualTo(Version.BERTH)
                .matches("\\d+\\.\\d+\\.\\d+.*");
    }

    private int berth(String... arguments) {
        return Berth.run(writer(out), writer(err), Map.of(), arguments);
    }

    private static PrintWriter writer(StringWriter text) {
        return new PrintWriter(text, true);
    }
}
