package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.csi.v1.CapacityRange;
import io.berth.csi.v1.ControllerExpandVolumeRequest;
import io.berth.csi.v1.ControllerPublishVolumeRequest;
import io.berth.csi.v1.ControllerUnpublishVolumeRequest;
import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.NodeExpandVolumeRequest;
import io.berth.csi.v1.NodeGetVolumeStatsRequest;
import io.berth.csi.v1.NodeStageVolumeRequest;
import io.berth.csi.v1.VolumeCapability;
import io.berth.csi.v1.VolumeCapability.AccessMode.Mode;
import io.berth.uml.KernelNfsServer;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images on an export, on two nodes, and an export that lets root own nothing. Runs on a kernel of its own. */
class NfsExports {
    private static final long MIB = 1 << 20;
    private static final String OTHER = "n2";

    private final KernelNfsServer server = KernelNfsServer.running();

    @TempDir
    Path folder;

    @TempDir
    Path ofOther;

    private Driver driver;
    private Client client;
    private Driver other;

    @BeforeEach
    void start() throws IOException {
        // As an administrator would make it who knows of root_squash, but not what Berth needs.
        Files.setPosixFilePermissions(server.squashedOnServer(), PosixFilePermissions.fromString("rwxrwxrwx"));
        String pool = "--pool=home=nfs:" + server.xfs();
        driver = Driver.start(folder, List.of("--attach", pool, "--pool=squash=nfs:" + server.squashed()));
        other = Driver.start(ofOther, List.of("--attach", pool, "--node-id=" + OTHER));
        client = driver.client();
    }

    @AfterEach
    void stop() {
        other.close();
        driver.close();
        Driver.unmountBelow(Path.of("/run/berth")); // a killed driver leaves its mount for the next
    }

    @Test
    void anExportOnWhichRootIsNobodyIsRefusedWithWhatToSet() {
        for (int attempt = 0; attempt < 2; attempt++) {
            Failure failure = Failure.of(() -> client.create("squash", "v", MIB));
            assertThat(failure.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(failure.message()).contains("root_squash", "export it with no_root_squash");
        }
        assertThat(Driver.files(server.squashedOnServer())).isEmpty();
    }

    @Test
    void aGroupGetsTheFolderAndNothingInIt() throws IOException {
        String id = client.create("home", "grouped", MIB).getVolumeId();
        Path onServer = server.xfsOnServer().resolve(id);
        Files.writeString(onServer.resolve("file"), "of root");
        give(id, Driver.NODE);
        VolumeCapability capability = Client.capability(Mode.SINGLE_NODE_WRITER).toBuilder()
                .setMount(VolumeCapability.MountVolume.newBuilder().setVolumeMountGroup("4711"))
                .build();
        var unused = client.node()
                .nodeStageVolume(NodeStageVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setStagingTargetPath(driver.place(id).toString())
                        .setVolumeCapability(capability)
                        .build());
        assertThat(Files.getAttribute(onServer, "unix:gid")).isEqualTo(4711);
        assertThat((int) Files.getAttribute(onServer, "unix:mode") & 02070).isEqualTo(02070);
        assertThat(Files.getAttribute(onServer.resolve("file"), "unix:gid")).isEqualTo(0);
        client.unstage(id, driver.place(id));
        takeBack(id, Driver.NODE);
        client.delete(id);
        driver.assertNothingLeftIn(server.xfsOnServer());
    }

    private static CreateVolumeRequest.Builder image(String name, long bytes) {
        return Client.creation("home", name, bytes).putParameters("format", "image");
    }

    private String create(CreateVolumeRequest.Builder request) {
        return client.controller().createVolume(request.build()).getVolume().getVolumeId();
    }

    private void give(String id, String node) {
        var unused = client.controller()
                .controllerPublishVolume(ControllerPublishVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setNodeId(node)
                        .setVolumeCapability(Client.capability(Mode.SINGLE_NODE_WRITER))
                        .build());
    }

    private void takeBack(String id, String node) {
        var unused = client.controller()
                .controllerUnpublishVolume(ControllerUnpublishVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setNodeId(node)
                        .build());
    }

    private static Path mount(Driver node, String id) {
        node.client().stage(id, node.place(id));
        node.client().publish(id, node.place(id), node.place(id + "-t"));
        return node.place(id + "-t");
    }

    private static void unmount(Driver node, String id) {
        node.client().unpublish(id, node.place(id + "-t"));
        node.client().unstage(id, node.place(id));
    }

    private long totalBytes(String id, Path target) {
        return client.node()
                .nodeGetVolumeStats(NodeGetVolumeStatsRequest.newBuilder()
                        .setVolumeId(id)
                        .setVolumePath(target.toString())
                        .build())
                .getUsage(0)
                .getTotal();
    }

    private void expand(String id, Path target, long bytes) {
        CapacityRange range = CapacityRange.newBuilder().setRequiredBytes(bytes).build();
        assertThat(client.controller()
                        .controllerExpandVolume(ControllerExpandVolumeRequest.newBuilder()
                                .setVolumeId(id)
                                .setCapacityRange(range)
                                .build())
                        .getNodeExpansionRequired())
                .isTrue();
        var unused = client.node()
                .nodeExpandVolume(NodeExpandVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setVolumePath(target.toString())
                        .setCapacityRange(range)
                        .build());
    }

    @Test
    void anImageHoldsWhatItWasMadeForAndLivesOnOneNodeAtATime() throws IOException {
        String id = create(image("image", 20 * MIB));
        give(id, Driver.NODE);
        Path target = mount(driver, id);
        assertThat(totalBytes(id, target)).isBetween(12 * MIB, 20 * MIB);
        Files.writeString(target.resolve("file"), "before");
        assertThatThrownBy(() -> Files.write(target.resolve("large"), new byte[24 * (int) MIB]))
                .hasMessageContaining("No space left on device");
        Files.delete(target.resolve("large"));

        Failure second = Failure.of(() -> give(id, OTHER));
        assertThat(second.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(second.message()).contains("published to node " + Driver.NODE);
        Failure staged = Failure.of(() -> mount(other, id));
        assertThat(staged.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(staged.message()).contains("not published to node " + OTHER);

        expand(id, target, 40 * MIB);
        assertThat(totalBytes(id, target)).isBetween(24 * MIB, 40 * MIB);
        Files.write(target.resolve("large"), new byte[22 * (int) MIB]);

        String snapshot = client.snapshot(id, "snapshot").getSnapshotId();
        Files.writeString(target.resolve("file"), "after");
        unmount(driver, id);
        takeBack(id, Driver.NODE);
        give(id, OTHER);
        assertThat(mount(other, id).resolve("file")).hasContent("after");
        unmount(other, id);
        takeBack(id, OTHER);

        String restored = create(image("restored", 40 * MIB).setVolumeContentSource(Client.ofSnapshot(snapshot)));
        give(restored, Driver.NODE);
        Path copy = mount(driver, restored);
        assertThat(copy.resolve("file")).hasContent("before");
        assertThat(copy.resolve("large")).hasSize(22 * MIB);
        unmount(driver, restored);
        takeBack(restored, Driver.NODE);
        client.deleteSnapshot(snapshot);
        client.delete(restored);
        client.delete(id);
        driver.assertNothingLeftIn(server.xfsOnServer());
    }
}
