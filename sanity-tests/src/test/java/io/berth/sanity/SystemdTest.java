package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The distribution's systemd unit, as it is, under a systemd of the test's own, where the script {@code boot} puts it. In
 * place of Docker there is a docker.service that starts only where the plugin's socket is.
 */
@Timeout(300)
class SystemdTest {
    private static final Path BOOT = Path.of("src/test/systemd/boot").toAbsolutePath();
    private static final Duration PATIENCE = Duration.ofMinutes(1);
    private static final String BERTH = "berth-docker.service";
    private static final String DOCKER = "docker.service";

    @TempDir
    Path folder;

    private Process machine;
    private String systemd;

    @BeforeEach
    void boot() throws IOException {
        Path wanted = Files.createDirectories(folder.resolve("units/multi-user.target.wants"));
        for (String unit : List.of(BERTH, DOCKER)) {
            Files.createSymbolicLink(wanted.resolve(unit), Path.of("..", unit));
        }
        Files.copy(
                Driver.DISTRIBUTION.resolve("systemd").resolve(BERTH),
                folder.resolve("units").resolve(BERTH),
                StandardCopyOption.REPLACE_EXISTING);
        Files.writeString(folder.resolve("units").resolve(DOCKER), """
                [Service]
                Type=oneshot
                RemainAfterExit=yes
                ExecStart=/usr/bin/test -S /run/docker/plugins/berth.sock
                """);
        Files.createDirectory(folder.resolve("fast"));
        Files.writeString(Files.createDirectories(folder.resolve("etc/berth")).resolve("docker.yaml"), """
                pool:
                  - fast=local:%s,limit=advisory
                """.formatted(
                        folder.resolve("fast")));
        Path pid = folder.resolve("pid");
        machine = new ProcessBuilder(BOOT.toString(), folder.toString(), Driver.DISTRIBUTION.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        Await.until(PATIENCE, () -> isWritten(pid) || !machine.isAlive(), this::log);
        systemd = Files.readString(pid).strip();
        awaitActive(DOCKER);
    }

    private static boolean isWritten(Path file) {
        try {
            return Files.exists(file) && Files.readString(file).endsWith("\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String log() {
        try {
            return "systemd does not do as it should:\n" + Files.readString(folder.resolve("log"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @AfterEach
    void powerOff() throws InterruptedException {
        machine.destroy();
        assertThat(machine.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(folder.resolve("cgroups")).doesNotExist();
    }

    private Command.Result systemctl(String... arguments) {
        return Command.run(
                Stream.concat(Stream.of("nsenter", "--all", "--target=" + systemd, "systemctl"), Stream.of(arguments))
                        .toArray(String[]::new));
    }

    private void awaitActive(String unit) {
        Await.until(PATIENCE, () -> systemctl("is-active", "--quiet", unit).code() == 0, () -> unit + ": " + log());
    }

    private String of(String unit, String property) {
        return systemctl("show", "--value", "--property=" + property, unit)
                .out()
                .strip();
    }

    /** A path as systemd and its services have it. */
    private Path inside(String path) {
        return Path.of("/proc", systemd, "root").resolve(path);
    }

    private PluginConnection connect() throws IOException {
        return new PluginConnection(inside("run/docker/plugins/berth.sock"));
    }

    /** Whether systemd's services, Docker among them, see the volume. */
    private boolean isMounted() throws IOException {
        try (Stream<String> mounts = Files.lines(Path.of("/proc", systemd, "mountinfo"))) {
            return mounts.anyMatch(line -> line.contains(" /var/lib/berth/mounts/v1 "));
        }
    }

    @Test
    void thePluginIsReadyBeforeDockerAndItsMountsOutliveIt() throws IOException {
        assertThat(of(BERTH, "ActiveState")).isEqualTo("active");
        assertThat(Long.parseLong(of(BERTH, "ActiveEnterTimestampMonotonic")))
                .isLessThanOrEqualTo(Long.parseLong(of(DOCKER, "ExecMainStartTimestampMonotonic")));
        try (PluginConnection docker = connect()) {
            docker.call("Plugin.Activate", "");
            docker.call("VolumeDriver.Create", "{\"Name\":\"v1\",\"Opts\":{}}");
            docker.call("VolumeDriver.Mount", "{\"Name\":\"v1\",\"ID\":\"a1\"}");
        }
        assertThat(isMounted()).isTrue();
        Files.writeString(inside("var/lib/berth/mounts/v1/file"), "kept");

        String first = of(BERTH, "MainPID");
        assertThat(systemctl("restart", BERTH).code()).isZero();
        assertThat(of(BERTH, "MainPID")).isNotEqualTo(first);
        assertThat(isMounted()).isTrue();

        String second = of(BERTH, "MainPID");
        assertThat(systemctl("kill", "--signal=KILL", BERTH).code()).isZero();
        Await.until(PATIENCE, () -> !List.of("0", second).contains(of(BERTH, "MainPID")), this::log);
        awaitActive(BERTH);
        assertThat(of(BERTH, "NRestarts")).isEqualTo("1");
        assertThat(inside("var/lib/berth/mounts/v1/file")).hasContent("kept");

        try (PluginConnection docker = connect()) {
            docker.call("VolumeDriver.Unmount", "{\"Name\":\"v1\",\"ID\":\"a1\"}");
            assertThat(isMounted()).isFalse();
            docker.call("VolumeDriver.Remove", "{\"Name\":\"v1\"}");
        }
        assertThat(folder.resolve("fast/fast.v1")).doesNotExist();
    }

    /** A line of /proc/PID/status of the driver. */
    private String status(String name) throws IOException {
        try (Stream<String> lines = Files.lines(inside("proc/" + of(BERTH, "MainPID") + "/status"))) {
            return lines.filter(line -> line.startsWith(name + ":"))
                    .map(line -> line.substring(name.length() + 1).strip())
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** The bits of capabilities(7). */
    @Test
    void theDriverHasNoMorePowersThanItNeeds() throws IOException {
        assertThat(status("NoNewPrivs")).isEqualTo("1");
        assertThat(status("Seccomp")).isEqualTo("2");
        long bounds = Long.parseUnsignedLong(status("CapBnd"), 16);
        assertThat(LongStream.range(0, Long.SIZE).filter(bit -> (bounds >> bit & 1) == 1))
                .contains(0L, 1L, 2L, 3L, 4L, 19L, 21L)
                .isSubsetOf(0L, 1L, 2L, 3L, 4L, 10L, 19L, 21L, 24L, 27L, 31L);
        assertThat(inside("var/lib/berth")).isDirectory();
        assertThat(Files.getPosixFilePermissions(inside("var/lib/berth")))
                .doesNotContain(PosixFilePermission.OTHERS_READ, PosixFilePermission.OTHERS_WRITE);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"format\":\"image\",\"size\":\"32Mi\"}",
                "{\"format\":\"image\",\"size\":\"320Mi\",\"fsType\":\"xfs\"}"
            })
    void theDriverHasThePowersThatItNeeds(String options) throws IOException {
        try (PluginConnection docker = connect()) {
            docker.call("Plugin.Activate", "");
            docker.call("VolumeDriver.Create", "{\"Name\":\"v1\",\"Opts\":" + options + "}");
            docker.call("VolumeDriver.Mount", "{\"Name\":\"v1\",\"ID\":\"a1\"}");
            Path volume = inside("var/lib/berth/mounts/v1");
            Files.writeString(volume.resolve("file"), "kept");
            Command.succeed("chown", "1234:5678", volume.resolve("file").toString());
            Command.succeed("chmod", "4751", volume.resolve("file").toString());
            Command.succeed("mknod", volume.resolve("null").toString(), "c", "1", "3");

            docker.call("VolumeDriver.Create", "{\"Name\":\"v2\",\"Opts\":{\"from\":\"v1\"}}");
            docker.call("VolumeDriver.Mount", "{\"Name\":\"v2\",\"ID\":\"a2\"}");
            Path copy = inside("var/lib/berth/mounts/v2");
            assertThat(copy.resolve("file")).hasContent("kept");
            assertThat(Command.succeed(
                            "stat",
                            "--format=%a %u %g %t:%T",
                            copy.resolve("file").toString(),
                            copy.resolve("null").toString()))
                    .isEqualTo("4751 1234 5678 0:0\n644 0 0 1:3\n");
            for (String name : List.of("v1", "v2")) {
                docker.call("VolumeDriver.Unmount", "{\"Name\":\"" + name + "\",\"ID\":\"a" + name.charAt(1) + "\"}");
                docker.call("VolumeDriver.Remove", "{\"Name\":\"" + name + "\"}");
            }
        }
        assertThat(folder.resolve("fast/fast.v1")).doesNotExist();
        assertThat(folder.resolve("fast/fast.v2")).doesNotExist();
    }
}
