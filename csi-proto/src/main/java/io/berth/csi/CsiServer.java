package io.berth.csi;

import io.berth.fault.Fault;
import io.berth.socket.Endpoint;
import io.berth.socket.SocketFile;
import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Serves CSI on a Unix socket. Thread-safe. */
public final class CsiServer implements AutoCloseable {
    private static final int MAX_MESSAGE_BYTES = 4 << 20;
    private static final int MAX_HEADER_BYTES = 16 << 10;
    private static final Duration CUT = Duration.ofSeconds(2);

    private final Server server;
    private final SocketFile socket;
    private final EventLoopGroup eventLoop;
    private final CallLimit limit;
    private final CallLog log;

    private CsiServer(Server server, SocketFile socket, EventLoopGroup eventLoop, CallLimit limit, CallLog log) {
        this.server = server;
        this.socket = socket;
        this.eventLoop = eventLoop;
        this.limit = limit;
        this.log = log;
    }

    /**
     * Begins to serve.
     *
     * @param maxCalls calls at once; what is more is answered UNAVAILABLE
     * @param slowCall a call that takes longer is logged as a warning while it runs
     * @throws Fault FAILED_PRECONDITION when the socket cannot be had
     */
    public static CsiServer start(
            Endpoint endpoint, int maxCalls, Duration slowCall, List<? extends BindableService> services) {
        EventLoopGroup eventLoop =
                new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("csi", true), NioIoHandler.newFactory());
        CallLimit limit = new CallLimit(maxCalls);
        CallLog log = new CallLog(slowCall);
        try {
            SocketFile socket = new SocketFile(endpoint.socket());
            NettyServerBuilder builder = NettyServerBuilder.forAddress(UnixDomainSocketAddress.of(socket.prepare()))
                    .channelType(NioServerDomainSocketChannel.class)
                    .bossEventLoopGroup(eventLoop)
                    .workerEventLoopGroup(eventLoop)
                    .directExecutor()
                    .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                    .maxInboundMetadataSize(MAX_HEADER_BYTES);
            for (BindableService service : services) {
                builder.addService(
                        ServerInterceptors.interceptForward(service, limit, log, new FaultStatus(), new RequestForm()));
            }
            Server server = builder.build().start();
            socket.publish();
            return new CsiServer(server, socket, eventLoop, limit, log);
        } catch (IOException e) {
            close(eventLoop, limit, log);
            throw new Fault(Fault.Kind.FAILED_PRECONDITION, "cannot serve on " + endpoint + ": " + e, e);
        } catch (RuntimeException e) {
            close(eventLoop, limit, log);
            throw e;
        }
    }

    /**
     * Stops: takes no new calls, waits for those that run, then cuts them, and removes the socket. Bounded by the patience
     * and a few seconds; does nothing the second time.
     */
    public void stop(Duration patience) {
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
        close(eventLoop, limit, log);
    }

    private static void close(EventLoopGroup eventLoop, CallLimit limit, CallLog log) {
        var unused = eventLoop.shutdownGracefully(0, CUT.toMillis(), TimeUnit.MILLISECONDS);
        limit.close();
        log.close();
    }

    /** Stops at once. */
    @Override
    public void close() {
        stop(Duration.ZERO);
    }
}
