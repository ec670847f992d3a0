package io.berth.controller;

import com.google.protobuf.Int64Value;
import io.berth.csi.HealthAnswer;
import io.berth.csi.NodeTopology;
import io.berth.csi.Replies;
import io.berth.csi.VolumeUse;
import io.berth.csi.v1.ControllerExpandVolumeRequest;
import io.berth.csi.v1.ControllerExpandVolumeResponse;
import io.berth.csi.v1.ControllerGetCapabilitiesRequest;
import io.berth.csi.v1.ControllerGetCapabilitiesResponse;
import io.berth.csi.v1.ControllerGetVolumeHealthRequest;
import io.berth.csi.v1.ControllerGetVolumeHealthResponse;
import io.berth.csi.v1.ControllerGetVolumeRequest;
import io.berth.csi.v1.ControllerGetVolumeResponse;
import io.berth.csi.v1.ControllerGrpc;
import io.berth.csi.v1.ControllerListVolumeHealthRequest;
import io.berth.csi.v1.ControllerListVolumeHealthResponse;
import io.berth.csi.v1.ControllerModifyVolumeRequest;
import io.berth.csi.v1.ControllerModifyVolumeResponse;
import io.berth.csi.v1.ControllerPublishVolumeRequest;
import io.berth.csi.v1.ControllerPublishVolumeResponse;
import io.berth.csi.v1.ControllerServiceCapability;
import io.berth.csi.v1.ControllerUnpublishVolumeRequest;
import io.berth.csi.v1.ControllerUnpublishVolumeResponse;
import io.berth.csi.v1.CreateSnapshotRequest;
import io.berth.csi.v1.CreateSnapshotResponse;
import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.CreateVolumeResponse;
import io.berth.csi.v1.DeleteSnapshotRequest;
import io.berth.csi.v1.DeleteSnapshotResponse;
import io.berth.csi.v1.DeleteVolumeRequest;
import io.berth.csi.v1.DeleteVolumeResponse;
import io.berth.csi.v1.GetCapacityRequest;
import io.berth.csi.v1.GetCapacityResponse;
import io.berth.csi.v1.GetSnapshotRequest;
import io.berth.csi.v1.GetSnapshotResponse;
import io.berth.csi.v1.ListSnapshotsRequest;
import io.berth.csi.v1.ListSnapshotsResponse;
import io.berth.csi.v1.ListVolumesRequest;
import io.berth.csi.v1.ListVolumesResponse;
import io.berth.csi.v1.TopologyRequirement;
import io.berth.csi.v1.ValidateVolumeCapabilitiesRequest;
import io.berth.csi.v1.ValidateVolumeCapabilitiesResponse;
import io.berth.fault.Fault;
import io.berth.pool.PoolKind;
import io.berth.service.Attachments;
import io.berth.service.Health;
import io.berth.service.Snapshots;
import io.berth.service.Volumes;
import io.berth.volume.AccessMode;
import io.berth.volume.Attachment;
import io.berth.volume.CapacityRange;
import io.berth.volume.Format;
import io.berth.volume.NodeId;
import io.berth.volume.PoolName;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeChange;
import io.berth.volume.VolumeParameters;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** CSI's Controller service. Thread-safe; every call may be repeated. */
public final class ControllerService extends ControllerGrpc.ControllerImplBase {
    private static final List<ControllerServiceCapability.RPC.Type> CAPABILITIES = List.of(
            ControllerServiceCapability.RPC.Type.CREATE_DELETE_VOLUME,
            ControllerServiceCapability.RPC.Type.LIST_VOLUMES,
            ControllerServiceCapability.RPC.Type.GET_CAPACITY,
            ControllerServiceCapability.RPC.Type.EXPAND_VOLUME,
            ControllerServiceCapability.RPC.Type.CREATE_DELETE_SNAPSHOT,
            ControllerServiceCapability.RPC.Type.LIST_SNAPSHOTS,
            ControllerServiceCapability.RPC.Type.GET_SNAPSHOT,
            ControllerServiceCapability.RPC.Type.CLONE_VOLUME,
            ControllerServiceCapability.RPC.Type.GET_VOLUME,
            ControllerServiceCapability.RPC.Type.SINGLE_NODE_MULTI_WRITER,
            ControllerServiceCapability.RPC.Type.MODIFY_VOLUME,
            ControllerServiceCapability.RPC.Type.GET_VOLUME_HEALTH,
            ControllerServiceCapability.RPC.Type.LIST_VOLUME_HEALTH);
    private static final List<ControllerServiceCapability.RPC.Type> ATTACH_CAPABILITIES = List.of(
            ControllerServiceCapability.RPC.Type.PUBLISH_UNPUBLISH_VOLUME,
            ControllerServiceCapability.RPC.Type.PUBLISH_READONLY,
            ControllerServiceCapability.RPC.Type.LIST_VOLUMES_PUBLISHED_NODES);

