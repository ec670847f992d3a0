package io.berth.controller;

import com.google.protobuf.Message;
import io.berth.csi.v1.BlockMetadata;
import io.berth.csi.v1.BlockMetadataType;
import io.berth.csi.v1.GetMetadataAllocatedRequest;
import io.berth.csi.v1.GetMetadataAllocatedResponse;
import io.berth.csi.v1.GetMetadataDeltaRequest;
import io.berth.csi.v1.GetMetadataDeltaResponse;
import io.berth.csi.v1.SnapshotMetadataGrpc;
import io.berth.fault.Fault;
import io.berth.service.SnapshotMetadata;
import io.berth.volume.BlockRange;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.function.BiFunction;

/**
 * CSI's SnapshotMetadata service. Thread-safe; a call that broke off is continued by another that begins where it ended.
 */
public final class SnapshotMetadataService extends SnapshotMetadataGrpc.SnapshotMetadataImplBase {
    /** The most ranges in one message, which is some 20 KiB then. */
    private static final int MAX_RANGES = 1024;

    private final SnapshotMetadata snapshots;

    public SnapshotMetadataService(SnapshotMetadata snapshots) {
        this.snapshots = snapshots;
    }

    @Override
    public void getMetadataAllocated(
            GetMetadataAllocatedRequest request, StreamObserver<GetMetadataAllocatedResponse> observer) {
        String snapshot = Required.text("snapshot_id", request.getSnapshotId());
        int max = maxResults(request.getMaxResults());
        PacedReply<GetMetadataAllocatedResponse> reply = new PacedReply<>(observer);
        try (SnapshotMetadata.Blocks blocks = snapshots.allocated(snapshot, request.getStartingOffset())) {
            send(
                    blocks,
                    max,
                    reply,
                    (capacity, ranges) -> GetMetadataAllocatedResponse.newBuilder()
                            .setBlockMetadataType(BlockMetadataType.VARIABLE_LENGTH)
                            .setVolumeCapacityBytes(capacity)
                            .addAllBlockMetadata(ranges)
                            .build());
        }
    }

    @Override
    public void getMetadataDelta(GetMetadataDeltaRequest request, StreamObserver<GetMetadataDeltaResponse> observer) {
        String base = Required.text("base_snapshot_id", request.getBaseSnapshotId());
        String target = Required.text("target_snapshot_id", request.getTargetSnapshotId());
        int max = maxResults(request.getMaxResults());
        PacedReply<GetMetadataDeltaResponse> reply = new PacedReply<>(observer);
        try (SnapshotMetadata.Blocks blocks = snapshots.changed(base, target, request.getStartingOffset())) {
            send(
                    blocks,
                    max,
                    reply,
                    (capacity, ranges) -> GetMetadataDeltaResponse.newBuilder()
                            .setBlockMetadataType(BlockMetadataType.VARIABLE_LENGTH)
                            .setVolumeCapacityBytes(capacity)
                            .addAllBlockMetadata(ranges)
                            .build());
        }
    }

    private static int maxResults(int max) {
        if (max < 0) {
            throw Fault.invalid("max_results", Integer.toString(max), "0 or more");
        }
        return max == 0 ? MAX_RANGES : Math.min(max, MAX_RANGES);
    }

    /** At least one message is sent, for the capacity. */
    private static <T extends Message> void send(
            SnapshotMetadata.Blocks blocks,
            int max,
            PacedReply<T> reply,
            BiFunction<Long, List<BlockMetadata>, T> message) {
        boolean sent = false;
        while (reply.isWanted() && !(blocks.done() && sent)) {
            List<BlockMetadata> ranges = blocks.next(max).stream()
                    .map(SnapshotMetadataService::toProto)
                    .toList();
            if (!sent || !ranges.isEmpty()) {
                reply.send(message.apply(blocks.capacityBytes(), ranges));
                sent = true;
            }
        }
        reply.end();
    }

    private static BlockMetadata toProto(BlockRange range) {
        return BlockMetadata.newBuilder()
                .setByteOffset(range.offset())
                .setSizeBytes(range.length())
                .build();
    }
}
