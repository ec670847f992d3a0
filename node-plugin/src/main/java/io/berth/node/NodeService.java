package io.berth.node;

import io.berth.csi.HealthAnswer;
import io.berth.csi.NodeTopology;
import io.berth.csi.Replies;
import io.berth.csi.VolumeUse;
import io.berth.csi.v1.NodeExpandVolumeRequest;
import io.berth.csi.v1.NodeExpandVolumeResponse;
import io.berth.csi.v1.NodeGetCapabilitiesRequest;
import io.berth.csi.v1.NodeGetCapabilitiesResponse;
import io.berth.csi.v1.NodeGetInfoRequest;
import io.berth.csi.v1.NodeGetInfoResponse;
import io.berth.csi.v1.NodeGetStorageHealthRequest;
import io.berth.csi.v1.NodeGetStorageHealthResponse;
import io.berth.csi.v1.NodeGetVolumeHealthRequest;
import io.berth.csi.v1.NodeGetVolumeHealthResponse;
import io.berth.csi.v1.NodeGetVolumeStatsRequest;
import io.berth.csi.v1.NodeGetVolumeStatsResponse;
import io.berth.csi.v1.NodeGrpc;
import io.berth.csi.v1.NodePublishVolumeRequest;
import io.berth.csi.v1.NodePublishVolumeResponse;
import io.berth.csi.v1.NodeServiceCapability;
import io.berth.csi.v1.NodeStageVolumeRequest;
import io.berth.csi.v1.NodeStageVolumeResponse;
import io.berth.csi.v1.NodeUnpublishVolumeRequest;
import io.berth.csi.v1.NodeUnpublishVolumeResponse;
import io.berth.csi.v1.NodeUnstageVolumeRequest;
import io.berth.csi.v1.NodeUnstageVolumeResponse;
import io.berth.csi.v1.VolumeUsage;
import io.berth.fault.Fault;
import io.berth.mount.MountOption;
import io.berth.mount.MountTable;
import io.berth.nfs.NfsOptions;
import io.berth.service.Health;
import io.berth.service.NodeVolumes;
import io.berth.service.PublishRequest;
import io.berth.volume.CapacityRange;
import io.berth.volume.Usage;
import io.grpc.stub.StreamObserver;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** CSI's Node service. Thread-safe; every call may be repeated. */
public final class NodeService extends NodeGrpc.NodeImplBase {
    private static final List<NodeServiceCapability.RPC.Type> CAPABILITIES = List.of(
            NodeServiceCapability.RPC.Type.STAGE_UNSTAGE_VOLUME,
            NodeServiceCapability.RPC.Type.GET_VOLUME_STATS,
            NodeServiceCapability.RPC.Type.EXPAND_VOLUME,
            NodeServiceCapability.RPC.Type.SINGLE_NODE_MULTI_WRITER,
            NodeServiceCapability.RPC.Type.VOLUME_MOUNT_GROUP,
            NodeServiceCapability.RPC.Type.GET_VOLUME_HEALTH,
            NodeServiceCapability.RPC.Type.GET_STORAGE_HEALTH);

    private final NodeVolumes volumes;
    private final Health health;
    private final NodeTopology topology;
    private final long maxVolumes;
    private final boolean unstageUnused;

    /**
     * A service of this node.
     *
     * @param maxVolumes how many volumes the scheduler may give this node; 0: no limit
     * @param unstageUnused whether unpublishing a volume from its last target unstages it, for callers that do not
     */
    public NodeService(
            NodeVolumes volumes, Health health, NodeTopology topology, long maxVolumes, boolean unstageUnused) {
        this.volumes = volumes;
        this.health = health;
        this.topology = topology;
        this.maxVolumes = maxVolumes;
        this.unstageUnused = unstageUnused;
    }