    private final Volumes volumes;
    private final SnapshotCalls snapshots;
    private final Optional<Attachments> attachments;
    private final boolean nodeExpansion;
    private final Health health;
    private final NodeTopology topology;

    /**
     * A service of these volumes and snapshots.
     *
     * @param attachments empty: volumes are published to nodes without being asked for
     * @param nodeExpansion whether making a volume larger is left to its node
     */
    public ControllerService(
            Volumes volumes,
            Snapshots snapshots,
            Optional<Attachments> attachments,
            boolean nodeExpansion,
            Health health,
            NodeTopology topology) {
        this.volumes = volumes;
        this.snapshots = new SnapshotCalls(snapshots, topology);
        this.attachments = attachments;
        this.nodeExpansion = nodeExpansion;
        this.health = health;
        this.topology = topology;
    }

    @Override
    public void createVolume(CreateVolumeRequest request, StreamObserver<CreateVolumeResponse> observer) {
        Required.text("name", request.getName());
        List<VolumeUse> uses = VolumeUse.parse("volume_capabilities", request.getVolumeCapabilitiesList());
        VolumeParameters parameters = VolumeParameters.parse(request.getParametersMap(), MutableParameters.of(request));
        CapacityRange capacity = capacity(request.getCapacityRange());
        Optional<Source> source = request.hasVolumeContentSource()
                ? Optional.of(SnapshotCalls.source(request.getVolumeContentSource()))
                : Optional.empty();
        Optional<PoolName> pool =
                volumes.pool(parameters).or(() -> source.map(of -> of.id().pool()));
        boolean local = volumes.isLocal(pool);
        Volumes.Wanted wanted = new Volumes.Wanted(
                request.getName(), capacity, parameters, isMultiNode(uses, local), isBlock(uses), fsType(uses), source);
        uses.forEach(use -> volumes.requireMountable(pool, use.nfs()));
        Volume volume = local
                ? createHere(wanted, request.getAccessibilityRequirements())
                : volumes.create(wanted, SnapshotCalls.patience());
        Replies.reply(
                observer,
                CreateVolumeResponse.newBuilder().setVolume(toProto(volume)).build());
    }

    /** A caller that asks for a place tries another when told that there is no room, and after no other error. */
    private Volume createHere(Volumes.Wanted wanted, TopologyRequirement requirement) {
        topology.require(requirement);
        try {
            return volumes.create(wanted, SnapshotCalls.patience());
        } catch (Fault e) {
            boolean noSource = wanted.source().isPresent() && e.kind() == Fault.Kind.NOT_FOUND;
            throw noSource && requirement.getRequisiteCount() > 0 ? topology.notHere(e) : e;
        }
    }

    @Override
    public void deleteVolume(DeleteVolumeRequest request, StreamObserver<DeleteVolumeResponse> observer) {
        volumes.delete(Required.text("volume_id", request.getVolumeId()));
        Replies.reply(observer, DeleteVolumeResponse.getDefaultInstance());
    }

