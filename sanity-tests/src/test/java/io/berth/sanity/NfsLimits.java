package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.csi.v1.CapacityRange;
import io.berth.csi.v1.ControllerExpandVolumeRequest;
import io.berth.csi.v1.NodeGetVolumeHealthRequest;
import io.berth.csi.v1.NodeGetVolumeStatsRequest;
import io.berth.csi.v1.VolumeHealth.VolumeHealthEntry;
import io.berth.csi.v1.VolumeUsage;
import io.berth.uml.KernelNfsServer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sizes of volumes as a node sees them that mounts the export. Runs on a kernel of its own. */
class NfsLimits {
    private static final long MIB = 1 << 20;
    private static final int SMALL = 1 << 18;

    private final KernelNfsServer server = KernelNfsServer.running();

    @TempDir
    Path ofServer;

    @TempDir
    Path ofNode;

    private Driver onServer;
    private Driver onNode;

    @BeforeEach
    void start() {
        String pool = "--pool=home=nfs:" + server.xfs();
        onServer = Driver.start(ofServer, List.of(pool + ",path=" + server.xfsOnServer() + ",limit=enforced"));
        onNode = Driver.start(ofNode, List.of(pool, "--pool=memory=nfs:" + server.memory()));
    }

    @AfterEach
    void stop() {
        onNode.close();
        onServer.close();
        Driver.unmountBelow(Path.of("/run/berth")); // a killed driver leaves its mount for the next
    }

    private Path publish(String id) {
        onNode.client().stage(id, onNode.place(id));
        onNode.client().publish(id, onNode.place(id), onNode.place(id + "-t"));
        return onNode.place(id + "-t");
    }

    private void takeAway(String id) {
        onNode.client().unpublish(id, onNode.place(id + "-t"));
        onNode.client().unstage(id, onNode.place(id));
    }

    private VolumeUsage bytesOf(String id, Path target) {
        return onNode.client()
                .node()
                .nodeGetVolumeStats(NodeGetVolumeStatsRequest.newBuilder()
                        .setVolumeId(id)
                        .setVolumePath(target.toString())
                        .build())
                .getUsage(0);
    }

    private List<VolumeHealthEntry> health(String id, Path target) {
        return onNode.client()
                .node()
                .nodeGetVolumeHealth(NodeGetVolumeHealthRequest.newBuilder()
                        .setVolumeId(id)
                        .setVolumePublishPath(target.toString())
                        .build())
                .getVolumeHealth()
                .getHealthStatusesList();
    }

    /** Writes small files, each to the server's disk, until there is no room, and gives how many bytes there was room for. */
    private static long fill(Path target) {
        long bytes = 0;
        while (bytes < 100 * MIB) {
            try {
                write(target.resolve("file-" + bytes), SMALL);
            } catch (IOException e) {
                return bytes;
            }
            bytes += SMALL;
        }
        throw new AssertionError("there is room for " + bytes + " bytes in " + target);
    }

    private static void write(Path file, int bytes) throws IOException {
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            out.write(ByteBuffer.allocate(bytes));
            out.force(true);
        }
    }

    @Test
    void aLimitThatTheServersDriverSetHoldsOnANodeAndShowsThere() throws IOException {
        String id = onServer.client().create("home", "limited", 20 * MIB).getVolumeId();
        Path target = publish(id);
        assertThat(bytesOf(id, target).getTotal()).isEqualTo(20 * MIB);
        assertThat(health(id, target)).isEmpty();
        assertThat(fill(target)).isBetween(15 * MIB, 20 * MIB);
        assertThat(bytesOf(id, target).getUsed()).isBetween(15 * MIB, 20 * MIB);

        var unused = onServer.client()
                .controller()
                .controllerExpandVolume(ControllerExpandVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(40 * MIB))
                        .build());
        assertThat(bytesOf(id, target).getTotal()).isEqualTo(40 * MIB);
        write(target.resolve("more"), 15 * (int) MIB);
        takeAway(id);
        onServer.client().delete(id);
        onServer.assertNothingLeftIn(server.xfsOnServer());
    }

    @Test
    void whereTheStatisticsAreTheExportsHealthSaysSo() throws IOException {
        String advisory = onNode.client().create("memory", "advisory", MIB).getVolumeId();
        String limited = onServer.client().create("home", "limited", 20 * MIB).getVolumeId();
        Path shared = publish(advisory);
        Path own = publish(limited);
        assertThat(bytesOf(advisory, shared).getTotal())
                .isEqualTo(Files.getFileStore(shared).getTotalSpace());
        assertThat(health(advisory, shared)).as("nothing is wrong").isEmpty();
        write(shared.resolve("file"), 62 * (int) MIB);
        assertThat(fill(own)).isLessThanOrEqualTo(20 * MIB);
        assertThat(health(advisory, shared)).singleElement().satisfies(health -> {
            assertThat(health.getReason()).isEqualTo("NearlyFull");
            assertThat(health.getMessage()).contains("all of the file system or export");
        });
        assertThat(health(limited, own)).singleElement().satisfies(health -> {
            assertThat(health.getReason()).isEqualTo("NearlyFull");
            assertThat(health.getMessage()).doesNotContain("export");
        });
        takeAway(advisory);
        takeAway(limited);
        onNode.client().delete(advisory);
        onServer.client().delete(limited);
    }
}
