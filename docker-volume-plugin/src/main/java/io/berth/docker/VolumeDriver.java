package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountTable;
import io.berth.mount.OtherNamespaces;
import io.berth.pool.PoolConfig;
import io.berth.pool.PoolKind;
import io.berth.service.Health;
import io.berth.service.NodeVolumes;
import io.berth.service.PublishRequest;
import io.berth.service.Snapshots;
import io.berth.service.Volumes;
import io.berth.volume.AccessMode;
import io.berth.volume.Limit;
import io.berth.volume.Ownership;
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
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What Docker can ask of a volume plugin, over the volumes that every door shares. A volume is mounted once on this
 * machine, for as long as Docker has ids for it, at {@code STATE/mounts/NAME}; containers are given bind mounts of
 * that. Whether it is mounted, the mount table says; for whom, {@link MountIds}.
 *
 * <p>Every call may be repeated, by this process or the next. Thread-safe: calls that change one volume wait for each
 * other, those that only ask wait for nobody.
 */
public final class VolumeDriver implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(VolumeDriver.class);

    // Docker gives up Create and Mount after 120 s and the other calls after 60 s; these, added up, are less.
    private static final Duration FOR_LOCK = Duration.ofSeconds(20);
    private static final Duration FOR_FINDING = Duration.ofSeconds(5);
    private static final Duration FOR_MAKING = Duration.ofSeconds(75);
    private static final Duration FOR_TAKING_AWAY = Duration.ofSeconds(20);
    private static final Duration BETWEEN_TRIES = Duration.ofSeconds(1);
    /** What a pool that owes an answer is asked next. */
    private static final Duration FOR_SILENT = Duration.ofMillis(100);

    private static final Set<String> ASKED_OF_OWNER =
            Set.of(VolumeParameters.UID, VolumeParameters.GID, VolumeParameters.MODE);

    private static final int ASKING_THREADS = 8;
    private static final int CHANGING_THREADS = 32;

    /** The place of the host's own paths, beside those of the pools. */
    private static final String HOST = "the host's paths";

    private final Volumes volumes;
    private final Snapshots snapshots;
    private final NodeVolumes node;
    private final VolumeNames names;
    private final Path mounts;
    private final MountIds ids;
    private final LocalRecords records;
    private final boolean removeAll;
    private final ShownVolumes shown;
    private final NameLocks locks = new NameLocks(FOR_LOCK);
    private final PlaceCalls asks = new PlaceCalls("docker-ask", ASKING_THREADS, FOR_SILENT);
    private final PlaceCalls changes = new PlaceCalls("docker-change", CHANGING_THREADS, FOR_MAKING);

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
        Path docker = folder(state.resolve("docker"), OptionalInt.empty());
        // It lies beside the folder of ids, for of a plugin that Docker runs, Docker keeps the one and the machine the
        // other.
        this.mounts = folder(state.resolve("mounts"), settings.stateGroup());
        this.ids = MountIds.open(folder(docker.resolve("ids"), OptionalInt.empty()));
        this.records = LocalRecords.open(folder(docker.resolve("volumes"), OptionalInt.empty()));
        this.removeAll = settings.removeAll();
        this.names = new VolumeNames(volumes, records, asks, settings.defaultPool());
        this.shown = new ShownVolumes(
                volumes,
                new VolumeStatus(volumes, snapshots, node, health),
                names,
                records,
                ids,
                mounts,
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
        CreateOptions wanted = CreateOptions.parse(options);
        try (NameLocks.Held lock = lock(name)) {
            Optional<LocalRecord.Outside> outside = records.outside(name);
            Optional<Volume> inPool = names.find(name, pool -> needed(pool, wanted), FOR_FINDING);
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
        Optional<Source> source = wanted.from().map(text -> names.source(text, snapshots, FOR_FINDING));
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
        Volume made = changes.within(FOR_MAKING, VolumeNames.place(place.pool()), () -> {
            there.filter(Volume::adopted).ifPresent(found -> volumes.adopt(found.id()));
            return volumes.create(volume, FOR_MAKING.minusSeconds(5));
        });
        remember(name, made, there.isEmpty() || isNew(name));
    }

    private void create(String name, CreateOptions.Outside wanted, Optional<LocalRecord.Outside> there) {
        names.checkOutside(name);
        within(FOR_MAKING, placeOf(wanted.attributes()), () -> node.check(handle(name), wanted.attributes()));
        if (there.isEmpty()) {
            records.put(
                    name,
                    new LocalRecord.Outside(
                            Instant.now().truncatedTo(ChronoUnit.SECONDS), wanted.attributes(), wanted.options()));
        } else if (!there.get().attributes().equals(wanted.attributes())
                || !there.get().options().equals(wanted.options())) {
            throw new Fault(
                    Fault.Kind.ALREADY_EXISTS,
                    "volume " + Fault.quote(name) + " exists and has other options: "
                            + VolumeStatus.ofOutside(there.get()));
        }
    }

    private void remember(String name, Volume volume, boolean isNew) {
        records.put(name, new LocalRecord.InPool(volume.created(), volume.id(), isNew));
    }

    private boolean isNew(String name) {
        return records.inPool(name).filter(LocalRecord.InPool::isNew).isPresent();
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
        try (NameLocks.Held lock = lock(name)) {
            Optional<Volume> volume = names.find(name, FOR_FINDING);
            volume.ifPresent(this::requireMayRemove);
            within(FOR_TAKING_AWAY, placeOf(name, volume), () -> {
                takeAway(name, volume);
                volume.ifPresent(found -> volumes.delete(found.id().toString()));
            });
            if (volume.isEmpty() && records.outside(name).isEmpty()) {
                for (VolumeId id : names.mayHaveBeen(name)) {
                    within(FOR_FINDING, VolumeNames.place(id.pool()), () -> volumes.finishDelete(id));
                }
            }
            ids.clear(name);
            records.remove(name);
        }
    }

    /** Of those of a pool Docker is shown all, and {@code docker volume prune} removes what no container uses. */
    private void requireMayRemove(Volume volume) {
        if (!removeAll && !volume.adopted() && !VolumeNames.isMadeByDocker(volume)) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume " + volume.id()
                            + " was not made by Docker, so Docker does not remove it; berth volumes delete "
                            + volume.id() + " does, or docker-remove-all in Berth's settings lets Docker");
        }
    }

    /** The place whose storage work on a volume may wait for. */
    private String placeOf(String name, Optional<Volume> volume) {
        return records.outside(name)
                .map(outside -> placeOf(outside.attributes()))
                .or(() -> volume.map(found -> VolumeNames.place(found.id().pool())))
                .orElse(HOST);
    }

    /** That of a volume in no pool: the folders of an export wait for the pool that has it. */
    private String placeOf(Map<String, String> attributes) {
        Map<String, String> share = new TreeMap<>(attributes);
        share.keySet().retainAll(Set.of(VolumeParameters.SERVER, VolumeParameters.SHARE));
        return volumes.pool(VolumeParameters.parse(share))
                .map(VolumeNames::place)
                .orElse(HOST);
    }

    private void within(Duration patience, String place, Runnable work) {
        changes.within(patience, place, work, () -> {});
    }

    /**
     * Mounts a volume for an id.
     *
     * @return where, always absolute
     * @throws Fault NOT_FOUND when there is no such volume
     */
    public Path mount(String name, String id) {
        try (NameLocks.Held lock = lock(name)) {
            long end = System.nanoTime() + FOR_MAKING.toNanos();
            Optional<Volume> volume = records.outside(name).isPresent()
                    ? Optional.empty()
                    : Optional.of(whenThere(
                            end, left -> names.find(name, FOR_FINDING).orElseThrow(() -> ShownVolumes.noSuch(name))));
            boolean known = ids.has(name, id);
            try {
                whenThere(end, left -> {
                    changes.within(left, placeOf(name, volume), () -> mount(name, volume), () -> takeBack(name));
                    return true;
                });
            } catch (RuntimeException e) {
                if (known) {
                    ids.add(name, id, () -> isUsed(name)); // Docker calls Unmount all the same
                }
                throw e;
            }
            try {
                ids.add(name, id, () -> isUsed(name));
                volume.ifPresent(found -> remember(name, found, isNew(name)));
            } catch (RuntimeException e) {
                takeBack(name);
                throw e;
            }
            return mountpoint(name);
        }
    }

    /** Waits for a server or a disk that is not there yet, as after a boot: Docker starts the container once only. */
    private static <T> T whenThere(long end, Function<Duration, T> attempt) {
        for (; ; ) {
            try {
                return attempt.apply(Duration.ofNanos(Math.max(end - System.nanoTime(), 0)));
            } catch (Fault e) {
                if (e.kind() != Fault.Kind.UNAVAILABLE || end - System.nanoTime() < BETWEEN_TRIES.toNanos()) {
                    throw e;
                }
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(BETWEEN_TRIES);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Fault(Fault.Kind.UNAVAILABLE, "Berth stops", e);
        }
    }

    private void mount(String name, Optional<Volume> volume) {
        Path mountpoint = mountpoint(name);
        if (volume.isEmpty()) {
            mount(name, records.outside(name).orElseThrow(() -> ShownVolumes.noSuch(name)), mountpoint);
            return;
        }
        VolumeId id = volume.get().id();
        if (volume.get().adopted()) {
            volumes.adopt(id);
        }
        stage(id.toString(), mountpoint, Map.of());
    }

    private void mount(String name, LocalRecord.Outside record, Path mountpoint) {
        if (record.isShare()) {
            stage(handle(name), mountpoint, record.attributes());
        } else {
            node.publish(PublishRequest.inline(handle(name), mountpoint, record.options(), record.attributes()));
        }
    }

    private void stage(String id, Path mountpoint, Map<String, String> context) {
        node.stage(id, mountpoint, AccessMode.SINGLE_NODE_MULTI_WRITER, OptionalLong.empty(), context);
    }

    /** Undoes a mount that nobody waited for to its end. */
    private void takeBack(String name) {
        try (NameLocks.Held lock = lock(name)) {
            if (ids.of(name).isEmpty()) {
                unmount(name);
            }
        } catch (Fault e) {
            LOG.warn("volume {} stays mounted though Docker was told that it is not: {}", name, e.getMessage());
        }
    }

    /** Takes back an id, and the mount with the last of them. Does nothing when there is no such id, volume or mount. */
    public void unmount(String name, String id) {
        try (NameLocks.Held lock = lock(name)) {
            ids.remove(name, id);
            ids.removeUnused(name, () -> isUsed(name));
            if (ids.of(name).isEmpty()) {
                unmount(name);
            }
        }
    }

    /** Whether a container may have the volume, whatever Docker told. */
    private boolean isUsed(String name) {
        return OtherNamespaces.mayHave(mountpoint(name));
    }

    /** A dockerd begins to use this plugin. */
    void activated() {
        ids.activated();
    }

    /** A volume whose pool does not answer, or whose record cannot be read, can be unmounted all the same. */
    private void unmount(String name) {
        Optional<Volume> volume;
        try {
            volume = names.find(name, FOR_FINDING);
        } catch (Fault e) {
            LOG.warn("unmounting {} without its record: {}", name, e.getMessage());
            unmount(name, e);
            return;
        }
        within(FOR_TAKING_AWAY, placeOf(name, volume), () -> {
            volume.filter(found -> isNew(name)).ifPresent(found -> own(name, found));
            takeAway(name, volume);
        });
    }

    /**
     * Gives a volume once more what was asked for of owner and mode: before its first container starts, Docker has mounted
     * it, copied the image's files into it with the owner and mode of their folder, and unmounted it.
     */
    private void own(String name, Volume volume) {
        Set<String> given = volume.parameters().keySet();
        if (ASKED_OF_OWNER.stream().anyMatch(given::contains) && isMounted(mountpoint(name))) {
            try (Directory root = Directory.open(mountpoint(name))) {
                FileStatus now = root.status();
                Ownership ownership = volume.ownership().over(new Ownership(now.uid(), now.gid(), now.mode()), given);
                root.chown((int) ownership.uid(), (int) ownership.gid());
                root.chmod(ownership.mode()); // after chown, which clears setuid and setgid bits
            } catch (SystemCallException e) {
                LOG.warn("volume {} may have another owner or mode than asked for: {}", name, e.getMessage());
            }
        }
        remember(name, volume, false);
    }

    private void unmount(String name, Fault noRecord) {
        try {
            within(FOR_TAKING_AWAY, placeOf(name, Optional.empty()), () -> takeAway(name, Optional.empty()));
        } catch (Fault e) {
            throw new Fault(noRecord.kind(), noRecord.getMessage() + "; without its record: " + e.getMessage(), e);
        }
    }

    private void takeAway(String name, Optional<Volume> volume) {
        Path mountpoint = mountpoint(name);
        if (isMounted(mountpoint)) {
            Optional<LocalRecord.Outside> outside = records.outside(name);
            if (outside.isEmpty()) {
                Optional<VolumeId> id =
                        volume.map(Volume::id).or(() -> records.inPool(name).map(LocalRecord.InPool::id));
                node.unstage(id.map(VolumeId::toString).orElse(name), mountpoint);
            } else if (outside.get().isShare()) {
                node.unstage(handle(name), mountpoint);
            } else {
                node.unpublish(handle(name), mountpoint);
            }
        }
        try {
            Files.deleteIfExists(mountpoint);
        } catch (IOException e) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "cannot remove the folder " + mountpoint + ": " + Fault.reason(e),
                    e);
        }
    }

    /**
     * Where a volume is mounted; empty while it is not.
     *
     * @throws Fault NOT_FOUND when there is no such volume
     */
    public Optional<Path> path(String name) {
        VolumeNames.check(name);
        Optional<Path> mounted = Optional.of(mountpoint(name)).filter(VolumeDriver::isMounted);
        return mounted.isPresent() ? mounted : shown.one(name).mountpoint();
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

    /** A name is checked before anything is done by it, for it becomes a path. */
    private NameLocks.Held lock(String name) {
        VolumeNames.check(name);
        return locks.lock(name);
    }

    /** What the core calls a volume that is in no pool; with the colon it is no volume's id. */
    private static String handle(String name) {
        return "docker:" + name;
    }

    private Path mountpoint(String name) {
        return mounts.resolve(name);
    }

    private static boolean isMounted(Path mountpoint) {
        return MountTable.read().at(mountpoint).isPresent();
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