    @Override
    public void validateVolumeCapabilities(
            ValidateVolumeCapabilitiesRequest request, StreamObserver<ValidateVolumeCapabilitiesResponse> observer) {
        String id = Required.text("volume_id", request.getVolumeId());
        if (request.getVolumeCapabilitiesCount() == 0) {
            throw Fault.invalid("volume_capabilities", "", "at least one is required");
        }
        Volume volume = volumes.get(id);
        ValidateVolumeCapabilitiesResponse.Builder response = ValidateVolumeCapabilitiesResponse.newBuilder();
        try {
            List<VolumeUse> uses = VolumeUse.parse("volume_capabilities", request.getVolumeCapabilitiesList());
            Map<String, String> mutable = MutableParameters.of(request);
            VolumeChange.parse(mutable);
            uses.forEach(use -> volumes.requireMountable(Optional.of(volume.id().pool()), use.nfs()));
            boolean local = volumes.kind(volume) == PoolKind.LOCAL;
            if (isMultiNode(uses, local) && local) {
                response.setMessage("the volume is reachable from one node, a multi-node mode is not");
            } else if (isMultiNode(uses, local) && volume.format() instanceof Format.Image) {
                response.setMessage("the volume is an image, which one node uses at a time; a multi-node mode is not");
            } else if (isBlock(uses) != volume.format().isBlock()) {
                response.setMessage(
                        "the volume's access type is " + (volume.format().isBlock() ? "block" : "mount"));
            } else {
                response.getConfirmedBuilder()
                        .addAllVolumeCapabilities(request.getVolumeCapabilitiesList())
                        .putAllVolumeContext(request.getVolumeContextMap())
                        .putAllParameters(request.getParametersMap())
                        .addAllMutableParameters(MutableParameters.confirmed(mutable));
            }
        } catch (Fault e) {
            response.setMessage(
                    String.valueOf(e.getMessage())); // a capability that is not there is an answer, not an error
        }
        Replies.reply(observer, response.build());
    }

    @Override
    public void listVolumes(ListVolumesRequest request, StreamObserver<ListVolumesResponse> observer) {
        Volumes.Page page = volumes.list(request.getStartingToken(), maxEntries(request.getMaxEntries()));
        ListVolumesResponse.Builder response =
                ListVolumesResponse.newBuilder().setNextToken(page.next().orElse(""));
        page.volumes().stream()
                .filter(volume -> !volume.ephemeral())
                .forEach(volume -> response.addEntriesBuilder()
                        .setVolume(toProto(volume))
                        .setStatus(ListVolumesResponse.VolumeStatus.newBuilder()
                                .addAllPublishedNodeIds(publishedNodes(volume))));
        Replies.reply(observer, response.build());
    }

    @Override
    public void getCapacity(GetCapacityRequest request, StreamObserver<GetCapacityResponse> observer) {
        List<VolumeUse> uses = request.getVolumeCapabilitiesCount() > 0
                ? VolumeUse.parse("volume_capabilities", request.getVolumeCapabilitiesList())
                : List.of();
        VolumeParameters parameters = VolumeParameters.ofClass(request.getParametersMap());
        boolean elsewhere = request.hasAccessibleTopology() && !topology.isHere(request.getAccessibleTopology());
        Optional<PoolName> pool = volumes.pool(parameters);
        long available = volumes.availableBytes(pool, isMultiNode(uses, volumes.isLocal(pool)) || elsewhere);
        GetCapacityResponse.Builder response = GetCapacityResponse.newBuilder().setAvailableCapacity(available);
        boolean block = uses.stream().anyMatch(VolumeUse::block);
        // Kubernetes takes it in place of the available capacity, so it is said only where it is less.
        largest(parameters, pool, block).stream()
                .filter(largest -> largest < available)
                .forEach(largest -> response.setMaximumVolumeSize(Int64Value.of(largest)));
        Replies.reply(observer, response.build());
    }

    /** Empty when there can be no such volume: a create says why. */
    private OptionalLong largest(VolumeParameters parameters, Optional<PoolName> pool, boolean block) {
        try {
            return volumes.largestBytes(parameters, pool, block);
        } catch (Fault e) {
            return OptionalLong.empty();
        }
    }