    @Override
    public void nodeStageVolume(NodeStageVolumeRequest request, StreamObserver<NodeStageVolumeResponse> observer) {
        String id = id(request.getVolumeId());
        Path staging = path("staging_target_path", request.getStagingTargetPath());
        requireCapability(request.hasVolumeCapability());
        VolumeUse use = VolumeUse.parse("volume_capability", request.getVolumeCapability());
        if (use.block()) {
            volumes.stageDevice(id, staging, use.mode(), request.getVolumeContextMap());
        } else {
            volumes.stage(
                    id,
                    staging,
                    use.mode(),
                    use.mountGroup(),
                    use.nfs(request.getSecretsMap()),
                    request.getVolumeContextMap());
        }
        Replies.reply(observer, NodeStageVolumeResponse.getDefaultInstance());
    }

    @Override
    public void nodeUnstageVolume(
            NodeUnstageVolumeRequest request, StreamObserver<NodeUnstageVolumeResponse> observer) {
        volumes.unstage(id(request.getVolumeId()), path("staging_target_path", request.getStagingTargetPath()));
        Replies.reply(observer, NodeUnstageVolumeResponse.getDefaultInstance());
    }

    @Override
    public void nodePublishVolume(
            NodePublishVolumeRequest request, StreamObserver<NodePublishVolumeResponse> observer) {
        String id = id(request.getVolumeId());
        Path target = path("target_path", request.getTargetPath());
        requireCapability(request.hasVolumeCapability());
        VolumeUse use = VolumeUse.parse("volume_capability", request.getVolumeCapability());
        Optional<Path> staging = optionalPath("staging_target_path", request.getStagingTargetPath());
        if (staging.isEmpty() && !use.nfs().isUsual()) {
            throw Fault.invalid("mount_flags", use.nfs().toString(), "options of NFS, and the volume is not staged");
        }
        NfsOptions ofSecret = VolumeUse.ofSecret(request.getSecretsMap());
        volumes.publish(new PublishRequest(
                id,
                staging,
                target,
                use.mode(),
                use.block(),
                options(
                        ofSecret.over(use.nfs()).mount(),
                        request.getReadonly() || use.mode().isReadOnly()),
                use.mountGroup(),
                request.getVolumeContextMap(),
                ofSecret.isUsual()
                        ? NfsOptions.DEFAULT
                        : ofSecret.over(use.nfs()).ofFileSystem(),
                use.nfs()));
        Replies.reply(observer, NodePublishVolumeResponse.getDefaultInstance());
    }

    private static Set<MountOption> options(Set<MountOption> asked, boolean readOnly) {
        if (!readOnly) {
            return asked;
        }
        Set<MountOption> options = EnumSet.of(MountOption.RO);
        options.addAll(asked);
        options.remove(MountOption.RW);
        return options;
    }

    @Override
    public void nodeUnpublishVolume(
            NodeUnpublishVolumeRequest request, StreamObserver<NodeUnpublishVolumeResponse> observer) {
        String id = id(request.getVolumeId());
        volumes.unpublish(id, path("target_path", request.getTargetPath()));
        if (unstageUnused) {
            volumes.unstageUnused(id);
        }
        Replies.reply(observer, NodeUnpublishVolumeResponse.getDefaultInstance());
    }

    @Override
    public void nodeGetVolumeStats(
            NodeGetVolumeStatsRequest request, StreamObserver<NodeGetVolumeStatsResponse> observer) {
        Usage usage = volumes.usage(id(request.getVolumeId()), volumePath(request.getVolumePath()));
        Replies.reply(
                observer,
                NodeGetVolumeStatsResponse.newBuilder()
                        .addUsage(VolumeUsage.newBuilder()
                                .setUnit(VolumeUsage.Unit.BYTES)
                                .setTotal(usage.totalBytes())
                                .setUsed(usage.usedBytes())
                                .setAvailable(usage.availableBytes()))
                        .addUsage(VolumeUsage.newBuilder()
                                .setUnit(VolumeUsage.Unit.INODES)
                                .setTotal(usage.totalInodes())
                                .setUsed(usage.usedInodes())
                                .setAvailable(usage.freeInodes()))
                        .build());
    }

