package io.berth.controller;

import com.google.protobuf.Timestamp;
import io.berth.csi.NodeTopology;
import io.berth.csi.v1.CreateSnapshotRequest;
import io.berth.csi.v1.CreateSnapshotResponse;
import io.berth.csi.v1.GetSnapshotResponse;
import io.berth.csi.v1.ListSnapshotsRequest;
import io.berth.csi.v1.ListSnapshotsResponse;
import io.berth.csi.v1.VolumeContentSource;
import io.berth.fault.Fault;
import io.berth.service.Snapshots;
import io.berth.volume.Snapshot;
import io.berth.volume.SnapshotId;
import io.berth.volume.Source;
import io.berth.volume.VolumeId;
import io.grpc.Context;
import io.grpc.Deadline;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** The calls about snapshots, and sources of volumes. Thread-safe. */
final class SnapshotCalls {
    /** A caller that waits longer for one call has threads of its own held up. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final Snapshots snapshots;
    private final NodeTopology topology;

    SnapshotCalls(Snapshots snapshots, NodeTopology topology) {
        this.snapshots = snapshots;
        this.topology = topology;
    }

    CreateSnapshotResponse create(CreateSnapshotRequest request) {
        String name = Required.text("name", request.getName());
        String source = Required.text("source_volume_id", request.getSourceVolumeId());
        if (snapshots.isLocal(source)) {
            topology.require(request.getAccessibilityRequirements());
        }
        Snapshot snapshot =
                snapshots.create(new Snapshots.Wanted(name, source, request.getParametersMap()), patience());
        io.berth.csi.v1.Snapshot.Builder proto = toProto(snapshot).toBuilder();
        if (request.hasAccessibilityRequirements()) {
            proto.clearAccessibleTopology(); // it is where it was asked for, and csi-sanity cannot compare it
        }
        return CreateSnapshotResponse.newBuilder().setSnapshot(proto).build();
    }

    void delete(String id) {
        snapshots.delete(Required.text("snapshot_id", id));
    }

    GetSnapshotResponse get(String id) {
        return GetSnapshotResponse.newBuilder()
                .setSnapshot(toProto(snapshots.get(Required.text("snapshot_id", id))))
                .build();
    }

    ListSnapshotsResponse list(ListSnapshotsRequest request) {
        if (request.getMaxEntries() < 0) {
            throw Fault.invalid("max_entries", Integer.toString(request.getMaxEntries()), "0 or more");
        }
        Optional<String> source = Optional.of(request.getSourceVolumeId()).filter(id -> !id.isEmpty());
        Snapshots.Page page = request.getSnapshotId().isEmpty()
                ? snapshots.list(source, request.getStartingToken(), request.getMaxEntries())
                : only(request.getSnapshotId(), source);
        ListSnapshotsResponse.Builder response =
                ListSnapshotsResponse.newBuilder().setNextToken(page.next().orElse(""));
        page.snapshots().forEach(snapshot -> response.addEntriesBuilder().setSnapshot(toProto(snapshot)));
        return response.build();
    }

    private Snapshots.Page only(String id, Optional<String> source) {
        List<Snapshot> found = snapshots
                .find(id)
                .filter(snapshot -> source.isEmpty()
                        || source.get().equals(snapshot.source().toString()))
                .stream()
                .toList();
        return new Snapshots.Page(found, Optional.empty());
    }

    io.berth.csi.v1.Snapshot toProto(Snapshot snapshot) {
        io.berth.csi.v1.Snapshot.Builder proto = io.berth.csi.v1.Snapshot.newBuilder()
                .setSnapshotId(snapshot.id().toString())
                .setSourceVolumeId(snapshot.source().toString())
                .setSizeBytes(snapshot.capacityBytes())
                .setCreationTime(timestamp(snapshot.created()))
                .setReadyToUse(snapshot.ready());
        snapshot.group().ifPresent(group -> proto.setGroupSnapshotId(group.toString()));
        if (snapshots.isLocal(snapshot)) {
            proto.addAccessibleTopology(topology.toProto());
        }
        return proto.build();
    }

    static Timestamp timestamp(Instant time) {
        return Timestamp.newBuilder()
                .setSeconds(time.getEpochSecond())
                .setNanos(time.getNano())
                .build();
    }

    /** How long a call waits for a copy: less than its caller waits for it. */
    static Duration patience() {
        Deadline deadline = Context.current().getDeadline();
        if (deadline == null) {
            return PATIENCE;
        }
        Duration share = Duration.ofNanos(Math.max(0, deadline.timeRemaining(TimeUnit.NANOSECONDS)) / 5 * 4);
        return share.compareTo(PATIENCE) < 0 ? share : PATIENCE;
    }

    /**
     * The source of a volume that is asked for.
     *
     * @throws Fault NOT_FOUND for an id that nothing of Berth can have, INVALID_ARGUMENT when there is none in it
     */
    static Source source(VolumeContentSource source) {
        return switch (source.getTypeCase()) {
            case SNAPSHOT -> {
                String id = Required.text(
                        "volume_content_source snapshot_id",
                        source.getSnapshot().getSnapshotId());
                yield new Source.OfSnapshot(SnapshotId.parse(id)
                        .orElseThrow(() -> new Fault(Fault.Kind.NOT_FOUND, "there is no snapshot " + Fault.quote(id))));
            }
            case VOLUME -> {
                String id = Required.text(
                        "volume_content_source volume_id", source.getVolume().getVolumeId());
                yield new Source.OfVolume(VolumeId.parse(id)
                        .orElseThrow(() -> new Fault(Fault.Kind.NOT_FOUND, "there is no volume " + Fault.quote(id))));
            }
            case TYPE_NOT_SET ->
                throw Fault.invalid("volume_content_source", "", "a snapshot or a volume is required in it");
        };
    }

    static VolumeContentSource toProto(Source source) {
        VolumeContentSource.Builder proto = VolumeContentSource.newBuilder();
        switch (source) {
            case Source.OfSnapshot of ->
                proto.getSnapshotBuilder().setSnapshotId(of.id().toString());
            case Source.OfVolume of ->
                proto.getVolumeBuilder().setVolumeId(of.id().toString());
        }
        return proto.build();
    }
}
