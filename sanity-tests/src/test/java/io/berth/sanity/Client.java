package io.berth.sanity;

import com.google.protobuf.Message;
import io.berth.csi.v1.CapacityRange;
import io.berth.csi.v1.ControllerGetVolumeRequest;
import io.berth.csi.v1.ControllerGrpc;
import io.berth.csi.v1.CreateSnapshotRequest;
import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.DeleteSnapshotRequest;
import io.berth.csi.v1.DeleteVolumeRequest;
import io.berth.csi.v1.GroupControllerGrpc;
import io.berth.csi.v1.IdentityGrpc;
import io.berth.csi.v1.ListSnapshotsRequest;
import io.berth.csi.v1.NodeGetVolumeStatsRequest;
import io.berth.csi.v1.NodeGrpc;
import io.berth.csi.v1.NodePublishVolumeRequest;
import io.berth.csi.v1.NodeStageVolumeRequest;
import io.berth.csi.v1.NodeUnpublishVolumeRequest;
import io.berth.csi.v1.NodeUnstageVolumeRequest;
import io.berth.csi.v1.ProbeRequest;
import io.berth.csi.v1.Snapshot;
import io.berth.csi.v1.SnapshotMetadataGrpc;
import io.berth.csi.v1.Volume;
import io.berth.csi.v1.VolumeCapability;
import io.berth.csi.v1.VolumeCapability.AccessMode.Mode;
import io.berth.csi.v1.VolumeContentSource;
import io.berth.csi.v1.VolumeUsage;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * A connection to a driver, with the calls of a volume's usual life. A call that fails throws
 * {@link io.grpc.StatusRuntimeException}. Thread-safe.
 */
