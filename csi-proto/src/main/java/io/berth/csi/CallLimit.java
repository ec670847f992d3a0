package io.berth.csi;

import io.berth.csi.v1.IdentityGrpc;
import io.berth.csi.v1.NodeGrpc;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Bounds the calls at once and runs each on a thread of its own. Node, Identity and the other services have a bound each: a
 * controller's sidecars, which make a hundred calls at once, keep no pod on this node from its mounts and nobody from Probe.
 * It is the outermost interceptor and runs on the event loop, so a call over the bound costs neither a thread nor a place in
 * a queue.
 */
final class CallLimit implements ServerInterceptor, AutoCloseable {
    private static final long IDLE_SECONDS = 10;

    private final int max;
    private final AtomicInteger ofNode = new AtomicInteger();
    private final AtomicInteger ofIdentity = new AtomicInteger();
    private final AtomicInteger ofOthers = new AtomicInteger();
    private final ExecutorService threads;

    CallLimit(int max) {
        this.max = max;
        AtomicInteger number = new AtomicInteger();
        this.threads =
                new ThreadPoolExecutor(0, 3 * max, IDLE_SECONDS, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> {
                    Thread thread = new Thread(task, "call-" + number.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
    }

    @Override
    public <I, O> ServerCall.Listener<I> interceptCall(
            ServerCall<I, O> call, Metadata headers, ServerCallHandler<I, O> next) {
        AtomicInteger running = running(call.getMethodDescriptor().getServiceName());
        if (running.incrementAndGet() > max) {
            running.decrementAndGet();
            call.close(
                    Status.UNAVAILABLE.withDescription(max + " calls are running already (--max-calls); try again"),
                    new Metadata());
            return new ServerCall.Listener<>() {};
        }
        AtomicBoolean counted = new AtomicBoolean(true);
        return new SimpleForwardingServerCallListener<>(next.startCall(call, headers)) {
            private boolean handed;

            @Override
            public void onHalfClose() {
                handed = true;
                threads.execute(() -> {
                    try {
                        super.onHalfClose();
                    } finally {
                        release();
                    }
                });
            }

            @Override
            public void onCancel() {
                releaseUnlessHanded();
                super.onCancel();
            }

            @Override
            public void onComplete() {
                releaseUnlessHanded();
                super.onComplete();
            }

            // A call may end before its request is whole.
            private void releaseUnlessHanded() {
                if (!handed) {
                    release();
                }
            }

            private void release() {
                if (counted.getAndSet(false)) {
                    running.decrementAndGet();
                }
            }
        };
    }

    private AtomicInteger running(@Nullable String service) {
        if (NodeGrpc.SERVICE_NAME.equals(service)) {
            return ofNode;
        }
        return IdentityGrpc.SERVICE_NAME.equals(service) ? ofIdentity : ofOthers;
    }

    @Override
    public void close() {
        threads.shutdown();
    }
}
