package io.berth.kubernetes;

import io.berth.csi.v1.ControllerGetCapabilitiesRequest;
import io.berth.csi.v1.ControllerGetCapabilitiesResponse;
import io.berth.csi.v1.ControllerGrpc;
import io.berth.csi.v1.ControllerServiceCapability;
import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.CreateVolumeResponse;
import io.berth.csi.v1.DeleteVolumeRequest;
import io.berth.csi.v1.DeleteVolumeResponse;
import io.berth.csi.v1.GetPluginCapabilitiesRequest;
import io.berth.csi.v1.GetPluginCapabilitiesResponse;
import io.berth.csi.v1.GetPluginInfoRequest;
import io.berth.csi.v1.GetPluginInfoResponse;
import io.berth.csi.v1.IdentityGrpc;
import io.berth.csi.v1.PluginCapability;
import io.berth.csi.v1.ProbeRequest;
import io.berth.csi.v1.ProbeResponse;
import io.berth.csi.v1.Volume;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;

/**
 * A controller that stores nothing and answers at once, with external-provisioner: what they take is the time of the cluster
 * and of the provisioner alone.
 */
record IdleDriver(Server server, MultiThreadIoEventLoopGroup eventLoop, Process provisioner) implements AutoCloseable {
    /** Starts both, as driver {@code NAME.csi.berth.io}; the socket is to be in a folder that the node sees too. */
    static IdleDriver start(Cluster cluster, String name, Path socket) {
        MultiThreadIoEventLoopGroup eventLoop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        try {
            Server server = NettyServerBuilder.forAddress(UnixDomainSocketAddress.of(socket))
                    .channelType(NioServerDomainSocketChannel.class)
                    .bossEventLoopGroup(eventLoop)
                    .workerEventLoopGroup(eventLoop)
                    .directExecutor()
                    .addService(new IdentityService(name + ".csi.berth.io"))
                    .addService(new ControllerService())
                    .build()
                    .start();
            return new IdleDriver(server, eventLoop, Controller.provisioner(cluster, name, socket.toString()));
        } catch (IOException e) {
            eventLoop.close();
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        Cluster.kill(provisioner);
        server.shutdownNow();
        eventLoop.close();
    }

    private static <T> void answer(StreamObserver<T> caller, T answer) {
        caller.onNext(answer);
        caller.onCompleted();
    }

    private static final class IdentityService extends IdentityGrpc.IdentityImplBase {
        private final String name;

        IdentityService(String name) {
            this.name = name;
        }

        @Override
        public void getPluginInfo(GetPluginInfoRequest request, StreamObserver<GetPluginInfoResponse> caller) {
            answer(
                    caller,
                    GetPluginInfoResponse.newBuilder()
                            .setName(name)
                            .setVendorVersion("1")
                            .build());
        }

        @Override
        public void getPluginCapabilities(
                GetPluginCapabilitiesRequest request, StreamObserver<GetPluginCapabilitiesResponse> caller) {
            PluginCapability.Service.Builder service =
                    PluginCapability.Service.newBuilder().setType(PluginCapability.Service.Type.CONTROLLER_SERVICE);
            answer(
                    caller,
                    GetPluginCapabilitiesResponse.newBuilder()
                            .addCapabilities(PluginCapability.newBuilder().setService(service))
                            .build());
        }

        @Override
        public void probe(ProbeRequest request, StreamObserver<ProbeResponse> caller) {
            answer(caller, ProbeResponse.getDefaultInstance());
        }
    }

    private static final class ControllerService extends ControllerGrpc.ControllerImplBase {
        @Override
        public void controllerGetCapabilities(
                ControllerGetCapabilitiesRequest request, StreamObserver<ControllerGetCapabilitiesResponse> caller) {
            ControllerServiceCapability.RPC.Builder rpc = ControllerServiceCapability.RPC
                    .newBuilder()
                    .setType(ControllerServiceCapability.RPC.Type.CREATE_DELETE_VOLUME);
            answer(
                    caller,
                    ControllerGetCapabilitiesResponse.newBuilder()
                            .addCapabilities(
                                    ControllerServiceCapability.newBuilder().setRpc(rpc))
                            .build());
        }

        @Override
        public void createVolume(CreateVolumeRequest request, StreamObserver<CreateVolumeResponse> caller) {
            Volume.Builder volume = Volume.newBuilder()
                    .setVolumeId(request.getName())
                    .setCapacityBytes(request.getCapacityRange().getRequiredBytes());
            answer(caller, CreateVolumeResponse.newBuilder().setVolume(volume).build());
        }

        @Override
        public void deleteVolume(DeleteVolumeRequest request, StreamObserver<DeleteVolumeResponse> caller) {
            answer(caller, DeleteVolumeResponse.getDefaultInstance());
        }
    }
}
