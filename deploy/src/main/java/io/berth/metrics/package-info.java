/**
 * What Prometheus and probes ask of a running driver. Begin with {@link io.berth.metrics.Metric}, which names every metric;
 * {@link io.berth.metrics.Metrics} holds their values and {@link io.berth.metrics.MetricsServer} serves them. Nothing of it
 * is loaded unless it is switched on.
 */
@NullMarked
package io.berth.metrics;

import org.jspecify.annotations.NullMarked;
