package io.berth.metrics;

import io.berth.fault.Fault;
import io.berth.linux.FileSystemStatus;
import io.berth.mount.MountTable;
import io.berth.nfs.NfsShare;
import io.berth.pool.Pool;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.service.VolumeMounts;
import io.berth.socket.EndedCall;
import io.berth.volume.PoolName;
import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The metrics of a running driver. Calls are counted as they end; all else is looked up when it is asked for, at a few
 * system calls for each pool and one look at the mount table, whatever the pools hold. Thread-safe.
 */
public final class Metrics implements Consumer<EndedCall> {
    /** What {@link #text} is. */
    public static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

    private static final Logger LOG = LoggerFactory.getLogger(Metrics.class);
    private static final double[] SECONDS = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60};
    private static final double NANOS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final int MOST_TRASH = 1000;

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.builder()
            .setIncludeCreatedTimestamps(false)
            .build();
    private final Counter calls = Counter.builder()
            .name(Metric.CALLS.id())
            .help(Metric.CALLS.meaning())
            .labelNames(Metric.CALLS.labels().toArray(String[]::new))
            .withoutExemplars()
            .register(registry);
    private final Histogram durations = Histogram.builder()
            .name(Metric.CALL_DURATION.id())
            .help(Metric.CALL_DURATION.meaning())
            .labelNames(Metric.CALL_DURATION.labels().toArray(String[]::new))
            .classicOnly()
            .classicUpperBounds(SECONDS)
            .withoutExemplars()
            .register(registry);
    private final String version;
    private final Pools pools;
    private volatile Optional<BooleanSupplier> registered = Optional.empty();

    /** The metrics of a driver that serves these pools. */
    public Metrics(String version, Pools pools) {
        this.version = version;
        this.pools = pools;
        MultiCollector gauges = this::gauges;
        registry.register(gauges);
    }

    /** Begins to tell whether the kubelet has registered the driver. */
    public void watchRegistration(BooleanSupplier isRegistered) {
        registered = Optional.of(isRegistered);
    }

    /** Counts a call. */
    @Override
    public void accept(EndedCall call) {
        calls.labelValues(call.service(), call.method(), call.code()).inc();
        durations.labelValues(call.service(), call.method()).observe(call.took().toNanos() / NANOS_PER_SECOND);
    }

    /** All values now, in Prometheus' text format. */
    public String text() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            writer.write(out, registry.scrape(), EscapingScheme.DEFAULT);
        } catch (IOException e) {
            throw new UncheckedIOException("in memory", e);
        }
        return out.toString(StandardCharsets.UTF_8);
    }

    private MetricSnapshots gauges() {
        Gauges gauges = new Gauges();
        gauges.set(Metric.BUILD, 1, version);
        gauges.set(Metric.COPIES, pools.copies().underWay().size());
        registered.ifPresent(known -> gauges.set(Metric.REGISTERED, known.getAsBoolean() ? 1 : 0));
        MountTable table = MountTable.read();
        VolumeMounts.count(pools, table)
                .forEach((shown, count) ->
                        gauges.set(Metric.MOUNTS, count, shown.name().toLowerCase(Locale.ROOT)));
        Map<PoolName, Pool> opened = pools.opened().stream()
                .collect(Collectors.toMap(pool -> pool.config().name(), Function.identity()));
        for (PoolConfig config : pools.configs()) {
            Optional<Pool> pool = Optional.ofNullable(opened.get(config.name()));
            boolean ready = pool.filter(open -> look(open, table, gauges)).isPresent();
            gauges.set(
                    Metric.POOL_READY,
                    ready ? 1 : 0,
                    config.name().text(),
                    config.kind().toString());
            if (config.mounted().filter(NfsShare::isAskedOverTcp).isPresent()) {
                Optional<Duration> answer = pool.flatMap(Pool::serverAnswerTime);
                gauges.set(
                        Metric.SERVER_UP,
                        answer.isPresent() ? 1 : 0,
                        config.name().text());
                answer.ifPresent(took ->
                        gauges.set(Metric.SERVER_ANSWER, took, config.name().text()));
            }
        }
        return gauges.snapshots();
    }

    /** Looks at a pool; false when it cannot be used. One that cannot be reached shows no other values. */
    private static boolean look(Pool pool, MountTable table, Gauges gauges) {
        String name = pool.config().name().text();
        try {
            boolean ready = pool.folder().health(table).isEmpty();
            FileSystemStatus fileSystem = pool.fileSystem();
            int inTrash = pool.trash().countUpTo(MOST_TRASH);
            gauges.set(Metric.POOL_SIZE, pool.sizeBytes(), name);
            gauges.set(Metric.POOL_PROMISED, pool.promisedBytes(), name);
            gauges.set(Metric.POOL_AVAILABLE, pool.availableBytes(), name);
            gauges.set(Metric.POOL_USED, fileSystem.totalBytes() - fileSystem.freeBytes(), name);
            if (fileSystem.totalInodes() > 0) {
                gauges.set(Metric.POOL_FREE_INODES, fileSystem.freeInodes(), name);
            }
            gauges.set(Metric.POOL_TRASH, inTrash, name);
            return ready;
        } catch (Fault e) {
            LOG.debug("pool {} cannot be looked at: {}", name, e.getMessage());
            return false;
        }
    }
}
