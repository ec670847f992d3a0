package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.uml.KernelNfsServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Folders of an export by the options of Docker's local driver, as dockerd asks for them. Runs on a kernel of its own. */
class NfsDocker {
    private final KernelNfsServer server = KernelNfsServer.running();

    @TempDir
    Path folder;

    @Test
    void aFolderOfAnExportIsMountedByItsOwnOptionsAndNothingOfItDeleted() throws IOException {
        Path ours = server.xfsOnServer().resolve("of-docker");
        Path team = Files.createDirectories(ours.resolve("team"));
        Path socket = folder.resolve("docker.sock");
        Path mountpoint = folder.resolve("state/mounts/v1");
        Driver driver = Driver.start(
                folder,
                List.of(
                        "--pool=home=nfs:" + server.xfs(),
                        "--docker-socket=unix://" + socket,
                        "--state-dir=" + folder.resolve("state")));
        Await.until(Duration.ofMinutes(1), () -> Driver.answers(socket), () -> "Docker is not served");
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
        } finally {
            driver.close();
            Driver.unmountBelow(Path.of("/run/berth")); // a killed driver leaves its mount for the next
            Command.succeed("rm", "-r", ours.toString());
        }
    }
}
