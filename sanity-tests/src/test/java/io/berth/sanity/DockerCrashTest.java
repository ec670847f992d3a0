package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real dockerd, the plugin or a disk goes away while containers use volumes. */
@Timeout(240)
class DockerCrashTest {
    /** Without a wait for a disk that never answers, on a machine however slow. */
    private static final Duration SOON = Duration.ofSeconds(15);

    @TempDir
    static Path folder;

    private static HangingDisk hanging;
    private static DockerHost host;

    @BeforeAll
    static void start() throws IOException {
        Path frozen = makeDisk(folder.resolve("frozen"));
        hanging = HangingDisk.mount(folder.resolve("hanging.disk"), folder.resolve("hanging"));
        try {
            host = DockerHost.start(
                    Docker.INSTALLED,
                    folder,
                    "frozen=local:" + frozen + ",limit=advisory",
                    "hanging=hostpath:" + folder.resolve("hanging") + ",limit=advisory");
        } catch (RuntimeException | Error e) {
            hanging.close();
            Driver.unmountBelow(folder);
            throw e;
        }
    }

    private static Path makeDisk(Path path) throws IOException {
        Path image = folder.resolve("disk");
        Command.succeed("truncate", "--size=64M", image.toString());
        Command.succeed("mkfs.ext4", "-q", image.toString());
        Files.createDirectory(path);
        Command.succeed("mount", "-o", "loop", image.toString(), path.toString());
        return path;
    }

    @AfterEach
    void clean() {
        host.clean();
    }

    @AfterAll
    static void stop() {
        host.close();
        hanging.close();
        Driver.unmountBelow(folder);
    }

    @Test
    void dockerdIsKilled() {
        host.keepRunning("one", "v1");
        host.exec("one", "echo kept >/data/file");
        host.dockerd().kill9();
        assertThat(host.mountIds()).as("nobody took it back").hasSize(1);
        host.dockerd().restart();

        host.docker("start", "one");
        assertThat(host.exec("one", "cat /data/file")).isEqualTo("kept");
        host.docker("stop", "one");
        assertThat(host.mounts()).isEmpty();
        host.docker("rm", "one");
        host.docker("volume", "rm", "v1");
        assertThat(host.mountIds()).isEmpty();
    }

    @Test
    void dockerdIsKilledAndItsContainerNeverStartedAgain() {
        host.keepRunning("one", "v1");
        host.dockerd().kill9();
        host.dockerd().restart();

        host.docker("rm", "--force", "one");
        host.docker("volume", "rm", "v1");
        assertThat(host.mountIds()).isEmpty();
        assertThat(host.mounts()).isEmpty();
    }

    @Test
    void containersLiveOnWhileDockerdIsReplaced() {
        host.dockerd().terminate();
        host.dockerd().restart("--live-restore");
        try {
            host.keepRunning("one", "v1");
            host.dockerd().terminate();
            assertThat(host.mounts()).hasSize(1);
            host.dockerd().restart("--live-restore");

            assertThat(host.exec("one", "echo alive >/data/file && cat /data/file"))
                    .isEqualTo("alive");
            host.keepRunning("two", "v1");
            host.docker("stop", "one");
            assertThat(host.exec("two", "cat /data/file")).isEqualTo("alive");
            host.docker("stop", "two");
            assertThat(host.mountIds()).isEmpty();
            assertThat(host.mounts()).isEmpty();
        } finally {
            host.dockerd().removeContainers();
            host.dockerd().terminate();
            host.dockerd().restart();
        }
    }

    @Test
    void thePluginIsKilled() {
        host.keepRunning("one", "v1");
        host.driver().kill9();
        host.exec("one", "echo without the plugin >/data/file");
        host.driver().restart();

        assertThat(host.exec("one", "cat /data/file")).isEqualTo("without the plugin");
        host.keepRunning("two", "v1");
        host.docker("stop", "one");
        assertThat(host.exec("two", "cat /data/file")).isEqualTo("without the plugin");
        host.docker("stop", "two");
        assertThat(host.mountIds()).isEmpty();
        assertThat(host.mounts()).isEmpty();
        host.docker("start", "one");
        assertThat(host.exec("one", "cat /data/file")).isEqualTo("without the plugin");
    }

