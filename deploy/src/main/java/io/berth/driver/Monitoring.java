package io.berth.driver;

import io.berth.fault.Fault;
import io.berth.metrics.Metrics;
import io.berth.metrics.MetricsServer;
import io.berth.metrics.MetricsServer.Page;
import io.berth.pool.Pools;
import io.berth.socket.EndedCall;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** The metrics and probes of a driver. A class between, so that nothing of them is loaded where they are switched off. */
final class Monitoring implements AutoCloseable {
    private final InetSocketAddress wanted;
    private final Metrics metrics;
    private volatile Optional<MetricsServer> server = Optional.empty();

    /** Counts from now on; serves when it is told to. */
    Monitoring(InetSocketAddress address, String version, Pools pools) {
        this.wanted = address;
        this.metrics = new Metrics(version, pools);
    }

    /** Whom doors tell of calls. */
    Consumer<EndedCall> calls() {
        return metrics;
    }

    /** Begins to tell whether the kubelet has registered the driver. */
    void watchRegistration(BooleanSupplier isRegistered) {
        metrics.watchRegistration(isRegistered);
    }

    /**
     * Begins to serve.
     *
     * @param alive false when only a new start helps
     * @param ready as Probe has it
     * @throws Fault FAILED_PRECONDITION when the address cannot be had
     */
    void serve(BooleanSupplier alive, BooleanSupplier ready) {
        Map<String, Supplier<Page>> pages = new LinkedHashMap<>();
        pages.put("/metrics", () -> new Page(200, Metrics.CONTENT_TYPE, metrics.text()));
        pages.put(
                "/healthz",
                () -> alive.getAsBoolean()
                        ? Page.ok("alive")
                        : Page.unavailable(
                                "a socket takes no connections: its file was removed or replaced, or nobody listens"));
        pages.put("/readyz", () -> readiness(ready));
        server = Optional.of(MetricsServer.start(wanted, pages));
    }

    private static Page readiness(BooleanSupplier ready) {
        try {
            return ready.getAsBoolean() ? Page.ok("ready") : Page.unavailable("pools are being opened");
        } catch (Fault e) {
            return Page.unavailable(e.getMessage());
        }
    }

    /** Where it is served, if it is. */
    Optional<InetSocketAddress> address() {
        return server.map(MetricsServer::address);
    }

    @Override
    public void close() {
        server.ifPresent(MetricsServer::close);
    }
}
