package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.socket.EndedCall;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * Gives each call an id, logs one line when it ends and a warning while it takes too long. Calls that only ask are logged
 * at debug level when they succeed or find nothing: dockerd asks for a volume before it creates it. Options are never
 * logged, for people put secrets there. Thread-safe.
 */
final class CallLog implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CallLog.class);
    private static final String REQUEST = "request";

    private final Duration slow;
    private final Optional<Consumer<EndedCall>> ended;
    private final String run =
            HexFormat.of().toHexDigits((short) ThreadLocalRandom.current().nextInt());
    private final AtomicInteger number = new AtomicInteger();
    private final ScheduledThreadPoolExecutor watch;

    /**
     * A log that warns of slow calls.
     *
     * @param slow a call that takes longer
     * @param ended is told of each call too
     */
    CallLog(Duration slow, Optional<Consumer<EndedCall>> ended) {
        this.slow = slow;
        this.ended = ended;
        this.watch = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, "docker-slow-calls");
            thread.setDaemon(true);
            return thread;
        });
        watch.setRemoveOnCancelPolicy(true);
    }

    /** A call that is under way on this thread until it is closed. */
    final class Entry implements AutoCloseable {
        private final String method;
        private final String call;
        private final String id = run + "-" + number.incrementAndGet();
        private final boolean quiet;
        private final long start = System.nanoTime();
        private final Future<?> warning;
        private Optional<String> failure = Optional.empty();
        private String code = "OK";

        private Entry(String method, String volume, boolean quiet) {
            this.method = method;
            this.call = volume.isEmpty() ? method : method + " " + Fault.quote(volume);
            this.quiet = quiet;
            this.warning = watch.schedule(this::warn, slow.toMillis(), TimeUnit.MILLISECONDS);
            MDC.put(REQUEST, id);
        }

        /** The call ends with this error. */
        void failed(Fault.Kind kind, String message) {
            code = kind.name();
            failure = Optional.of(message);
        }

        private void warn() {
            MDC.put(REQUEST, id);
            LOG.warn("{} has been running for {} ms", call, millis());
            MDC.remove(REQUEST);
        }

        private String millis() {
            return String.valueOf(TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - start) / 1000.0);
        }

        @Override
        public void close() {
            warning.cancel(false);
            String end =
                    failure.isPresent() ? "failed " + millis() + " ms: " + failure.get() : "OK " + millis() + " ms";
            if (isUsual()) {
                LOG.debug("{} {}", call, end);
            } else {
                LOG.info("{} {}", call, end);
            }
            MDC.remove(REQUEST);
            ended.ifPresent(told -> told.accept(ended()));
        }

        /** Whether nobody needs to know how the call ended. */
        boolean isUsual() {
            return quiet && (failure.isEmpty() || code.equals(Fault.Kind.NOT_FOUND.name()));
        }

        private EndedCall ended() {
            int dot = method.indexOf('.');
            return new EndedCall(
                    method.substring(0, dot),
                    method.substring(dot + 1),
                    code,
                    Duration.ofNanos(System.nanoTime() - start));
        }
    }

    /**
     * A call begins on this thread.
     *
     * @param method such as VolumeDriver.Mount
     * @param quiet whether it only asks
     */
    Entry begin(String method, String volume, boolean quiet) {
        return new Entry(method, volume, quiet);
    }

    @Override
    public void close() {
        watch.shutdownNow();
    }
}
