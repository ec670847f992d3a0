package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.pool.PoolConfig;
import io.berth.pool.PoolKind;
import io.berth.service.Health;
import io.berth.service.KeyLocks;
import io.berth.service.NodeVolumes;
import io.berth.service.Snapshots;
import io.berth.service.Volumes;
import io.berth.volume.Limit;
import io.berth.volume.PoolName;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * What Docker can ask of a volume plugin, over the volumes that every door shares: which there are. What is mounted,
 * {@link #mounted} knows; what is shown, {@link #shown}.
 *
 * <p>Every call may be repeated, by this process or the next. Thread-safe: calls that change one volume wait for each
 * other, those that only ask wait for nobody.
 */
public final class VolumeDriver implements AutoCloseable {
    private static final String DOCKER = "docker";

    /** Where, in the folder of the state, each id of a Mount is kept. */
    static final String IDS = DOCKER + "/ids";

    /** Where, in the folder of the state, each volume's record is kept. */
    static final String RECORDS = DOCKER + "/volumes";

    /** What a pool that owes an answer is asked next. */
    private static final Duration FOR_SILENT = Duration.ofMillis(100);

    private static final int ASKING_THREADS = 8;
    private static final int CHANGING_THREADS = 32;

    private final Volumes volumes;
    private final Snapshots snapshots;
    private final NodeVolumes node;
    private final VolumeNames names;
    private final Places places;
    private final MountIds ids;
    private final LocalRecords records;
    private final boolean removeAll;
    private final MountedVolumes mounted;
    private final ShownVolumes shown;
    private final NameLocks locks = new NameLocks(Patience.FOR_LOCK);
    private final PlaceCalls asks = new PlaceCalls("docker-ask", ASKING_THREADS, FOR_SILENT);
    private final PlaceCalls changes = new PlaceCalls("docker-change", CHANGING_THREADS, Patience.FOR_MAKING);

    private VolumeDriver(
            DockerSettings settings,
            Volumes volumes,
            Snapshots snapshots,
            NodeVolumes node,
            Health health,
            Duration forAsking)
            throws IOException {
        this.volumes = volumes;
        this.snapshots = snapshots;
        this.node = node;
        // Nobody passes through here: what containers make in volumes, setuid programs and devices too, is not for the
        // users of the machine. Where root in containers is another user, its group may.
        Path state = folder(settings.stateDir(), settings.stateGroup());
        folder(state.resolve(DOCKER), OptionalInt.empty());
        // It lies beside the folder of ids, for of a plugin that Docker runs, Docker keeps the one and the machine the
        // other.
        Path mounts = folder(state.resolve("mounts"), settings.stateGroup());
        this.ids = MountIds.open(folder(state.resolve(IDS), OptionalInt.empty()));
        this.records = LocalRecords.open(folder(state.resolve(RECORDS), OptionalInt.empty()));
        this.removeAll = settings.removeAll();
        this.names = new VolumeNames(volumes, records, asks, settings.defaultPool());
        this.places = new Places(volumes, node.exports(), records);
        this.mounted = new MountedVolumes(volumes, node, names, records, ids, mounts, locks, places, changes);
        this.shown = new ShownVolumes(
                volumes,
                new VolumeStatus(volumes, snapshots, node, health),
                names,
                records,
                ids,
                mounts,
                places,
                asks,
                forAsking);
    }

    /**
     * Opens what is kept about Docker on this machine, making it where it is missing.
     *
     * @param settings where that is, and the default pool
     * @throws Fault FAILED_PRECONDITION when the state cannot be kept there, INVALID_ARGUMENT for a default pool that is none
     */
    public static VolumeDriver open(
            DockerSettings settings, Volumes volumes, Snapshots snapshots, NodeVolumes node, Health health) {
        return open(settings, volumes, snapshots, node, health, ShownVolumes.FOR_ASKING);
    }

    /** As the other, with another patience for pools that are asked what is shown. */
    static VolumeDriver open(
            DockerSettings settings,
            Volumes volumes,
            Snapshots snapshots,
            NodeVolumes node,
            Health health,
            Duration forAsking) {
        try {
            return new VolumeDriver(settings, volumes, snapshots, node, health, forAsking);
        } catch (IOException e) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "cannot keep Docker's state in " + settings.stateDir() + ": " + Fault.reason(e)
                            + "; choose another --state-dir",
                    e);
        }
    }

    private static Path folder(Path path, OptionalInt group) throws IOException {
        Files.createDirectories(path);
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
        if (group.isPresent()) {
            Files.setAttribute(path, "unix:gid", group.getAsInt());
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx--x---"));
        }
        return path.toRealPath();
    }

    /**
     * Makes a volume; does nothing when it is there and its options are the same, or none are given.
     *
     * @throws Fault INVALID_ARGUMENT for an option that is not known or not allowed, ALREADY_EXISTS when a volume of this
     *     name differs, BUSY while it is being copied
     */
    public void create(String name, Map<String, String> options) {
        CreateOptions wanted = CreateOptions.parse(name, options);
        try (KeyLocks.Held lock = locks.lock(name)) {
            Optional<LocalRecord.Outside> outside = records.outside(name);
            Optional<Volume> inPool = names.find(name, pool -> needed(pool, wanted), Patience.FOR_FINDING);
            if (options.isEmpty() && (outside.isPresent() || inPool.isPresent())) {
                return; // docker run creates what it mounts
            }
            switch (wanted) {
                case CreateOptions.InPool asked -> {
                    requireNone(name, outside.isPresent(), "in no pool");
                    create(name, asked, inPool);
                }
                case CreateOptions.Outside asked -> {
                    requireNone(name, inPool.isPresent(), "in a pool");
                    create(name, asked, outside);
                }
            }
        }
    }

    /** Whether a new volume must wait for a pool that might have one of its name. Who says where it is to be need not. */
    private static boolean needed(PoolName pool, CreateOptions wanted) {
        return switch (wanted) {
            case CreateOptions.InPool asked -> asked.pool().map(pool::equals).orElse(true);
            case CreateOptions.Outside asked -> false;
        };
    }

    private static void requireNone(String name, boolean exists, String where) {
        if (exists) {
            throw new Fault(
                    Fault.Kind.ALREADY_EXISTS,
                    "volume " + Fault.quote(name) + " exists and is " + where + ", which differs from what is asked");
        }
    }

    private void create(String name, CreateOptions.InPool wanted, Optional<Volume> there) {
        Optional<Source> source = wanted.from().map(text -> names.source(text, snapshots, Patience.FOR_FINDING));
        VolumeNames.Place place = there.isPresent()
                ? placeOf(there.get(), wanted)
                : names.place(
                        name, wanted.pool().or(() -> source.map(of -> of.id().pool())));
        Volumes.Wanted volume = new Volumes.Wanted(
                place.name(),
                wanted.capacity(),
                parameters(name, wanted, place),
                false,
                false,
                Optional.empty(),
                source);
        Volume made = changes.within(Patience.FOR_MAKING, Places.of(place.pool()), () -> {
            there.filter(Volume::adopted).ifPresent(found -> volumes.adopt(found.id()));
            return volumes.create(volume, Patience.FOR_MAKING.minusSeconds(5));
        });
        records.remember(name, made, there.isEmpty() || records.isNew(name));
    }

    private void create(String name, CreateOptions.Outside wanted, Optional<LocalRecord.Outside> there) {
        names.checkOutside(name);
        there.filter(record -> !record.attributes().equals(wanted.attributes())
                        || !record.options().equals(wanted.options()))
                .ifPresent(other -> {
                    throw new Fault(
                            Fault.Kind.ALREADY_EXISTS,
                            "volume " + Fault.quote(name) + " exists and has other options: "
                                    + VolumeStatus.ofOutside(other));
                });
        Map<String, String> attributes =
                there.map(LocalRecord.Outside::mountAttributes).orElse(wanted.attributes());
        String handle = LocalRecord.Outside.handle(name);
        changes.run(Patience.FOR_MAKING, places.of(attributes), () -> {
            if (there.isEmpty() && wanted.makesFolder()) {
                node.makeFolder(handle, attributes);
            }
            node.check(handle, attributes);
        });
        if (there.isEmpty()) {
            records.put(
                    name,
                    new LocalRecord.Outside(
                            Instant.now().truncatedTo(ChronoUnit.SECONDS), wanted.attributes(), wanted.options()));
        }
    }

    private static VolumeNames.Place placeOf(Volume there, CreateOptions.InPool wanted) {
        if (wanted.pool().filter(pool -> !pool.equals(there.id().pool())).isPresent()) {
            throw new Fault(
                    Fault.Kind.ALREADY_EXISTS,
                    "volume " + there.id() + " exists and its pool is "
                            + there.id().pool() + ", which differs from what is asked");
        }
        return new VolumeNames.Place(there.id().pool(), there.requestedName());
    }

    private Optional<Limit> limit(PoolName pool) {
        return volumes.pools().stream()
                .filter(config -> config.name().equals(pool))
                .findFirst()
                .flatMap(PoolConfig::limit);
    }

    /** Who gives Docker a size means a limit, whatever kind of pool it is; only a pool's own setting stands against it. */
    private VolumeParameters parameters(String name, CreateOptions.InPool wanted, VolumeNames.Place place) {
        Map<String, String> strings = new TreeMap<>(wanted.parameters());
        strings.put(VolumeParameters.POOL, place.pool().text());
        if (wanted.capacity().wanted().isPresent() && limit(place.pool()).isEmpty()) {
            strings.putIfAbsent(VolumeParameters.LIMIT, Limit.ENFORCED.toString());
        }
        return VolumeParameters.parse(strings).with(VolumeNames.MADE_AS, name);
    }

    /**
     * Deletes a volume; does nothing when there is none, but carries through a delete that failed halfway. Docker asks only
     * for one that no container refers to, so ids that are left are stale. What is outside of pools, and folders that were
     * found, stay as they are.
     *
     * @throws Fault FAILED_PRECONDITION when it is in use through CSI, or Docker did not make it and may not remove it
     */
    public void remove(String name) {
        try (KeyLocks.Held lock = locks.lock(name)) {
            Optional<Volume> volume = names.find(name, Patience.FOR_FINDING);
            volume.ifPresent(this::requireMayRemove);
            changes.run(Patience.FOR_TAKING_AWAY, places.of(name, volume), () -> {
                mounted.takeAway(name, volume);
                volume.ifPresent(found -> volumes.delete(found.id().toString()));
            });
            if (volume.isEmpty() && records.outside(name).isEmpty()) {
                for (VolumeId id : names.mayHaveBeen(name)) {
                    changes.run(Patience.FOR_FINDING, Places.of(id.pool()), () -> volumes.finishDelete(id));
                }
            }
            ids.clear(name);
            records.remove(name);
        }
    }

    /** Of those of a pool Docker is shown all, and {@code docker volume prune} removes what no container uses. */
    private void requireMayRemove(Volume volume) {
        if (!removeAll && !Volumes.isFound(volume) && !VolumeNames.isMadeByDocker(volume)) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume " + volume.id()
                            + " was not made by Docker, so Docker does not remove it; berth volumes delete "
                            + volume.id() + " does, or docker-remove-all in Berth's settings lets Docker");
        }
    }

    /** What is mounted of the volumes. */
    public MountedVolumes mounted() {
        return mounted;
    }

    /** What Docker is shown of the volumes. */
    ShownVolumes shown() {
        return shown;
    }

    /** Whether a volume is the same one on every machine that has these pools; a swarm then takes it for one. */
    public boolean isGlobal() {
        return areGlobal(volumes.pools());
    }

    static boolean areGlobal(List<PoolConfig> pools) {
        return !pools.isEmpty() && pools.stream().allMatch(pool -> pool.kind() == PoolKind.NFS);
    }

    /** Leaves mounts and ids as they are, for the next start. */
    @Override
    public void close() {
        asks.close();
        changes.close();
        ids.close();
        records.close();
    }
}
