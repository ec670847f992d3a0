package io.berth.driver;

import io.berth.controller.ControllerService;
import io.berth.csi.CsiServer;
import io.berth.csi.IdentityService;
import io.berth.csi.NodeTopology;
import io.berth.csi.v1.PluginCapability;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.node.NodeService;
import io.berth.pool.Housekeeping;
import io.berth.pool.PoolConfig;
import io.berth.pool.PoolKind;
import io.berth.pool.Pools;
import io.berth.service.NodeVolumes;
import io.berth.service.Snapshots;
import io.berth.service.Volumes;
import io.berth.settings.Settings;
import io.grpc.BindableService;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A running CSI driver. */
public final class CsiDriver implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CsiDriver.class);

    private final Settings settings;
    private final Role role;
    private final String version;
    private final NodeTopology topology;
    private final Pools pools;
    private final Housekeeping housekeeping;
    private final CsiServer server;
    private final Thread opener;

    private CsiDriver(Settings settings, Role role, String version) {
        this.settings = settings;
        this.role = role;
        this.version = version;
        this.topology = new NodeTopology(settings.driverName().text(), settings.nodeId());
        this.pools = Pools.serving(settings.pools());
        this.housekeeping = new Housekeeping(pools, settings.reapRate());
        // Pools are opened while gRPC starts: both take long, and neither needs the other.
        this.opener = new Thread(this::openPools, "open-pools");
        opener.setDaemon(true);
        opener.start();
        this.server = CsiServer.start(settings.endpoint(), settings.maxCalls(), settings.slowCall(), services());
        housekeeping.start();
        if (settings.pools().isEmpty()) {
            LOG.warn("no pool is set (--pool NAME=KIND:PATH): only host paths and volumes in memory can be used");
        }
        LOG.info("serving {} on {}, pools {}", settings.driverName(), settings.endpoint(), settings.pools());
    }

    /**
     * Starts a driver. It answers Probe at once, and is ready when every pool was opened or was found unusable.
     *
     * @throws Fault when the socket cannot be had or the settings contradict each other
     */
    public static CsiDriver start(Settings settings, Role role, String version) {
        return new CsiDriver(settings, role, version);
    }

    private List<BindableService> services() {
        Volumes volumes = new Volumes(pools, Clock.systemUTC());
        List<BindableService> services = new ArrayList<>();
        services.add(new IdentityService(settings.driverName(), version, capabilities(), this::isReady));
        if (role.hasController()) {
            services.add(new ControllerService(volumes, new Snapshots(pools, Clock.systemUTC()), topology));
        }
        if (role.hasNode()) {
            NodeVolumes nodeVolumes = new NodeVolumes(pools, volumes, new HostPaths(settings.allowedHostPaths()));
            services.add(new NodeService(nodeVolumes, topology, settings.maxVolumes()));
        }
        return services;
    }

    private List<PluginCapability> capabilities() {
        List<PluginCapability> capabilities = new ArrayList<>();
        if (role.hasController()) {
            capabilities.add(service(PluginCapability.Service.Type.CONTROLLER_SERVICE));
        }
        if (settings.pools().stream().map(PoolConfig::kind).anyMatch(PoolKind.LOCAL::equals)) {
            capabilities.add(service(PluginCapability.Service.Type.VOLUME_ACCESSIBILITY_CONSTRAINTS));
            capabilities.add(service(PluginCapability.Service.Type.SNAPSHOT_ACCESSIBILITY_CONSTRAINTS));
        }
        capabilities.add(PluginCapability.newBuilder()
                .setVolumeExpansion(PluginCapability.VolumeExpansion.newBuilder()
                        .setType(PluginCapability.VolumeExpansion.Type.ONLINE))
                .build());
        return capabilities;
    }

    private static PluginCapability service(PluginCapability.Service.Type type) {
        return PluginCapability.newBuilder()
                .setService(PluginCapability.Service.newBuilder().setType(type))
                .build();
    }

    private void openPools() {
        pools.problem().ifPresent(problem -> LOG.warn("not ready: {}", problem.getMessage()));
    }

    private boolean isReady() {
        if (opener.isAlive()) {
            return false;
        }
        pools.problem().ifPresent(problem -> {
            throw problem;
        });
        return true;
    }

    /** Stops: ends what runs, within the stop timeout, and removes the socket. Volumes stay mounted. */
    @Override
    public void close() {
        server.stop(settings.stopTimeout());
        housekeeping.close();
        pools.close();
        LOG.info("stopped");
    }
}
