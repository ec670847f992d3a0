package io.berth.driver;

import io.berth.controller.ControllerService;
import io.berth.controller.GroupControllerService;
import io.berth.controller.SnapshotMetadataService;
import io.berth.csi.CsiServer;
import io.berth.csi.IdentityService;
import io.berth.csi.NodeTopology;
import io.berth.csi.RegistrationServer;
import io.berth.csi.v1.PluginCapability;
import io.berth.docker.DockerServer;
import io.berth.docker.DockerSettings;
import io.berth.docker.VolumeDriver;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.node.NodeService;
import io.berth.pool.Housekeeping;
import io.berth.pool.PoolConfig;
import io.berth.pool.PoolKind;
import io.berth.pool.Pools;
import io.berth.service.Attachments;
import io.berth.service.GroupSnapshots;
import io.berth.service.Health;
import io.berth.service.NodeVolumes;
import io.berth.service.SnapshotMetadata;
import io.berth.service.Snapshots;
import io.berth.service.Volumes;
import io.berth.settings.Settings;
import io.berth.volume.NodeId;
import io.grpc.BindableService;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A running driver: the core, and the doors that the settings open to it. */
public final class Driver implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Driver.class);

    /** How long a stop waits for a pool that is just being opened; a silent server's is left alone. */
    private static final Duration OPENING = Duration.ofSeconds(5);

    private final Settings settings;
    private final Role role;
    private final String version;
    private final Pools pools;
    private final HostPaths hostPaths;
    private final Volumes volumes;
    private final Housekeeping housekeeping;
    private final Thread opener;
    private final Optional<CsiServer> csi;
    private final Optional<DockerServer> docker;
    private final Optional<Monitoring> monitoring;
    /** The last that is opened, and the first that is closed. */
    private volatile Optional<RegistrationServer> registration = Optional.empty();

    private Driver(Settings settings, Role role, String version) {
        this.settings = settings;
        this.role = role;
        this.version = version;
        requireNodeToRegister();
        this.pools = Pools.serving(settings.pools(), attachedNode());
        this.hostPaths = new HostPaths(
                settings.allowedHostPaths(), settings.allowedInlineHostPaths(), () -> Pools.folders(settings.pools()));
        this.volumes = new Volumes(pools, Clock.systemUTC(), isAttaching());
        this.housekeeping = new Housekeeping(pools, settings.reapRate());
        // Pools are opened while the doors start: both take long, and neither needs the other.
        this.opener = new Thread(this::openPools, "open-pools");
        opener.setDaemon(true);
        opener.start();
        Thread lookAtHostPaths = new Thread(() -> hostPaths.problems().forEach(LOG::warn), "look-at-host-paths");
        lookAtHostPaths.setDaemon(true); // it may wait for a server, and nothing waits for it
        lookAtHostPaths.start();
        this.monitoring = settings.metricsAddress().map(address -> new Monitoring(address, version, pools));
        this.csi = settings.csi().map(this::openToCsi);
        this.docker = settings.docker().filter(unused -> role.hasDocker()).map(this::openToDocker);
        monitoring.ifPresent(shown -> shown.serve(this::isFound, this::isReady));
        this.registration = settings.csi().flatMap(this::register);
        housekeeping.start();
        if (settings.pools().isEmpty()) {
            LOG.warn("no pool is set (--pool NAME=KIND:PATH): only host paths and volumes in memory can be used");
        }
    }

    /**
     * Starts a driver. It answers Probe at once, and is ready when every pool was opened or was found unusable.
     *
     * @throws Fault when a socket cannot be had or the settings contradict each other
     */
    public static Driver start(Settings settings, Role role, String version) {
        return new Driver(settings, role, version);
    }

    private CsiServer openToCsi(Settings.Csi door) {
        return CsiServer.start(
                door.endpoint(),
                settings.maxCalls(),
                settings.slowCall(),
                monitoring.map(Monitoring::calls),
                services(door));
    }

    private DockerServer openToDocker(DockerSettings door) {
        HostPaths ofDocker = new HostPaths(settings.allowedHostPaths(), () -> Pools.folders(settings.pools()));
        NodeVolumes node = new NodeVolumes(pools, volumes, ofDocker); // Docker asks no controller for its volumes
        Snapshots snapshots = new Snapshots(pools, Clock.systemUTC());
        Health health = new Health(pools, volumes, ofDocker);
        return DockerServer.start(
                door,
                settings.maxCalls(),
                settings.slowCall(),
                monitoring.map(Monitoring::calls),
                VolumeDriver.open(door, volumes, snapshots, node, health));
    }

    /** Logs that it serves, for whoever waits for that. */
    public void announce() {
        if (csi.isPresent()) {
            settings.csi()
                    .ifPresent(door -> LOG.info(
                            "serving {} on {}, pools {}", door.driverName(), door.endpoint(), settings.pools()));
        }
        if (docker.isPresent()) {
            settings.docker()
                    .ifPresent(door -> LOG.info("serving Docker on {}, pools {}", door.socket(), settings.pools()));
        }
    }

    /** Whether whoever looks for a door finds it: a socket whose file is gone comes back by a new start only. */
    private boolean isFound() {
        return csi.stream().allMatch(CsiServer::isInPlace)
                && docker.stream().allMatch(DockerServer::isInPlace)
                && registration.stream().allMatch(RegistrationServer::isInPlace);
    }

    /** Where metrics and probes are served, if they are. */
    Optional<InetSocketAddress> metricsAddress() {
        return monitoring.flatMap(Monitoring::address);
    }

    private Optional<RegistrationServer> register(Settings.Csi door) {
        return door.registration().map(with -> {
            RegistrationServer server = RegistrationServer.start(with.socket(), door.driverName(), with.csiSocket());
            monitoring.ifPresent(shown -> shown.watchRegistration(server::isRegistered));
            LOG.info("registering {} at {} with the kubelet on {}", door.driverName(), with.csiSocket(), with.socket());
            return server;
        });
    }

    private void requireNodeToRegister() {
        if (!role.hasNode()
                && settings.csi().flatMap(Settings.Csi::registration).isPresent()) {
            throw new Fault(
                    Fault.Kind.INVALID_ARGUMENT,
                    "--register: the kubelet registers node services, which berth " + role.command()
                            + " has not; run berth node or berth serve with it");
        }
    }

    private List<BindableService> services(Settings.Csi door) {
        NodeTopology topology = new NodeTopology(door.driverName().text(), door.nodeId());
        Health health = new Health(pools, volumes, hostPaths);
        List<BindableService> services = new ArrayList<>();
        services.add(new IdentityService(door.driverName(), version, capabilities(), this::isReady));
        if (role.hasController()) {
            Optional<Attachments> attachments = door.attach()
                    ? Optional.of(new Attachments(pools, door.nodeId(), door.maxVolumes()))
                    : Optional.empty();
            Snapshots snapshots = new Snapshots(pools, Clock.systemUTC());
            services.add(
                    new ControllerService(volumes, snapshots, attachments, door.nodeExpansion(), health, topology));
            services.add(new GroupControllerService(new GroupSnapshots(pools, Clock.systemUTC()), snapshots, topology));
            services.add(new SnapshotMetadataService(new SnapshotMetadata(pools)));
        }
        if (role.hasNode()) {
            NodeVolumes nodeVolumes = new NodeVolumes(pools, volumes, hostPaths, settings.inline(), attachedNode());
            services.add(new NodeService(nodeVolumes, health, topology, door.maxVolumes(), door.unstageUnused()));
        }
        return services;
    }

    /** This node, where volumes are mounted only when they were given to it. */
    private Optional<NodeId> attachedNode() {
        return settings.csi().filter(door -> door.attach() && role.hasNode()).map(Settings.Csi::nodeId);
    }

    private boolean isAttaching() {
        return settings.csi().filter(Settings.Csi::attach).isPresent();
    }

    private List<PluginCapability> capabilities() {
        List<PluginCapability> capabilities = new ArrayList<>();
        if (role.hasController()) {
            capabilities.add(service(PluginCapability.Service.Type.CONTROLLER_SERVICE));
            capabilities.add(service(PluginCapability.Service.Type.GROUP_CONTROLLER_SERVICE));
            capabilities.add(service(PluginCapability.Service.Type.SNAPSHOT_METADATA_SERVICE));
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
        pools.problemOfServers().ifPresent(problem -> LOG.warn("ready without a server: {}", problem.getMessage()));
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

    /** Stops: ends what runs, within the stop timeout, and removes the sockets. Volumes stay mounted. */
    @Override
    public void close() {
        registration.ifPresent(RegistrationServer::close);
        docker.ifPresent(server -> server.stop(settings.stopTimeout()));
        csi.ifPresent(server -> server.stop(settings.stopTimeout()));
        monitoring.ifPresent(Monitoring::close);
        housekeeping.close();
        awaitOpener();
        pools.close();
        LOG.info("stopped");
    }

    /** What a pool's opening begins after the pools were closed would stay open. */
    private void awaitOpener() {
        try {
            if (!opener.join(OPENING)) {
                LOG.warn("stops while a pool is still being opened");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