public final class Client implements AutoCloseable {
    private static final long DEADLINE_SECONDS = 120;
    private static final EventLoopGroup EVENT_LOOP =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("client", true), NioIoHandler.newFactory());

    /** Held, so that its level stays: Netty warns for each connection of an option that Unix sockets do not have. */
    private static final Logger NETTY = Logger.getLogger("io.netty.bootstrap");

    static {
        NETTY.setLevel(Level.SEVERE);
    }

    private final ManagedChannel channel;

    private Client(ManagedChannel channel) {
        this.channel = channel;
    }

    /** Connects to a socket when the first call is made. */
    public static Client connect(Path socket) {
        return new Client(NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(socket))
                .channelType(NioDomainSocketChannel.class)
                .eventLoopGroup(EVENT_LOOP)
                .overrideAuthority("localhost")
                .usePlaintext()
                .disableRetry() // a call is made once, and its answer is the driver's
                .build());
    }

    public IdentityGrpc.IdentityBlockingStub identity() {
        return IdentityGrpc.newBlockingStub(channel).withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    public ControllerGrpc.ControllerBlockingStub controller() {
        return ControllerGrpc.newBlockingStub(channel).withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    public NodeGrpc.NodeBlockingStub node() {
        return NodeGrpc.newBlockingStub(channel).withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    public GroupControllerGrpc.GroupControllerBlockingStub groups() {
        return GroupControllerGrpc.newBlockingStub(channel).withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    public SnapshotMetadataGrpc.SnapshotMetadataBlockingV2Stub metadata() {
        return SnapshotMetadataGrpc.newBlockingV2Stub(channel).withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    /** Makes any call, with a request whose bytes are those of the method's own. */
    <I, O> O call(MethodDescriptor<I, O> method, Message request) {
        return ClientCalls.blockingUnaryCall(
                channel,
                method,
                CallOptions.DEFAULT.withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS),
                method.parseRequest(request.toByteString().newInput()));
    }

    public boolean isReady() {
        return identity().probe(ProbeRequest.getDefaultInstance()).getReady().getValue();
    }

    /** A capability to mount in this mode. */
    public static VolumeCapability capability(Mode mode) {
        return VolumeCapability.newBuilder()
                .setMount(VolumeCapability.MountVolume.getDefaultInstance())
                .setAccessMode(VolumeCapability.AccessMode.newBuilder().setMode(mode))
                .build();
    }

    /** A request that may be changed further. */
    public static CreateVolumeRequest.Builder creation(String pool, String name, long bytes) {
        return CreateVolumeRequest.newBuilder()
                .setName(name)
                .putParameters("pool", pool)
                .addVolumeCapabilities(capability(Mode.SINGLE_NODE_WRITER))
                .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(bytes));
    }

    public Volume create(String pool, String name, long bytes) {
        return controller().createVolume(creation(pool, name, bytes).build()).getVolume();
    }

    public Volume get(String id) {
        return controller()
                .controllerGetVolume(
                        ControllerGetVolumeRequest.newBuilder().setVolumeId(id).build())
                .getVolume();
    }

    public void delete(String id) {
        var unused = controller()
                .deleteVolume(DeleteVolumeRequest.newBuilder().setVolumeId(id).build());
    }

    /** Asks for a snapshot; it may not be ready yet. */
    public Snapshot snapshot(String source, String name) {
        return controller()
                .createSnapshot(CreateSnapshotRequest.newBuilder()
                        .setSourceVolumeId(source)
                        .setName(name)
                        .build())
                .getSnapshot();
    }

    public void deleteSnapshot(String id) {
        var unused = controller()
                .deleteSnapshot(
                        DeleteSnapshotRequest.newBuilder().setSnapshotId(id).build());
    }

    /** The ids of all snapshots, as they are listed. */
    public List<String> snapshots() {
        return controller().listSnapshots(ListSnapshotsRequest.getDefaultInstance()).getEntriesList().stream()
                .map(entry -> entry.getSnapshot().getSnapshotId())
                .toList();
    }

    /** A volume's content that is a snapshot's. */
    public static VolumeContentSource ofSnapshot(String id) {
        return VolumeContentSource.newBuilder()
                .setSnapshot(VolumeContentSource.SnapshotSource.newBuilder().setSnapshotId(id))
                .build();
    }

    /** A volume's content that is another volume's. */
    public static VolumeContentSource ofVolume(String id) {
        return VolumeContentSource.newBuilder()
                .setVolume(VolumeContentSource.VolumeSource.newBuilder().setVolumeId(id))
                .build();
    }

    public void stage(String id, Path staging) {
        var unused = node().nodeStageVolume(NodeStageVolumeRequest.newBuilder()
                .setVolumeId(id)
                .setStagingTargetPath(staging.toString())
                .setVolumeCapability(capability(Mode.SINGLE_NODE_WRITER))
                .build());
    }

    public void unstage(String id, Path staging) {
        var unused = node().nodeUnstageVolume(NodeUnstageVolumeRequest.newBuilder()
                .setVolumeId(id)
                .setStagingTargetPath(staging.toString())
                .build());
    }

    /** A request that may be changed further. */
    public static NodePublishVolumeRequest.Builder publication(String id, Path staging, Path target) {
        return NodePublishVolumeRequest.newBuilder()
                .setVolumeId(id)
                .setStagingTargetPath(staging.toString())
                .setTargetPath(target.toString())
                .setVolumeCapability(capability(Mode.SINGLE_NODE_WRITER));
    }

    public void publish(NodePublishVolumeRequest.Builder request) {
        var unused = node().nodePublishVolume(request.build());
    }

    public void publish(String id, Path staging, Path target) {
        publish(publication(id, staging, target));
    }

    /** A request to publish a volume that its attributes describe. */
    public static NodePublishVolumeRequest.Builder inline(String id, Path target, Map<String, String> attributes) {
        return NodePublishVolumeRequest.newBuilder()
                .setVolumeId(id)
                .setTargetPath(target.toString())
                .setVolumeCapability(capability(Mode.SINGLE_NODE_WRITER))
                .putVolumeContext("csi.storage.k8s.io/ephemeral", "true")
                .putAllVolumeContext(attributes);
    }

    public void unpublish(String id, Path target) {
        var unused = node().nodeUnpublishVolume(NodeUnpublishVolumeRequest.newBuilder()
                .setVolumeId(id)
                .setTargetPath(target.toString())
                .build());
    }

    @Override
    public void close() {
        channel.shutdownNow();
    }

    /** What a volume holds, in bytes and in inodes. */
    List<VolumeUsage> stats(String id, Path path) {
        return node().nodeGetVolumeStats(NodeGetVolumeStatsRequest.newBuilder()
                        .setVolumeId(id)
                        .setVolumePath(path.toString())
                        .build())
                .getUsageList();
    }
}
