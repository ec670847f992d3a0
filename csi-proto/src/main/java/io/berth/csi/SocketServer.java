package io.berth.csi;

import io.berth.fault.Fault;
import io.berth.socket.Endpoint;
import io.berth.socket.SocketFile;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * gRPC on a Unix socket, by one event loop. Handlers run on it, so they hand over what may take long; a
 * {@link ConnectionLimit} bounds the connections. Thread-safe.
 */
final class SocketServer {
    private static final int MAX_MESSAGE_BYTES = 4 << 20;
    static final int MAX_CONNECTIONS = 512;
    private static final int MAX_HEADER_BYTES = 16 << 10;
    private static final Duration CUT = Duration.ofSeconds(2);

    private final Server server;
    private final SocketFile socket;
    private final EventLoopGroup eventLoop;

    private SocketServer(Server server, SocketFile socket, EventLoopGroup eventLoop) {
        this.server = server;
        this.socket = socket;
        this.eventLoop = eventLoop;
    }

    /**
     * Begins to serve.
     *
     * @param name of its thread
     * @throws Fault FAILED_PRECONDITION when the socket cannot be had
     */
    static SocketServer start(String name, Endpoint endpoint, List<ServerServiceDefinition> services) {
        EventLoopGroup eventLoop =
                new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory(name, true), NioIoHandler.newFactory());
        try {
            SocketFile socket = new SocketFile(endpoint.socket(), Optional.empty());
            NettyServerBuilder builder = NettyServerBuilder.forAddress(UnixDomainSocketAddress.of(socket.prepare()))
                    .channelFactory(SocketServer::listener)
                    .bossEventLoopGroup(eventLoop)
                    .workerEventLoopGroup(eventLoop)
                    .directExecutor()
                    .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                    .maxInboundMetadataSize(MAX_HEADER_BYTES);
            services.forEach(builder::addService);
            Server server = builder.build().start();
            socket.publish();
            return new SocketServer(server, socket, eventLoop);
        } catch (IOException e) {
            close(eventLoop);
            throw new Fault(Fault.Kind.FAILED_PRECONDITION, "cannot serve on " + endpoint + ": " + Fault.reason(e), e);
        } catch (RuntimeException e) {
            close(eventLoop);
            throw e;
        }
    }

    private static ServerChannel listener() {
        NioServerDomainSocketChannel listener = new NioServerDomainSocketChannel();
        listener.pipeline().addLast(new ConnectionLimit(MAX_CONNECTIONS));
        return listener;
    }

    /** Whether callers find the socket and it takes connections. */
    boolean isInPlace() {
        return socket.isInPlace();
    }

    /**
     * Stops: takes no new calls, waits for those that run, then cuts them, and removes the socket. Bounded by the patience
     * and a few seconds; does nothing the second time.
     */
    void stop(Duration patience) {
        server.shutdown();
        socket.remove();
        try {
            if (!server.awaitTermination(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                server.shutdownNow();
                server.awaitTermination(CUT.toMillis(), TimeUnit.MILLISECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            server.shutdownNow();
        }
        close(eventLoop);
    }

    private static void close(EventLoopGroup eventLoop) {
        var unused = eventLoop.shutdownGracefully(0, CUT.toMillis(), TimeUnit.MILLISECONDS);
    }
}
