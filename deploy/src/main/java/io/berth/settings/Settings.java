package io.berth.settings;

import io.berth.csi.DriverName;
import io.berth.docker.DockerSettings;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.service.InlineRules;
import io.berth.socket.Endpoint;
import io.berth.socket.SocketOwner;
import io.berth.volume.NodeId;
import io.berth.volume.PoolName;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.event.Level;

/**
 * What a running driver is told, checked and complete. Immutable.
 *
 * @param csi what the CSI door is told; empty: there is none
 * @param docker what the Docker door is told; empty: there is none
 * @param pools the pools to serve; no name twice
 * @param allowedHostPaths the folders below which PersistentVolumes and Docker may name existing paths
 * @param allowedInlineHostPaths the folders below which inline volumes may
 * @param inline which inline volumes may be made
 * @param maxCalls how many calls may be under way at once
 * @param slowCall a call that takes longer is logged as slow
 * @param stopTimeout how long a stop waits for calls under way
 * @param reapRate how many deleted files and folders are removed in a second
 * @param metricsAddress where metrics and probes are served, not looked up yet; empty: nowhere
 */
public record Settings(
        Optional<Csi> csi,
        Optional<DockerSettings> docker,
        List<PoolConfig> pools,
        List<Path> allowedHostPaths,
        List<Path> allowedInlineHostPaths,
        InlineRules inline,
        int maxCalls,
        Duration slowCall,
        Duration stopTimeout,
        int reapRate,
        Optional<InetSocketAddress> metricsAddress,
        LogFormat logFormat,
        Level logLevel) {

    /**
     * What the CSI door is told.
     *
     * @param endpoint the socket
     * @param nodeId this machine's name in the cluster
     * @param driverName the name the driver is registered by
     * @param attach whether it is kept track of which node has which volume
     * @param nodeExpansion whether only a volume's own node makes it larger
     * @param maxVolumes how many volumes this node takes; 0: the driver sets no limit
     * @param unstageUnused whether a volume is unstaged when its last target goes
     * @param registration how the driver registers with the kubelet; empty: it does not
     */
    public record Csi(
            Endpoint endpoint,
            NodeId nodeId,
            DriverName driverName,
            boolean attach,
            boolean nodeExpansion,
            int maxVolumes,
            boolean unstageUnused,
            Optional<Registration> registration) {}

    /**
     * How the driver registers with the kubelet.
     *
     * @param socket the registration socket
     * @param csiSocket the CSI socket as the kubelet sees it
     */
    public record Registration(Endpoint socket, Endpoint csiSocket) {}

    /** How log lines are written. */
    public enum LogFormat {
        TEXT,
        JSON
    }

    static final Setting<Endpoint> ENDPOINT = Setting.withDefault(
                    "endpoint",
                    "SOCKET",
                    "unix:///run/berth/csi.sock",
                    "The Unix socket that CSI is served on.",
                    Values::endpoint)
            .alsoFrom("CSI_ENDPOINT");
    static final Setting<NodeId> NODE_ID = Setting.required(
            "node-id",
            "NAME",
            "This machine's name in the cluster; in Kubernetes the value of spec.nodeName. Local volumes belong to it.",
            Values::nodeId);
    static final Setting<DriverName> DRIVER_NAME = Setting.withDefault(
            "driver-name",
            "NAME",
            "csi.berth.io",
            "The name the driver is registered by; StorageClasses and PersistentVolumes refer to it.",
            Values::driverName);
    static final Setting<PoolConfig> POOL = Setting.repeated(
            "pool",
            "POOL",
            "A pool: NAME=KIND:PATH, with KIND local (a disk of this node), hostpath (a path every node sees alike) or nfs"
                    + " (SERVER:/EXPORT, mounted by Berth). Options follow after commas: size=SIZE, overcommit=FACTOR,"
                    + " limit=enforced or advisory, discover=true (folders in it that are no volume's are shown to Docker"
                    + " as volumes), mounted=true (the folder is used only while a file system is mounted at it, see"
                    + " \"Pools on disks of their own\"), nosuid, nodev and noexec (each mount of a volume has these, whatever is asked"
                    + " for), and for nfs path=PATH (the folder that is exported, on the server"
                    + " itself) and mount options.",
            Values::pool);
    static final Setting<Path> ALLOW_HOST_PATH = Setting.repeated(
            "allow-host-path",
            "FOLDER",
            "A folder below which PersistentVolumes and Docker's volumes may name existing paths. Without it none may.",
            Values::folder);
    static final Setting<Path> ALLOW_INLINE_HOST_PATH = Setting.repeated(
            "allow-inline-host-path",
            "FOLDER",
            "A folder below which inline volumes may name existing paths: whoever may make a pod, in any namespace, reads and"
                    + " writes what is there. Without it none may.",
            Values::folder);
    static final Setting<PoolName> INLINE_POOL = Setting.repeated(
            "inline-pool",
            "NAME",
            "A pool in which inline volumes may be made: whoever may make a pod takes room there, which no quota of"
                    + " Kubernetes counts. Without it there are inline volumes in memory alone.",
            Values::poolName);
    static final Setting<OptionalLong> INLINE_MAX_SIZE = Setting.withDefault(
            "inline-max-size",
            "SIZE",
            "",
            "How large an inline volume may be, such as 1Gi; one on disk has to name a size then. Without it one on disk is as"
                    + " large as there is room for, and one in memory as the machine's memory.",
            Values::sizeIfAny);
    /** Where Docker is served. */
    public static final Setting<Optional<Endpoint>> DOCKER_SOCKET = Setting.withDefault(
            "docker-socket",
            "SOCKET",
            "",
            "The Unix socket that Docker's volume plugin is served on; Docker looks in /run/docker/plugins and takes the"
                    + " file's name, less .sock, for the plugin's. Without it 'berth docker' serves on"
                    + " /run/docker/plugins/berth.sock and the other commands serve no Docker.",
            Values.optional(Values::endpoint));

    static final Setting<Optional<SocketOwner>> DOCKER_SOCKET_OWNER = Setting.withDefault(
            "docker-socket-owner",
            "USER[:GROUP]",
            "",
            "Who may call by Docker's socket: its owner and group, names or numbers. For rootless Docker the user that it"
                    + " runs as; who may call can do with volumes all that Docker can. Without it the socket is root's alone.",
            Values.optional(Values::socketOwner));
    static final Setting<Optional<PoolName>> DEFAULT_POOL = Setting.withDefault(
            "default-pool",
            "NAME",
            "",
            "The pool of Docker volumes that are made without -o pool=NAME. Not needed where there is one pool.",
            Values.optional(Values::poolName));
    static final Setting<Path> STATE_DIR = Setting.withDefault(
            "state-dir",
            "FOLDER",
            "/var/lib/berth",
            "Where this machine keeps what is to outlive the process and is in no pool: Docker's mounts and their ids.",
            Values::folder);
    static final Setting<Boolean> DOCKER_REMOVE_ALL = Setting.off(
            "docker-remove-all",
            "Let Docker remove volumes that it did not make: those of Kubernetes and of 'berth volumes create' too, by"
                    + " 'docker volume rm' and by 'docker volume prune'. Without it Docker removes what it made, and forgets"
                    + " folders that were found.");
    static final Setting<OptionalInt> STATE_GROUP = Setting.withDefault(
            "state-group",
            "GID",
            "",
            "The number of a group that may pass through the state's folders, to the volumes mounted there: with Docker's"
                    + " userns-remap or rootless the group that root is in containers. Without it nobody but root may.",
            Values::groupIfAny);
    static final Setting<Integer> MAX_CALLS = Setting.withDefault(
            "max-calls",
            "COUNT",
            "64",
            "How many calls may be under way at once, of CSI's Node service, of Identity and of the other services each;"
                    + " more are refused and tried again by the caller.",
            Values.number(1, 4096));
    static final Setting<Duration> SLOW_CALL = Setting.withDefault(
            "slow-call",
            "DURATION",
            "10s",
            "A call that takes longer than this is logged as slow while it goes on.",
            Values.duration(Duration.ofMillis(1), Duration.ofHours(1)));
    static final Setting<Duration> STOP_TIMEOUT = Setting.withDefault(
            "stop-timeout",
            "DURATION",
            "20s",
            "How long a stop waits for calls under way.",
            Values.duration(Duration.ZERO, Duration.ofMinutes(10)));
    static final Setting<Integer> REAP_RATE = Setting.withDefault(
            "reap-rate",
            "COUNT",
            "20000",
            "How many files and folders of deleted volumes are removed in a second.",
            Values.number(1, 1_000_000));
    static final Setting<Boolean> ATTACH = Setting.off(
            "attach",
            "Keep track of which node has which volume (ControllerPublishVolume), so that single-node modes hold across"
                    + " nodes and --max-volumes is enforced. The same on every node; in Kubernetes it takes"
                    + " external-attacher and attachRequired: true.");
    static final Setting<Boolean> NODE_EXPANSION = Setting.off(
            "node-expansion",
            "Leave it to a volume's own node to make it larger: ControllerExpandVolume is not offered. For the driver beside"
                    + " external-resizer where pools are local; it needs no pool.");
    static final Setting<Integer> MAX_VOLUMES = Setting.withDefault(
            "max-volumes",
            "COUNT",
            "0",
            "How many volumes this node takes; 0 sets no limit.",
            Values.number(0, Integer.MAX_VALUE));
    static final Setting<Boolean> UNSTAGE_UNUSED = Setting.off(
            "unstage-unused",
            "Unstage a volume when it is unpublished from its last target. For Docker Swarm, which never calls"
                    + " NodeUnstageVolume; what is staged counts as in use.");
    static final Setting<Boolean> REGISTER = Setting.off(
            "register",
            "Register with the kubelet of this node, without node-driver-registrar. For 'berth node' and 'berth serve'.");
    static final Setting<Path> PLUGINS_REGISTRY = Setting.withDefault(
            "plugins-registry",
            "FOLDER",
            "/var/lib/kubelet/plugins_registry",
            "The folder where the kubelet looks for plugins; with --register the socket DRIVER-NAME-reg.sock is put there.",
            Values::folder);
    static final Setting<Optional<Endpoint>> KUBELET_REGISTRATION_PATH = Setting.withDefault(
            "kubelet-registration-path",
            "SOCKET",
            "",
            "The socket of --endpoint as the kubelet sees it, where its path differs: in a pod, that of the host.",
            Values.optional(Values::endpoint));
    static final Setting<Optional<InetSocketAddress>> METRICS_ADDRESS = Setting.withDefault(
            "metrics-address",
            "HOST:PORT",
            "",
            "Where /metrics, for Prometheus, and the probes /healthz and /readyz are served by HTTP, to everybody who can"
                    + " connect. PORT alone is for this machine only, 0.0.0.0:PORT for every network. Without it nowhere.",
            Values.optional(Values::address));
    static final Setting<LogFormat> LOG_FORMAT = Setting.withDefault(
            "log-format",
            "FORMAT",
            "text",
            "How log lines are written: text for people, json for machines.",
            Values.oneOf(LogFormat.class));
    static final Setting<Level> LOG_LEVEL = Setting.withDefault(
            "log-level",
            "LEVEL",
            "info",
            "The least severe events that are logged: error, warn, info, debug or trace.",
            Values.oneOf(Level.class));

    /** The YAML file with settings; the one setting that a file cannot hold. */
    public static final Setting<Path> CONFIG = Setting.withDefault(
            "config", "FILE", "", "A YAML file with settings. Flags and variables win over it.", Values::file);

    private static final List<Setting<?>> FOR_CSI = List.of(
            ENDPOINT,
            NODE_ID,
            DRIVER_NAME,
            ATTACH,
            NODE_EXPANSION,
            MAX_VOLUMES,
            UNSTAGE_UNUSED,
            REGISTER,
            PLUGINS_REGISTRY,
            KUBELET_REGISTRATION_PATH,
            ALLOW_INLINE_HOST_PATH,
            INLINE_POOL,
            INLINE_MAX_SIZE);

    /** Every definition that a file may hold, in the order of the reference. */
    public static final List<Setting<?>> DEFINITIONS = List.of(
            ENDPOINT,
            NODE_ID,
            DRIVER_NAME,
            POOL,
            ALLOW_HOST_PATH,
            ALLOW_INLINE_HOST_PATH,
            INLINE_POOL,
            INLINE_MAX_SIZE,
            DOCKER_SOCKET,
            DOCKER_SOCKET_OWNER,
            DEFAULT_POOL,
            STATE_DIR,
            DOCKER_REMOVE_ALL,
            STATE_GROUP,
            MAX_CALLS,
            SLOW_CALL,
            STOP_TIMEOUT,
            REAP_RATE,
            ATTACH,
            NODE_EXPANSION,
            MAX_VOLUMES,
            UNSTAGE_UNUSED,
            REGISTER,
            PLUGINS_REGISTRY,
            KUBELET_REGISTRATION_PATH,
            METRICS_ADDRESS,
            LOG_FORMAT,
            LOG_LEVEL);

    /** Every definition that a flag or a variable may hold. */
    public static final List<Setting<?>> FLAGS =
            Stream.<Setting<?>>concat(Stream.of(CONFIG), DEFINITIONS.stream()).toList();

    /** Those that mean something where there is no CSI door. */
    public static final List<Setting<?>> FLAGS_WITHOUT_CSI =
            FLAGS.stream().filter(setting -> !FOR_CSI.contains(setting)).toList();

    private static final Endpoint DOCKER_DEFAULT = new Endpoint(Path.of("/run/docker/plugins/berth.sock"));

    public Settings {
        pools = List.copyOf(pools);
        allowedHostPaths = List.copyOf(allowedHostPaths);
        allowedInlineHostPaths = List.copyOf(allowedInlineHostPaths);
    }

    /**
     * Reads all settings. A flag wins over a variable, a variable over the file; of a repeated setting one place counts,
     * not the sum.
     *
     * @param flags the values given on the command line by the setting's name
     * @param environment every variable of the process
     * @throws Fault INVALID_ARGUMENT with one line for each thing that is wrong, all of them at once
     */
    public static Settings read(Map<String, List<String>> flags, Map<String, String> environment) {
        SettingsReader reader = new SettingsReader(flags, environment);
        reader.check(DEFINITIONS);
        Csi csi = new Csi(
                reader.one(ENDPOINT),
                reader.one(NODE_ID),
                reader.one(DRIVER_NAME),
                reader.one(ATTACH),
                reader.one(NODE_EXPANSION),
                reader.one(MAX_VOLUMES),
                reader.one(UNSTAGE_UNUSED),
                reader.one(REGISTER) ? Optional.of(registration(reader)) : Optional.empty());
        return read(reader, Optional.of(csi), reader.one(DOCKER_SOCKET));
    }

    private static Registration registration(SettingsReader reader) {
        Path socket = reader.one(PLUGINS_REGISTRY).resolve(reader.one(DRIVER_NAME) + "-reg.sock");
        return new Registration(
                Values.endpoint(PLUGINS_REGISTRY.flag(), socket.toString()),
                reader.one(KUBELET_REGISTRATION_PATH).orElseGet(() -> reader.one(ENDPOINT)));
    }

    /** Reads the settings of a driver that serves Docker alone; as {@link #read(Map, Map)} otherwise. */
    public static Settings readWithoutCsi(Map<String, List<String>> flags, Map<String, String> environment) {
        SettingsReader reader = new SettingsReader(flags, environment);
        reader.check(FLAGS_WITHOUT_CSI);
        return read(
                reader, Optional.empty(), Optional.of(reader.one(DOCKER_SOCKET).orElse(DOCKER_DEFAULT)));
    }

    private static Settings read(SettingsReader reader, Optional<Csi> csi, Optional<Endpoint> docker) {
        List<PoolConfig> pools = reader.all(POOL);
        return new Settings(
                csi,
                docker.map(socket -> new DockerSettings(
                        socket,
                        reader.one(DOCKER_SOCKET_OWNER),
                        reader.one(DEFAULT_POOL),
                        reader.one(STATE_DIR),
                        reader.one(STATE_GROUP),
                        reader.one(DOCKER_REMOVE_ALL))),
                pools,
                reader.all(ALLOW_HOST_PATH),
                csi.isPresent() ? reader.all(ALLOW_INLINE_HOST_PATH) : List.of(),
                csi.isPresent() ? inline(reader, pools) : InlineRules.DEFAULT,
                reader.one(MAX_CALLS),
                reader.one(SLOW_CALL),
                reader.one(STOP_TIMEOUT),
                reader.one(REAP_RATE),
                reader.one(METRICS_ADDRESS),
                reader.one(LOG_FORMAT),
                reader.one(LOG_LEVEL));
    }

    private static InlineRules inline(SettingsReader reader, List<PoolConfig> pools) {
        List<PoolName> there = pools.stream().map(PoolConfig::name).toList();
        List<PoolName> named = reader.all(INLINE_POOL);
        named.stream().filter(name -> !there.contains(name)).findFirst().ifPresent(name -> {
            throw Fault.invalid(INLINE_POOL.flag(), name.text(), "no pool has this name; there are " + there);
        });
        return new InlineRules(Set.copyOf(named), reader.one(INLINE_MAX_SIZE));
    }

    /**
     * What of a machine is looked at before a driver runs.
     *
     * @param hostPaths the folders below which existing paths may be mounted
     */
    public record Machine(List<PoolConfig> pools, HostPaths hostPaths, Path stateDir) {
        public Machine {
            pools = List.copyOf(pools);
        }
    }

    /** Reads what {@code berth doctor} looks at; as {@link #readPools} otherwise. */
    public static Machine readMachine(Map<String, List<String>> flags, Map<String, String> environment) {
        List<PoolConfig> pools = readPools(flags, environment);
        SettingsReader reader = new SettingsReader(flags, environment);
        reader.check(List.of(ALLOW_HOST_PATH, ALLOW_INLINE_HOST_PATH, STATE_DIR));
        return new Machine(
                pools,
                new HostPaths(
                        reader.all(ALLOW_HOST_PATH), reader.all(ALLOW_INLINE_HOST_PATH), () -> Pools.folders(pools)),
                reader.one(STATE_DIR));
    }

    /**
     * Reads the pools alone, for commands that need no more.
     *
     * @throws Fault INVALID_ARGUMENT as {@link #read} does, and when there is no pool
     */
    public static List<PoolConfig> readPools(Map<String, List<String>> flags, Map<String, String> environment) {
        SettingsReader reader = new SettingsReader(flags, environment);
        reader.check(List.of(POOL));
        List<PoolConfig> pools = reader.all(POOL);
        if (pools.isEmpty()) {
            throw new Fault(
                    Fault.Kind.INVALID_ARGUMENT,
                    "no pool is set: give " + POOL.flag() + " NAME=KIND:PATH, the variable " + POOL.variable()
                            + " or --config FILE");
        }
        return pools;
    }
}
