package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.csi.v1.BlockMetadata;
import io.berth.csi.v1.BlockMetadataType;
import io.berth.csi.v1.CreateVolumeGroupSnapshotRequest;
import io.berth.csi.v1.DeleteSnapshotRequest;
import io.berth.csi.v1.DeleteVolumeGroupSnapshotRequest;
import io.berth.csi.v1.GetMetadataAllocatedRequest;
import io.berth.csi.v1.GetMetadataAllocatedResponse;
import io.berth.csi.v1.GetMetadataDeltaRequest;
import io.berth.csi.v1.GetMetadataDeltaResponse;
import io.berth.csi.v1.GetVolumeGroupSnapshotRequest;
import io.berth.csi.v1.Snapshot;
import io.berth.csi.v1.VolumeCapability;
import io.berth.csi.v1.VolumeGroupSnapshot;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.BlockingClientCall;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a backup asks for: snapshots of one moment, and which of their blocks to read. */
@Timeout(120)
class BackupTest {
    private static final long MIB = 1 << 20;
    private static final int BLOCK = 4096;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    Path folder;

    private Driver driver;
    private Client client;

    @BeforeEach
    void start() {
        driver = Driver.start(folder);
        client = driver.client();
    }

    @AfterEach
    void stop() {
        driver.close();
    }

    private void raw(String name, long bytes) {
        var unused = client.controller()
                .createVolume(Client.creation("fast", name, bytes)
                        .setVolumeCapabilities(
                                0,
                                VolumeCapability.newBuilder()
                                        .setBlock(VolumeCapability.BlockVolume.getDefaultInstance())
                                        .setAccessMode(VolumeCapability.AccessMode.newBuilder()
                                                .setMode(VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER)))
                        .build());
    }

    /** Writes every other block from one on. */
    private void write(String name, int from, int count, byte what) throws IOException {
        Path image = driver.pool("fast").resolve("fast." + name).resolve("volume.img");
        byte[] block = new byte[BLOCK];
        Arrays.fill(block, what);
        try (FileChannel channel = FileChannel.open(image, StandardOpenOption.WRITE)) {
            for (int i = 0; i < count; i++) {
                channel.write(ByteBuffer.wrap(block), (long) (from + 2 * i) * BLOCK);
            }
        }
    }

