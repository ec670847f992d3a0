package io.berth.controller;

import io.berth.csi.NodeTopology;
import io.berth.csi.Replies;
import io.berth.csi.v1.CreateVolumeGroupSnapshotRequest;
import io.berth.csi.v1.CreateVolumeGroupSnapshotResponse;
import io.berth.csi.v1.DeleteVolumeGroupSnapshotRequest;
import io.berth.csi.v1.DeleteVolumeGroupSnapshotResponse;
import io.berth.csi.v1.GetVolumeGroupSnapshotRequest;
import io.berth.csi.v1.GetVolumeGroupSnapshotResponse;
import io.berth.csi.v1.GroupControllerGetCapabilitiesRequest;
import io.berth.csi.v1.GroupControllerGetCapabilitiesResponse;
import io.berth.csi.v1.GroupControllerGrpc;
import io.berth.csi.v1.GroupControllerServiceCapability;
import io.berth.csi.v1.VolumeGroupSnapshot;
import io.berth.service.GroupSnapshots;
import io.berth.service.Snapshots;
import io.grpc.stub.StreamObserver;

/** CSI's GroupController service. Thread-safe; every call may be repeated. */
public final class GroupControllerService extends GroupControllerGrpc.GroupControllerImplBase {
    private final GroupSnapshots groups;
    private final SnapshotCalls snapshots;

    public GroupControllerService(GroupSnapshots groups, Snapshots snapshots, NodeTopology topology) {
        this.groups = groups;
        this.snapshots = new SnapshotCalls(snapshots, topology);
    }

    @Override
    public void groupControllerGetCapabilities(
            GroupControllerGetCapabilitiesRequest request,
            StreamObserver<GroupControllerGetCapabilitiesResponse> observer) {
        GroupControllerGetCapabilitiesResponse.Builder response = GroupControllerGetCapabilitiesResponse.newBuilder();
        response.addCapabilitiesBuilder()
                .getRpcBuilder()
                .setType(GroupControllerServiceCapability.RPC.Type.CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT);
        Replies.reply(observer, response.build());
    }

    @Override
    public void createVolumeGroupSnapshot(
            CreateVolumeGroupSnapshotRequest request, StreamObserver<CreateVolumeGroupSnapshotResponse> observer) {
        GroupSnapshots.Found found = groups.create(
                new GroupSnapshots.Wanted(
                        Required.text("name", request.getName()),
                        request.getSourceVolumeIdsList(),
                        request.getParametersMap()),
                SnapshotCalls.patience());
        Replies.reply(
                observer,
                CreateVolumeGroupSnapshotResponse.newBuilder()
                        .setGroupSnapshot(toProto(found))
                        .build());
    }

    @Override
    public void getVolumeGroupSnapshot(
            GetVolumeGroupSnapshotRequest request, StreamObserver<GetVolumeGroupSnapshotResponse> observer) {
        GroupSnapshots.Found found = groups.get(
                Required.text("group_snapshot_id", request.getGroupSnapshotId()), request.getSnapshotIdsList());
        Replies.reply(
                observer,
                GetVolumeGroupSnapshotResponse.newBuilder()
                        .setGroupSnapshot(toProto(found))
                        .build());
    }

    @Override
    public void deleteVolumeGroupSnapshot(
            DeleteVolumeGroupSnapshotRequest request, StreamObserver<DeleteVolumeGroupSnapshotResponse> observer) {
        groups.delete(Required.text("group_snapshot_id", request.getGroupSnapshotId()), request.getSnapshotIdsList());
        Replies.reply(observer, DeleteVolumeGroupSnapshotResponse.getDefaultInstance());
    }

    private VolumeGroupSnapshot toProto(GroupSnapshots.Found found) {
        return VolumeGroupSnapshot.newBuilder()
                .setGroupSnapshotId(found.group().id().toString())
                .addAllSnapshots(
                        found.snapshots().stream().map(snapshots::toProto).toList())
                .setCreationTime(SnapshotCalls.timestamp(found.group().created()))
                .setReadyToUse(found.ready())
                .build();
    }
}
