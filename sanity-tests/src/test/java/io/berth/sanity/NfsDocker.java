package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.uml.KernelNfsServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Folders of an export by the options of Docker's local driver, as dockerd asks for them. Runs on a kernel of its own. */
class NfsDocker {
    /** Programs start slowly on that kernel. */
    private static final Duration PATIENCE = Duration.ofMinutes(3);

    private final KernelNfsServer server = KernelNfsServer.running();
    private final Path ours = server.xfsOnServer().resolve("of-docker");

    @TempDir
    Path folder;

    private Path socket;
    private Process berth;

    @BeforeEach
    void start() throws IOException {
        socket = folder.resolve("docker.sock");
        berth = new ProcessBuilder(
                        Driver.command(),
                        "docker",
                        "--pool=home=nfs:" + server.xfs(),
                        "--docker-socket=unix://" + socket,
                        "--state-dir=" + folder.resolve("state"))
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        Await.until(PATIENCE, () -> Driver.answers(socket) || !berth.isAlive(), this::log);
        assertThat(berth.isAlive()).as(log()).isTrue();
    }

    private String log() {
        try {
            return Files.readString(folder.resolve("log"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @AfterEach
    void stop() throws InterruptedException {
        berth.destroy();
        assertThat(berth.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        Driver.unmountBelow(folder);
        Driver.unmountBelow(Path.of("/run/berth"));
        Command.succeed("rm", "-r", ours.toString());
    }

    @Test
    void aFolderOfAnExportIsMountedByItsOwnOptionsAndNothingOfItDeleted() throws IOException {
        Path team = Files.createDirectories(ours.resolve("team"));
        Path mountpoint = folder.resolve("state/mounts/v1");
        try (PluginConnection docker = new PluginConnection(socket)) {
            docker.call("VolumeDriver.Create", """
                    {"Name":"v1","Opts":{"type":"nfs","device":":/xfs/of-docker/team",
                    "o":"addr=127.0.0.1,nfsvers=4.1,soft,noatime"}}""");
            docker.call("VolumeDriver.Mount", "{\"Name\":\"v1\",\"ID\":\"a1\"}");
            MountTable.Mount mount = MountTable.below(mountpoint).getFirst();
            assertThat(mount.superOptions()).contains("vers=4.1", "soft");
            assertThat(mount.options()).contains("noatime");
            Files.writeString(mountpoint.resolve("file"), "kept");
            docker.call("VolumeDriver.Unmount", "{\"Name\":\"v1\",\"ID\":\"a1\"}");
            assertThat(MountTable.below(mountpoint)).isEmpty();
            docker.call("VolumeDriver.Remove", "{\"Name\":\"v1\"}");
            assertThat(team.resolve("file")).hasContent("kept");
        }
    }

    /** As of a storage box with an export for each application; the pool's own export is refused. */
    @Test
    void aWholeExportThatIsNoPoolsIsMounted() throws IOException {
        Files.createDirectories(ours);
        Path mountpoint = folder.resolve("state/mounts/w1");
        try (PluginConnection docker = new PluginConnection(socket)) {
            docker.call("VolumeDriver.Create", """
                    {"Name":"w1","Opts":{"type":"nfs","device":":%s",
                    "o":"addr=127.0.0.1, nfsvers=4.1, ro"}}""".formatted(path(server.squashed())));
            docker.call("VolumeDriver.Mount", "{\"Name\":\"w1\",\"ID\":\"a1\"}");
            docker.call("VolumeDriver.Mount", "{\"Name\":\"w1\",\"ID\":\"a2\"}");
            MountTable.Mount mount = MountTable.below(mountpoint).getFirst();
            assertThat(mount.superOptions()).contains("vers=4.1");
            assertThat(mount.options()).contains("ro");
            docker.call("VolumeDriver.Unmount", "{\"Name\":\"w1\",\"ID\":\"a1\"}");
            assertThat(MountTable.below(mountpoint)).hasSize(1);
            docker.call("VolumeDriver.Unmount", "{\"Name\":\"w1\",\"ID\":\"a2\"}");
            assertThat(MountTable.below(mountpoint)).isEmpty();
            docker.call("VolumeDriver.Remove", "{\"Name\":\"w1\"}");
            assertThatThrownBy(() -> docker.call("VolumeDriver.Create", """
                    {"Name":"w2","Opts":{"type":"nfs","device":":%s","o":"addr=127.0.0.1"}}""".formatted(path(server.xfs()))))
                    .hasMessageContaining("with its records");
        }
    }

    /** Of an export: what follows the server. */
    private static String path(String export) {
        return export.substring(export.indexOf(":/") + 1);
    }
}