    @Override
    public void nodeGetVolumeHealth(
            NodeGetVolumeHealthRequest request, StreamObserver<NodeGetVolumeHealthResponse> observer) {
        String id = id(request.getVolumeId());
        List<Path> paths = Stream.of(
                        optionalPath("staging_target_path", request.getStagingTargetPath()),
                        optionalPath("volume_publish_path", request.getVolumePublishPath()))
                .flatMap(Optional::stream)
                .toList();
        Replies.reply(
                observer,
                NodeGetVolumeHealthResponse.newBuilder()
                        .setVolumeHealth(HealthAnswer.ofVolume(id, health.onNode(id, paths)))
                        .build());
    }

    @Override
    public void nodeGetStorageHealth(
            NodeGetStorageHealthRequest request, StreamObserver<NodeGetStorageHealthResponse> observer) {
        Replies.reply(
                observer,
                NodeGetStorageHealthResponse.newBuilder()
                        .addAllBackendHealth(health.ofStorage().stream()
                                .map(HealthAnswer::ofStorage)
                                .toList())
                        .build());
    }

    @Override
    public void nodeExpandVolume(NodeExpandVolumeRequest request, StreamObserver<NodeExpandVolumeResponse> observer) {
        String id = id(request.getVolumeId());
        Path path = volumePath(request.getVolumePath());
        if (request.hasVolumeCapability()) {
            VolumeUse.parse("volume_capability", request.getVolumeCapability());
        }
        CapacityRange range = new CapacityRange(
                request.getCapacityRange().getRequiredBytes(),
                request.getCapacityRange().getLimitBytes());
        Replies.reply(
                observer,
                NodeExpandVolumeResponse.newBuilder()
                        .setCapacityBytes(volumes.expand(id, path, range).capacityBytes())
                        .build());
    }

    @Override
    public void nodeGetCapabilities(
            NodeGetCapabilitiesRequest request, StreamObserver<NodeGetCapabilitiesResponse> observer) {
        NodeGetCapabilitiesResponse.Builder response = NodeGetCapabilitiesResponse.newBuilder();
        CAPABILITIES.forEach(
                type -> response.addCapabilitiesBuilder().getRpcBuilder().setType(type));
        Replies.reply(observer, response.build());
    }

    @Override
    public void nodeGetInfo(NodeGetInfoRequest request, StreamObserver<NodeGetInfoResponse> observer) {
        NodeGetInfoResponse.Builder response = NodeGetInfoResponse.newBuilder()
                .setNodeId(topology.node().text())
                .setMaxVolumesPerNode(maxVolumes);
        if (volumes.hasLocalPools()) {
            response.setAccessibleTopology(topology.toProto());
        }
        Replies.reply(observer, response.build());
    }

    private static String id(String id) {
        if (id.isEmpty()) {
            throw Fault.invalid("volume_id", id, "is required");
        }
        return id;
    }

    private static void requireCapability(boolean given) {
        if (!given) {
            throw Fault.invalid("volume_capability", "", "is required");
        }
    }

    private static Optional<Path> optionalPath(String field, String text) {
        return text.isEmpty() ? Optional.empty() : Optional.of(path(field, text));
    }

    /** Where a volume is said to be mounted; a path where no volume can be is one where it is not (csi-sanity). */
    private static Path volumePath(String text) {
        if (!text.isEmpty() && !text.startsWith("/")) {
            throw new Fault(Fault.Kind.NOT_FOUND, "volume_path " + Fault.quote(text) + ": no volume is mounted there");
        }
        return path("volume_path", text);
    }

    /** The path as the mount table spells it: the folders above it may be symbolic links, as the kubelet's own may be. */
    private static Path path(String field, String text) {
        if (text.isEmpty()) {
            throw Fault.invalid(field, text, "is required");
        }
        try {
            Path path = Path.of(text);
            if (!path.isAbsolute() || !path.equals(path.normalize()) || path.getParent() == null) {
                throw Fault.invalid(field, text, "an absolute path without . and .., and not / itself");
            }
            return MountTable.spelled(path);
        } catch (InvalidPathException e) {
            throw Fault.invalid(field, text, e.getReason());
        }
    }
}
