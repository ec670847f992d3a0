package io.berth.controller;

import io.berth.csi.NodeTopology;
import io.berth.csi.Replies;
import io.berth.csi.VolumeUse;
import io.berth.csi.v1.ControllerExpandVolumeRequest;
import io.berth.csi.v1.ControllerExpandVolumeResponse;
import io.berth.csi.v1.ControllerGetCapabilitiesRequest;
import io.berth.csi.v1.ControllerGetCapabilitiesResponse;
import io.berth.csi.v1.ControllerGetVolumeRequest;
import io.berth.csi.v1.ControllerGetVolumeResponse;
import io.berth.csi.v1.ControllerGrpc;
import io.berth.csi.v1.ControllerServiceCapability;
import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.CreateVolumeResponse;
import io.berth.csi.v1.DeleteVolumeRequest;
import io.berth.csi.v1.DeleteVolumeResponse;
import io.berth.csi.v1.GetCapacityRequest;
import io.berth.csi.v1.GetCapacityResponse;
import io.berth.csi.v1.ListVolumesRequest;
import io.berth.csi.v1.ListVolumesResponse;
import io.berth.csi.v1.ValidateVolumeCapabilitiesRequest;
import io.berth.csi.v1.ValidateVolumeCapabilitiesResponse;
import io.berth.fault.Fault;
import io.berth.pool.PoolKind;
import io.berth.service.Volumes;
import io.berth.volume.CapacityRange;
import io.berth.volume.FileSystemType;
import io.berth.volume.Format;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** CSI's Controller service. Thread-safe; every call may be repeated. */
public final class ControllerService extends ControllerGrpc.ControllerImplBase {
    private static final List<ControllerServiceCapability.RPC.Type> CAPABILITIES = List.of(
            ControllerServiceCapability.RPC.Type.CREATE_DELETE_VOLUME,
            ControllerServiceCapability.RPC.Type.LIST_VOLUMES,
            ControllerServiceCapability.RPC.Type.GET_CAPACITY,
            ControllerServiceCapability.RPC.Type.EXPAND_VOLUME,
            ControllerServiceCapability.RPC.Type.GET_VOLUME,
            ControllerServiceCapability.RPC.Type.SINGLE_NODE_MULTI_WRITER);

    private final Volumes volumes;
    private final NodeTopology topology;

    public ControllerService(Volumes volumes, NodeTopology topology) {
        this.volumes = volumes;
        this.topology = topology;
    }

    @Override
    public void createVolume(CreateVolumeRequest request, StreamObserver<CreateVolumeResponse> observer) {
        required("name", request.getName());
        List<VolumeUse> uses = VolumeUse.parse("volume_capabilities", request.getVolumeCapabilitiesList());
        if (request.hasVolumeContentSource()) {
            throw Fault.invalid(
                    "volume_content_source",
                    request.getVolumeContentSource().getTypeCase().name(),
                    "volumes are made empty; this driver has no snapshots and clones");
        }
        if (!request.getRequestedMutableParametersMap().isEmpty()) {
            throw Fault.invalid(
                    "mutable_parameters",
                    String.join(", ", request.getRequestedMutableParametersMap().keySet()),
                    "this driver modifies no volumes");
        }
        VolumeParameters parameters = VolumeParameters.parse(request.getParametersMap());
        CapacityRange capacity = capacity(request.getCapacityRange());
        if (volumes.isLocal(parameters.pool())) {
            topology.require(request.getAccessibilityRequirements());
        }
        Volume volume = volumes.create(new Volumes.Wanted(
                request.getName(),
                capacity,
                parameters,
                isMultiNode(uses),
                isBlock(uses),
                fileSystem(uses),
                Optional.empty()));
        Replies.reply(
                observer,
                CreateVolumeResponse.newBuilder().setVolume(toProto(volume)).build());
    }

    @Override
    public void deleteVolume(DeleteVolumeRequest request, StreamObserver<DeleteVolumeResponse> observer) {
        volumes.delete(required("volume_id", request.getVolumeId()));
        Replies.reply(observer, DeleteVolumeResponse.getDefaultInstance());
    }

    @Override
    public void validateVolumeCapabilities(
            ValidateVolumeCapabilitiesRequest request, StreamObserver<ValidateVolumeCapabilitiesResponse> observer) {
        String id = required("volume_id", request.getVolumeId());
        if (request.getVolumeCapabilitiesCount() == 0) {
            throw Fault.invalid("volume_capabilities", "", "at least one is required");
        }
        Volume volume = volumes.get(id);
        ValidateVolumeCapabilitiesResponse.Builder response = ValidateVolumeCapabilitiesResponse.newBuilder();
        try {
            List<VolumeUse> uses = VolumeUse.parse("volume_capabilities", request.getVolumeCapabilitiesList());
            if (isMultiNode(uses) && volumes.kind(volume) == PoolKind.LOCAL) {
                response.setMessage("the volume is reachable from one node, a multi-node mode is not");
            } else if (isMultiNode(uses) && volume.format() instanceof Format.Image) {
                response.setMessage("the volume is an image, which one node uses at a time; a multi-node mode is not");
            } else if (isBlock(uses) != volume.format().isBlock()) {
                response.setMessage(
                        "the volume's access type is " + (volume.format().isBlock() ? "block" : "mount"));
            } else {
                response.getConfirmedBuilder()
                        .addAllVolumeCapabilities(request.getVolumeCapabilitiesList())
                        .putAllVolumeContext(request.getVolumeContextMap())
                        .putAllParameters(request.getParametersMap());
            }
        } catch (Fault e) {
            response.setMessage(
                    String.valueOf(e.getMessage())); // a capability that is not there is an answer, not an error
        }
        Replies.reply(observer, response.build());
    }