    @Override
    public void controllerExpandVolume(
            ControllerExpandVolumeRequest request, StreamObserver<ControllerExpandVolumeResponse> observer) {
        if (nodeExpansion) {
            super.controllerExpandVolume(request, observer);
            return;
        }
        String id = Required.text("volume_id", request.getVolumeId());
        if (!request.hasCapacityRange()) {
            throw Fault.invalid("capacity_range", "", "is required");
        }
        if (request.hasVolumeCapability()) {
            VolumeUse.parse("volume_capability", request.getVolumeCapability());
        }
        Volume volume = volumes.expand(id, capacity(request.getCapacityRange()));
        Replies.reply(
                observer,
                ControllerExpandVolumeResponse.newBuilder()
                        .setCapacityBytes(volume.capacityBytes())
                        .setNodeExpansionRequired(volumes.growsOnNode(volume))
                        .build());
    }

    @Override
    public void controllerGetVolume(
            ControllerGetVolumeRequest request, StreamObserver<ControllerGetVolumeResponse> observer) {
        Volume volume = volumes.get(Required.text("volume_id", request.getVolumeId()));
        Replies.reply(
                observer,
                ControllerGetVolumeResponse.newBuilder()
                        .setVolume(toProto(volume))
                        .setStatus(ControllerGetVolumeResponse.VolumeStatus.newBuilder()
                                .addAllPublishedNodeIds(publishedNodes(volume)))
                        .build());
    }

    @Override
    public void controllerPublishVolume(
            ControllerPublishVolumeRequest request, StreamObserver<ControllerPublishVolumeResponse> observer) {
        if (attachments.isEmpty()) {
            super.controllerPublishVolume(request, observer);
            return;
        }
        String id = Required.text("volume_id", request.getVolumeId());
        String node = Required.text("node_id", request.getNodeId());
        if (!request.hasVolumeCapability()) {
            throw Fault.invalid("volume_capability", "", "is required");
        }
        AccessMode mode = VolumeUse.parse("volume_capability", request.getVolumeCapability())
                .mode();
        attachments.get().attach(id, node, new Attachment(mode, request.getReadonly()), request.getVolumeContextMap());
        Replies.reply(observer, ControllerPublishVolumeResponse.getDefaultInstance());
    }

    @Override
    public void controllerUnpublishVolume(
            ControllerUnpublishVolumeRequest request, StreamObserver<ControllerUnpublishVolumeResponse> observer) {
        if (attachments.isEmpty()) {
            super.controllerUnpublishVolume(request, observer);
            return;
        }
        attachments.get().detach(Required.text("volume_id", request.getVolumeId()), request.getNodeId());
        Replies.reply(observer, ControllerUnpublishVolumeResponse.getDefaultInstance());
    }

    @Override
    public void controllerModifyVolume(
            ControllerModifyVolumeRequest request, StreamObserver<ControllerModifyVolumeResponse> observer) {
        String id = Required.text("volume_id", request.getVolumeId());
        volumes.modify(id, VolumeChange.parse(request.getMutableParametersMap()));
        Replies.reply(observer, ControllerModifyVolumeResponse.getDefaultInstance());
    }

    @Override
    public void controllerGetVolumeHealth(
            ControllerGetVolumeHealthRequest request, StreamObserver<ControllerGetVolumeHealthResponse> observer) {
        String id = Required.text("volume_id", request.getVolumeId());
        Replies.reply(
                observer,
                ControllerGetVolumeHealthResponse.newBuilder()
                        .setVolumeHealth(HealthAnswer.ofVolume(id, health.ofVolume(id)))
                        .build());
    }

