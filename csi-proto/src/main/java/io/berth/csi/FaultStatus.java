package io.berth.csi;

import io.berth.fault.Fault;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * The one place where what a handler throws becomes a status. A defect becomes INTERNAL with the request's id, is logged
 * with its stack, and ends no more than its call.
 */
final class FaultStatus implements ServerInterceptor {
    private static final Logger LOG = LoggerFactory.getLogger(FaultStatus.class);
    private static final int MAX_MESSAGE = 2000;

    @Override
    public <I, O> ServerCall.Listener<I> interceptCall(
            ServerCall<I, O> call, Metadata headers, ServerCallHandler<I, O> next) {
        OnceClosed<I, O> once = new OnceClosed<>(call);
        return new SimpleForwardingServerCallListener<>(next.startCall(once, headers)) {
            @Override
            public void onHalfClose() {
                try {
                    super.onHalfClose();
                } catch (Throwable e) { // an Error of one call is no reason to end the others
                    once.close(of(e), new Metadata());
                }
            }
        };
    }

    /** A handler may fail after it has answered. */
    private static final class OnceClosed<I, O> extends SimpleForwardingServerCall<I, O> {
        private boolean closed;

        OnceClosed(ServerCall<I, O> call) {
            super(call);
        }

        @Override
        public void close(Status status, Metadata trailers) {
            if (!closed) {
                closed = true;
                super.close(status, trailers);
            }
        }
    }

    static Status of(Throwable thrown) {
        return switch (thrown) {
            case Fault fault -> code(fault.kind()).withDescription(cut(fault.getMessage()));
            case StatusRuntimeException status -> status.getStatus();
            case StatusException status -> status.getStatus();
            default -> {
                String request = MDC.get("request");
                LOG.error("a defect of Berth", thrown);
                yield Status.INTERNAL.withDescription("internal error, request " + request + "; see the driver's log");
            }
        };
    }

    private static Status code(Fault.Kind kind) {
        return switch (kind) {
            case INVALID_ARGUMENT -> Status.INVALID_ARGUMENT;
            case NOT_FOUND -> Status.NOT_FOUND;
            case ALREADY_EXISTS -> Status.ALREADY_EXISTS;
            case BUSY, BAD_TOKEN -> Status.ABORTED;
            case FAILED_PRECONDITION -> Status.FAILED_PRECONDITION;
            case RESOURCE_EXHAUSTED -> Status.RESOURCE_EXHAUSTED;
            case OUT_OF_RANGE -> Status.OUT_OF_RANGE;
            case UNAVAILABLE -> Status.UNAVAILABLE;
            // Not DATA_LOSS: sidecars retry both alike, and the data is mostly there, only its record is not.
            case CORRUPT -> Status.FAILED_PRECONDITION;
            case INTERNAL -> Status.INTERNAL;
        };
    }

    private static String cut(String message) {
        return message.length() <= MAX_MESSAGE ? message : message.substring(0, MAX_MESSAGE) + "…";
    }
}
