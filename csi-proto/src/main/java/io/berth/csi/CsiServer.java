package io.berth.csi;

import io.berth.fault.Fault;
import io.berth.socket.EndedCall;
import io.berth.socket.Endpoint;
import io.grpc.BindableService;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Serves CSI on a Unix socket. Thread-safe. */
public final class CsiServer implements AutoCloseable {
    private final SocketServer server;
    private final CallLimit limit;
    private final CallLog log;

    private CsiServer(SocketServer server, CallLimit limit, CallLog log) {
        this.server = server;
        this.limit = limit;
        this.log = log;
    }

    /**
     * Begins to serve.
     *
     * @param maxCalls calls at once of the Node service, of Identity and of the others, each; what is more is answered
     *     UNAVAILABLE
     * @param slowCall a call that takes longer is logged as a warning while it runs
     * @param ended is told of each call, by several threads at once
     * @throws Fault FAILED_PRECONDITION when the socket cannot be had
     */
    public static CsiServer start(
            Endpoint endpoint,
            int maxCalls,
            Duration slowCall,
            Optional<Consumer<EndedCall>> ended,
            List<? extends BindableService> services) {
        CallLimit limit = new CallLimit(maxCalls);
        CallLog log = new CallLog(slowCall);
        List<ServerInterceptor> outermostFirst = new ArrayList<>();
        ended.ifPresent(told -> outermostFirst.add(new CallTimes(told)));
        outermostFirst.addAll(List.of(limit, log, new FaultStatus(), new RequestForm()));
        List<ServerServiceDefinition> intercepted = new ArrayList<>();
        for (BindableService service : services) {
            intercepted.add(ServerInterceptors.interceptForward(service.bindService(), outermostFirst));
        }
        try {
            return new CsiServer(SocketServer.start("csi", endpoint, intercepted), limit, log);
        } catch (RuntimeException e) {
            limit.close();
            log.close();
            throw e;
        }
    }

    /** Whether callers find the socket and it takes connections: false when somebody has removed or replaced its file. */
    public boolean isInPlace() {
        return server.isInPlace();
    }

    /**
     * Stops: takes no new calls, waits for those that run, then cuts them, and removes the socket. Bounded by the patience
     * and a few seconds; does nothing the second time.
     */
    public void stop(Duration patience) {
        server.stop(patience);
        limit.close();
        log.close();
    }

    /** Stops at once. */
    @Override
    public void close() {
        stop(Duration.ZERO);
    }
}