    /** As a sidecar does, which calls again while the group is being made. */
    private VolumeGroupSnapshot group(String name) {
        AtomicReference<VolumeGroupSnapshot> made = new AtomicReference<>();
        Await.until(
                PATIENCE,
                () -> {
                    try {
                        made.set(create(name));
                        return true;
                    } catch (StatusRuntimeException e) {
                        assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.ABORTED);
                        return false;
                    }
                },
                () -> "the group is not made");
        return made.get();
    }

    private VolumeGroupSnapshot create(String name) {
        return client.groups()
                .createVolumeGroupSnapshot(CreateVolumeGroupSnapshotRequest.newBuilder()
                        .setName(name)
                        .addSourceVolumeIds("fast.a")
                        .addSourceVolumeIds("fast.b")
                        .build())
                .getGroupSnapshot();
    }

    private static String ofVolume(VolumeGroupSnapshot group, String volume) {
        return group.getSnapshotsList().stream()
                .filter(snapshot -> snapshot.getSourceVolumeId().equals(volume))
                .map(Snapshot::getSnapshotId)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aGroupIsBackedUpBlockByBlockAndDeleted() throws Exception {
        raw("a", 16 * MIB);
        raw("b", MIB);
        write("a", 0, 10, (byte) 1);
        VolumeGroupSnapshot first = group("g1");
        assertThat(first.getReadyToUse()).isTrue();
        assertThat(first.getSnapshotsList()).hasSize(2).allSatisfy(snapshot -> {
            assertThat(snapshot.getGroupSnapshotId()).isEqualTo("fast.g1");
            assertThat(snapshot.getCreationTime()).isEqualTo(first.getCreationTime());
        });
        assertThat(group("g1")).isEqualTo(first);
        write("a", 4, 3, (byte) 2);
        VolumeGroupSnapshot second = group("g2");
        List<GetMetadataDeltaResponse> answers = new ArrayList<>();
        BlockingClientCall<?, GetMetadataDeltaResponse> call = client.metadata()
                .getMetadataDelta(GetMetadataDeltaRequest.newBuilder()
                        .setBaseSnapshotId(ofVolume(first, "fast.a"))
                        .setTargetSnapshotId(ofVolume(second, "fast.a"))
                        .setMaxResults(2)
                        .build());
        while (call.hasNext()) {
            answers.add(call.read());
        }
        assertThat(answers).hasSize(2).allSatisfy(answer -> {
            assertThat(answer.getBlockMetadataType()).isEqualTo(BlockMetadataType.VARIABLE_LENGTH);
            assertThat(answer.getVolumeCapacityBytes()).isEqualTo(16 * MIB);
        });
        assertThat(answers.stream().flatMap(answer -> answer.getBlockMetadataList().stream()))
                .containsExactly(block(4), block(6), block(8));

        List<String> ids =
                first.getSnapshotsList().stream().map(Snapshot::getSnapshotId).toList();
        Failure alone = failure(() -> client.controller()
                .deleteSnapshot(DeleteSnapshotRequest.newBuilder()
                        .setSnapshotId(ids.getFirst())
                        .build()));
        assertThat(alone.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        GetVolumeGroupSnapshotRequest get = GetVolumeGroupSnapshotRequest.newBuilder()
                .setGroupSnapshotId("fast.g1")
                .addAllSnapshotIds(ids)
                .build();
        assertThat(client.groups().getVolumeGroupSnapshot(get).getGroupSnapshot())
                .isEqualTo(first);
        DeleteVolumeGroupSnapshotRequest delete = DeleteVolumeGroupSnapshotRequest.newBuilder()
                .setGroupSnapshotId("fast.g1")
                .addAllSnapshotIds(ids)
                .build();
        for (int i = 0; i < 2; i++) {
            var unused = client.groups().deleteVolumeGroupSnapshot(delete);
        }
        assertThat(failure(() -> client.groups().getVolumeGroupSnapshot(get)).code())
                .isEqualTo(Status.Code.NOT_FOUND);
    }

    private static BlockMetadata block(int number) {
        return BlockMetadata.newBuilder()
                .setByteOffset((long) number * BLOCK)
                .setSizeBytes(BLOCK)
                .build();
    }

    private static Failure failure(Runnable call) {
        try {
            call.run();
        } catch (StatusRuntimeException e) {
            return Failure.of(e);
        }
        throw new AssertionError("it succeeded");
    }

    /** Some megabytes of answers, more than a connection holds that nobody reads. */
    @Test
    void aSlowReaderGetsAllAndOneThatHangsUpHarmsNobody() throws Exception {
        int blocks = 40_000;
        raw("a", 2L * blocks * BLOCK);
        raw("b", MIB);
        write("a", 1, blocks, (byte) 1);
        String snapshot = ofVolume(group("g"), "fast.a");
        GetMetadataAllocatedRequest request = GetMetadataAllocatedRequest.newBuilder()
                .setSnapshotId(snapshot)
                .setMaxResults(1)
                .build();
        BlockingClientCall<?, GetMetadataAllocatedResponse> left =
                client.metadata().getMetadataAllocated(request);
        assertThat(left.hasNext()).isTrue();
        left.cancel("enough", null);

        BlockingClientCall<?, GetMetadataAllocatedResponse> call =
                client.metadata().getMetadataAllocated(request);
        long ranges = 0;
        long end = 0;
        while (call.hasNext()) {
            for (BlockMetadata range : call.read().getBlockMetadataList()) {
                assertThat(range.getByteOffset()).isGreaterThanOrEqualTo(end);
                end = range.getByteOffset() + range.getSizeBytes();
                ranges++;
            }
        }
        assertThat(ranges).isEqualTo(blocks);
        Await.until(PATIENCE, () -> isDeleted(group("g")), () -> "a stream that ended keeps the snapshots");
    }

    private boolean isDeleted(VolumeGroupSnapshot group) {
        try {
            var unused = client.groups()
                    .deleteVolumeGroupSnapshot(DeleteVolumeGroupSnapshotRequest.newBuilder()
                            .setGroupSnapshotId(group.getGroupSnapshotId())
                            .addAllSnapshotIds(group.getSnapshotsList().stream()
                                    .map(Snapshot::getSnapshotId)
                                    .toList())
                            .build());
            return true;
        } catch (StatusRuntimeException e) {
            assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.ABORTED);
            return false;
        }
    }

    @Test
    void aStreamFailsAsAnyCall() throws Exception {
        BlockingClientCall<?, GetMetadataAllocatedResponse> call = client.metadata()
                .getMetadataAllocated(GetMetadataAllocatedRequest.newBuilder()
                        .setSnapshotId("fast.none")
                        .build());
        assertThatThrownBy(call::hasNext)
                .isInstanceOfSatisfying(
                        StatusException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND));
    }
}
