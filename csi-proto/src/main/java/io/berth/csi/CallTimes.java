package io.berth.csi;

import io.berth.socket.EndedCall;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * Tells of each call once, before its caller has the answer. It lies around all other interceptors, so calls over the limit
 * are told of as well.
 */
final class CallTimes implements ServerInterceptor {
    private final Consumer<EndedCall> ended;

    CallTimes(Consumer<EndedCall> ended) {
        this.ended = ended;
    }

    @Override
    public <I, O> ServerCall.Listener<I> interceptCall(
            ServerCall<I, O> call, Metadata headers, ServerCallHandler<I, O> next) {
        Timed timed = new Timed(call.getMethodDescriptor());
        ServerCall<I, O> told = new SimpleForwardingServerCall<>(call) {
            @Override
            public void close(Status status, Metadata trailers) {
                timed.end(status);
                super.close(status, trailers);
            }
        };
        return new SimpleForwardingServerCallListener<>(next.startCall(told, headers)) {
            @Override
            public void onCancel() {
                timed.end(Status.CANCELLED);
                super.onCancel();
            }
        };
    }

    private final class Timed {
        private final MethodDescriptor<?, ?> method;
        private final long start = System.nanoTime();
        private final AtomicBoolean running = new AtomicBoolean(true);

        Timed(MethodDescriptor<?, ?> method) {
            this.method = method;
        }

        void end(Status status) {
            if (running.getAndSet(false)) {
                ended.accept(new EndedCall(
                        String.valueOf(method.getServiceName()),
                        String.valueOf(method.getBareMethodName()),
                        status.getCode().name(),
                        Duration.ofNanos(System.nanoTime() - start)));
            }
        }
    }
}
