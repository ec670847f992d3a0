package io.berth.metrics;

import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The gauges of one scrape. */
final class Gauges {
    private static final double NANOS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);

    private final Map<Metric, GaugeSnapshot.Builder> gauges = new EnumMap<>(Metric.class);

    /** Sets a value; once for the same labels. */
    void set(Metric metric, long value, String... labels) {
        add(metric, (double) value, labels);
    }

    /** Sets a duration, in seconds. */
    void set(Metric metric, Duration value, String... labels) {
        add(metric, value.toNanos() / NANOS_PER_SECOND, labels);
    }

    private void add(Metric metric, double value, String... labels) {
        gauges.computeIfAbsent(metric, Gauges::builder)
                .dataPoint(GaugeDataPointSnapshot.builder()
                        .labels(Labels.of(metric.labels().toArray(String[]::new), labels))
                        .value(value)
                        .build());
    }

    private static GaugeSnapshot.Builder builder(Metric metric) {
        return GaugeSnapshot.builder().name(metric.id()).help(metric.meaning());
    }

    MetricSnapshots snapshots() {
        return new MetricSnapshots(
                gauges.values().stream().map(GaugeSnapshot.Builder::build).toArray(MetricSnapshot[]::new));
    }
}