    @Test
    void aContainerStopsWhileThePluginIsDown() {
        host.keepRunning("one", "v1");
        host.exec("one", "echo kept >/data/file");
        host.driver().kill9();
        host.docker("kill", "one");
        host.docker("wait", "one");
        host.driver().restart();
        assertThat(host.mountIds()).as("dockerd never says it again").hasSize(1);

        assertThat(host.run("v1", "cat /data/file")).isEqualTo("kept");
        host.docker("rm", "one");
        host.docker("volume", "rm", "v1");
        assertThat(host.mountIds()).isEmpty();
        assertThat(host.mounts()).isEmpty();
    }

    @Test
    void dockerdKeepsWhatItKnowsOfAVolume() {
        host.docker("volume", "create", "--driver=berth", "--opt=size=16m", "--label=team=blue", "v1");
        host.keepRunning("one", "v1", "--restart=always");
        host.dockerd().terminate();
        host.dockerd().restart();

        host.awaitRunning("one");
        host.exec("one", "touch /data/file");
        JsonNode shown = host.inspect("v1");
        assertThat(shown.at("/Labels/team").asText()).isEqualTo("blue");
        assertThat(shown.at("/Options/size").asText()).isEqualTo("16m");
        assertThat(host.mountIds()).hasSize(1);
    }

    @Test
    void aDiskThatTakesNoWritesHoldsNobodyUp() {
        Path disk = folder.resolve("frozen");
        host.docker("volume", "create", "--driver=berth", "--opt=pool=frozen", "v1");
        Command.succeed("fsfreeze", "--freeze", disk.toString());
        try {
            long start = System.nanoTime();
            assertThat(host.volumes()).containsExactly("v1");
            assertThat(host.inspect("v1").at("/Status/pool").asText()).isEqualTo("frozen");
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(SOON);
            assertThat(host.run("w1", "echo elsewhere >/data/file && cat /data/file"))
                    .isEqualTo("elsewhere");
            assertThat(host.run("v1", "ls -d /data")).isEqualTo("/data");
        } finally {
            Command.succeed("fsfreeze", "--unfreeze", disk.toString());
        }
    }

    @Test
    void aDiskThatHangsHoldsUpOnlyItsOwnVolumes() {
        host.docker("volume", "create", "--driver=berth", "--opt=pool=hanging", "--label=team=blue", "v1");
        host.run("v1", "echo kept >/data/file");
        host.run("w1", "echo elsewhere >/data/file");
        hanging.hang();
        try {
            assertThat(time(() -> assertThat(host.volumes()).containsExactly("v1", "w1")))
                    .isLessThan(SOON);
            assertThat(time(() -> {
                        JsonNode shown = host.inspect("v1");
                        assertThat(shown.at("/Labels/team").asText()).isEqualTo("blue");
                        assertThat(shown.at("/Status/health").asText()).contains("pool hanging has not answered");
                    }))
                    .isLessThan(SOON);
            assertThat(time(() -> assertThat(host.complaint(
                                    "run", "--rm", "--network=none", "--volume=v1:/data", Dockerd.IMAGE, "true"))
                            .contains("pool hanging has not answered")))
                    .isLessThan(Duration.ofMinutes(2));
            assertThat(host.run("w1", "cat /data/file")).isEqualTo("elsewhere");
            host.docker("volume", "create", "--driver=berth", "--opt=pool=fast", "w2");
            assertThat(host.run("w2", "echo new >/data/file && cat /data/file")).isEqualTo("new");
        } finally {
            hanging.goOn();
        }
        assertThat(host.run("v1", "cat /data/file")).isEqualTo("kept");
    }

    private static Duration time(Runnable work) {
        long start = System.nanoTime();
        work.run();
        return Duration.ofNanos(System.nanoTime() - start);
    }
}