    @Override
    public void controllerListVolumeHealth(
            ControllerListVolumeHealthRequest request, StreamObserver<ControllerListVolumeHealthResponse> observer) {
        Health.Page page = health.list(request.getStartingToken(), maxEntries(request.getMaxEntries()));
        Replies.reply(
                observer,
                ControllerListVolumeHealthResponse.newBuilder()
                        .addAllEntries(page.volumes().stream()
                                .map(volume -> HealthAnswer.ofVolume(volume.id(), volume.problems()))
                                .toList())
                        .setNextToken(page.next().orElse(""))
                        .build());
    }

    @Override
    public void createSnapshot(CreateSnapshotRequest request, StreamObserver<CreateSnapshotResponse> observer) {
        Replies.reply(observer, snapshots.create(request));
    }

    @Override
    public void deleteSnapshot(DeleteSnapshotRequest request, StreamObserver<DeleteSnapshotResponse> observer) {
        snapshots.delete(request.getSnapshotId());
        Replies.reply(observer, DeleteSnapshotResponse.getDefaultInstance());
    }

    @Override
    public void getSnapshot(GetSnapshotRequest request, StreamObserver<GetSnapshotResponse> observer) {
        Replies.reply(observer, snapshots.get(request.getSnapshotId()));
    }

    @Override
    public void listSnapshots(ListSnapshotsRequest request, StreamObserver<ListSnapshotsResponse> observer) {
        Replies.reply(observer, snapshots.list(request));
    }

    @Override
    public void controllerGetCapabilities(
            ControllerGetCapabilitiesRequest request, StreamObserver<ControllerGetCapabilitiesResponse> observer) {
        ControllerGetCapabilitiesResponse.Builder response = ControllerGetCapabilitiesResponse.newBuilder();
        Stream.concat(CAPABILITIES.stream(), attachments.stream().flatMap(offered -> ATTACH_CAPABILITIES.stream()))
                .filter(type -> !nodeExpansion || type != ControllerServiceCapability.RPC.Type.EXPAND_VOLUME)
                .forEach(type ->
                        response.addCapabilitiesBuilder().getRpcBuilder().setType(type));
        Replies.reply(observer, response.build());
    }

    private io.berth.csi.v1.Volume toProto(Volume volume) {
        Stream<io.berth.csi.v1.Topology> places =
                volumes.kind(volume) == PoolKind.LOCAL ? Stream.of(topology.toProto()) : Stream.empty();
        io.berth.csi.v1.Volume.Builder proto = io.berth.csi.v1.Volume.newBuilder()
                .setVolumeId(volume.id().toString())
                .setCapacityBytes(volume.capacityBytes())
                .addAllAccessibleTopology(places.toList());
        volume.source().map(SnapshotCalls::toProto).ifPresent(proto::setContentSource);
        return proto.build();
    }

    private List<String> publishedNodes(Volume volume) {
        return attachments.isPresent()
                ? volume.attachments().keySet().stream().map(NodeId::text).toList()
                : List.of();
    }

    private static int maxEntries(int max) {
        if (max < 0) {
            throw Fault.invalid("max_entries", Integer.toString(max), "0 or more");
        }
        return max;
    }

    private static boolean isMultiNode(List<VolumeUse> uses, boolean onOneNode) {
        return uses.stream().anyMatch(use -> use.mode().isMultiNode(onOneNode));
    }

    private static boolean isBlock(List<VolumeUse> uses) {
        boolean block = uses.getFirst().block();
        if (uses.stream().anyMatch(use -> use.block() != block)) {
            throw Fault.invalid(
                    "volume_capabilities access_type", "block", "a volume is for block or for mount, not both");
        }
        return block;
    }

    private static Optional<String> fsType(List<VolumeUse> uses) {
        List<String> types = uses.stream()
                .map(VolumeUse::fsType)
                .filter(type -> !type.isEmpty())
                .distinct()
                .toList();
        if (types.size() > 1) {
            throw Fault.invalid("volume_capabilities fs_type", types.get(1), "another one says " + types.getFirst());
        }
        return types.stream().findFirst();
    }

    private static CapacityRange capacity(io.berth.csi.v1.CapacityRange range) {
        return new CapacityRange(range.getRequiredBytes(), range.getLimitBytes());
    }
}