    @Override
    public void listVolumes(ListVolumesRequest request, StreamObserver<ListVolumesResponse> observer) {
        if (request.getMaxEntries() < 0) {
            throw Fault.invalid("max_entries", Integer.toString(request.getMaxEntries()), "0 or more");
        }
        Volumes.Page page = volumes.list(request.getStartingToken(), request.getMaxEntries());
        ListVolumesResponse.Builder response =
                ListVolumesResponse.newBuilder().setNextToken(page.next().orElse(""));
        page.volumes().stream()
                .filter(volume -> !volume.ephemeral())
                .forEach(volume -> response.addEntriesBuilder().setVolume(toProto(volume)));
        Replies.reply(observer, response.build());
    }

    @Override
    public void getCapacity(GetCapacityRequest request, StreamObserver<GetCapacityResponse> observer) {
        boolean multiNode = request.getVolumeCapabilitiesCount() > 0
                && isMultiNode(VolumeUse.parse("volume_capabilities", request.getVolumeCapabilitiesList()));
        VolumeParameters parameters = VolumeParameters.parse(request.getParametersMap());
        boolean elsewhere = request.hasAccessibleTopology() && !topology.isHere(request.getAccessibleTopology());
        Replies.reply(
                observer,
                GetCapacityResponse.newBuilder()
                        .setAvailableCapacity(volumes.availableBytes(parameters.pool(), multiNode || elsewhere))
                        .build());
    }

    @Override
    public void controllerExpandVolume(
            ControllerExpandVolumeRequest request, StreamObserver<ControllerExpandVolumeResponse> observer) {
        String id = required("volume_id", request.getVolumeId());
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
        Volume volume = volumes.get(required("volume_id", request.getVolumeId()));
        Replies.reply(
                observer,
                ControllerGetVolumeResponse.newBuilder()
                        .setVolume(toProto(volume))
                        .setStatus(ControllerGetVolumeResponse.VolumeStatus.getDefaultInstance())
                        .build());
    }

    @Override
    public void controllerGetCapabilities(
            ControllerGetCapabilitiesRequest request, StreamObserver<ControllerGetCapabilitiesResponse> observer) {
        ControllerGetCapabilitiesResponse.Builder response = ControllerGetCapabilitiesResponse.newBuilder();
        CAPABILITIES.forEach(
                type -> response.addCapabilitiesBuilder().getRpcBuilder().setType(type));
        Replies.reply(observer, response.build());
    }

    private io.berth.csi.v1.Volume toProto(Volume volume) {
        Stream<io.berth.csi.v1.Topology> places =
                volumes.kind(volume) == PoolKind.LOCAL ? Stream.of(topology.toProto()) : Stream.empty();
        return io.berth.csi.v1.Volume.newBuilder()
                .setVolumeId(volume.id().toString())
                .setCapacityBytes(volume.capacityBytes())
                .addAllAccessibleTopology(places.toList())
                .build();
    }

    private static boolean isMultiNode(List<VolumeUse> uses) {
        return uses.stream().anyMatch(use -> use.mode().isMultiNode());
    }

    private static boolean isBlock(List<VolumeUse> uses) {
        boolean block = uses.getFirst().block();
        if (uses.stream().anyMatch(use -> use.block() != block)) {
            throw Fault.invalid(
                    "volume_capabilities access_type", "block", "a volume is for block or for mount, not both");
        }
        return block;
    }

    private static Optional<FileSystemType> fileSystem(List<VolumeUse> uses) {
        List<String> types = uses.stream()
                .map(VolumeUse::fsType)
                .filter(type -> !type.isEmpty())
                .distinct()
                .toList();
        if (types.size() > 1) {
            throw Fault.invalid("volume_capabilities fs_type", types.get(1), "another one says " + types.getFirst());
        }
        return types.stream().findFirst().map(type -> FileSystemType.parse("volume_capabilities fs_type", type));
    }

    private static CapacityRange capacity(io.berth.csi.v1.CapacityRange range) {
        return new CapacityRange(range.getRequiredBytes(), range.getLimitBytes());
    }

    private static String required(String field, String value) {
        if (value.isEmpty()) {
            throw Fault.invalid(field, value, "is required");
        }
        return value;
    }
}
