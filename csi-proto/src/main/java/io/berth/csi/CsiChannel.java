package io.berth.csi;

import io.berth.socket.Endpoint;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.UnixDomainSocketAddress;
import java.util.concurrent.TimeUnit;

/** A client's connection to a driver. */
public final class CsiChannel implements AutoCloseable {
    private final EventLoopGroup eventLoop =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("csi-client", true), NioIoHandler.newFactory());
    private final ManagedChannel channel;

    private CsiChannel(Endpoint endpoint) {
        channel = NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(endpoint.socket()))
                .channelType(NioDomainSocketChannel.class)
                .eventLoopGroup(eventLoop)
                .overrideAuthority("localhost") // a socket's path is no host name
                .usePlaintext()
                .build();
    }

    /** Connects when the first call is made. */
    public static CsiChannel open(Endpoint endpoint) {
        return new CsiChannel(endpoint);
    }

    /** What stubs are made with. */
    public ManagedChannel channel() {
        return channel;
    }

    @Override
    public void close() {
        channel.shutdownNow();
        var unused = eventLoop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
