package io.berth.csi;

import com.google.protobuf.Message;
import io.berth.fault.Fault;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * Gives each call an id, logs one line when it ends and a warning while it takes too long. Calls that poll are logged at
 * debug level when they succeed; requests, without their secrets, at trace level.
 */
final class CallLog implements ServerInterceptor, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CallLog.class);
    private static final String REQUEST = "request";
    private static final Set<String> POLLS = Set.of(
            "Probe",
            "GetPluginInfo",
            "GetPluginCapabilities",
            "ControllerGetCapabilities",
            "GetCapacity",
            "NodeGetCapabilities",
            "NodeGetInfo",
            "NodeGetVolumeStats");
    private static final Set<String> NAMES =
            Set.of("volume_id", "name", "snapshot_id", "group_snapshot_id", "target_snapshot_id");

    private final Duration slow;
    private final String run;
    private final AtomicInteger number = new AtomicInteger();
    private final ScheduledThreadPoolExecutor watch;

    CallLog(Duration slow) {
        this.slow = slow;
        this.run =
                HexFormat.of().toHexDigits((short) ThreadLocalRandom.current().nextInt());
        this.watch = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, "slow-calls");
            thread.setDaemon(true);
            return thread;
        });
        watch.setRemoveOnCancelPolicy(true);
    }

    @Override
    public <I, O> ServerCall.Listener<I> interceptCall(
            ServerCall<I, O> call, Metadata headers, ServerCallHandler<I, O> next) {
        Entry entry = new Entry(
                String.valueOf(call.getMethodDescriptor().getBareMethodName()), run + "-" + number.incrementAndGet());
        ServerCall<I, O> logged = new SimpleForwardingServerCall<>(call) {
            @Override
            public void close(Status status, Metadata trailers) {
                entry.end(status);
                super.close(status, trailers);
            }
        };
        return new SimpleForwardingServerCallListener<>(next.startCall(logged, headers)) {
            @Override
            public void onMessage(I message) {
                entry.begin(message);
                super.onMessage(message);
            }

            @Override
            public void onHalfClose() {
                MDC.put(REQUEST, entry.id);
                try {
                    super.onHalfClose();
                } finally {
                    MDC.remove(REQUEST);
                }
            }

            @Override
            public void onCancel() {
                entry.end(Status.CANCELLED.withDescription("the caller hung up"));
                super.onCancel();
            }
        };
    }

    /** What is logged of one call. */
    private final class Entry {
        private final String method;
        private final String id;
        private final long start = System.nanoTime();
        private volatile String subject = "";
        private Optional<ScheduledFuture<?>> slowWarning = Optional.empty();
        private boolean ended;

        Entry(String method, String id) {
            this.method = method;
            this.id = id;
        }

        synchronized void begin(Object message) {
            if (message instanceof Message request) {
                subject = subject(request);
                if (LOG.isTraceEnabled()) {
                    LOG.trace("{} {} {}", id, method, Redacted.text(request));
                }
            }
            slowWarning = Optional.of(watch.schedule(this::warn, slow.toMillis(), TimeUnit.MILLISECONDS));
        }

        private void warn() {
            MDC.put(REQUEST, id);
            LOG.warn("{}{} has been running for {} ms", method, subject, millis());
            MDC.remove(REQUEST);
        }

        synchronized void end(Status status) {
            if (ended) {
                return;
            }
            ended = true;
            slowWarning.ifPresent(warning -> warning.cancel(false));
            String outer = MDC.get(REQUEST);
            MDC.put(REQUEST, id);
            if (!status.isOk()) {
                LOG.info("{}{} {} {} ms: {}", method, subject, status.getCode(), millis(), status.getDescription());
            } else if (POLLS.contains(method)) {
                LOG.debug("{}{} OK {} ms", method, subject, millis());
            } else {
                LOG.info("{}{} OK {} ms", method, subject, millis());
            }
            if (outer == null) {
                MDC.remove(REQUEST);
            }
        }

        private String millis() {
            return String.valueOf(TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - start) / 1000.0);
        }
    }

    private static String subject(Message request) {
        return request.getDescriptorForType().getFields().stream()
                .filter(field -> NAMES.contains(field.getName()))
                .map(request::getField)
                .filter(value -> value instanceof String text && !text.isEmpty())
                .findFirst()
                .map(value -> " " + Fault.quote((String) value))
                .orElse("");
    }

    @Override
    public void close() {
        watch.shutdownNow();
    }
}
