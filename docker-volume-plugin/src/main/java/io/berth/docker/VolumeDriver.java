package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.mount.MountTable;
import io.berth.service.NodeVolumes;
import io.berth.service.Volumes;
import io.berth.volume.AccessMode;
import io.berth.volume.ByteSize;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
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

    /** Longer than any step within a volume's lock may take, and shorter than the 120 s after which Docker gives up. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** What {@link #list} gives at most: Docker's list has no pages, so all of it is in memory at once. */
    private static final int MAX_LIST = 10_000;

    private final Volumes volumes;
    private final NodeVolumes node;
    private final VolumeNames names;
    private final Path mounts;
    private final MountIds ids;
    private final NameLocks locks = new NameLocks(PATIENCE);

    private VolumeDriver(Volumes volumes, NodeVolumes node, VolumeNames names, Path mounts, MountIds ids) {
        this.volumes = volumes;
        this.node = node;
        this.names = names;
        this.mounts = mounts;
        this.ids = ids;
    }

    /**
     * Opens what is kept about Docker on this machine, making it where it is missing.
     *
     * @param settings where that is, and the default pool
     * @throws Fault FAILED_PRECONDITION when the state cannot be kept there, INVALID_ARGUMENT for a default pool that is none
     */
    public static VolumeDriver open(DockerSettings settings, Volumes volumes, NodeVolumes node) {
        VolumeNames names = new VolumeNames(volumes, settings.defaultPool());
        try {
            Path state = folder(settings.stateDir(), "rwx--x--x");
            Path docker = folder(state.resolve("docker"), "rwx--x--x");
            // Containers in user namespaces pass through here, so others may. It is beside the folder of the state
            // because
            // for a plugin that Docker runs, one is Docker's and the other the machine's.
            Path mounts = folder(state.resolve("mounts"), "rwx--x--x");
            return new VolumeDriver(
                    volumes, node, names, mounts, MountIds.open(folder(docker.resolve("ids"), "rwx------")));
        } catch (IOException e) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "cannot keep Docker's state in " + settings.stateDir() + ": " + e + "; choose another --state-dir",
                    e);
        }
    }

    private static Path folder(Path path, String mode) throws IOException {
        Files.createDirectories(path);
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
        return path.toRealPath();
    }

    /**
     * A volume as Docker shows it.
     *
     * @param mountpoint empty while it is not mounted
     */
    public record Shown(String name, Optional<Path> mountpoint, Instant created, Map<String, Object> status) {}

    /**
     * Makes a volume; does nothing when it is there and its options are the same, or none are given.
     *
     * @throws Fault INVALID_ARGUMENT for an option that is not known or not allowed, ALREADY_EXISTS when a volume of this
     *     name differs
     */
    public void create(String name, Map<String, String> options) {
        CreateOptions wanted = CreateOptions.parse(options);
        try (NameLocks.Held lock = lock(name)) {
            Optional<Volume> there = names.find(name);
            if (there.isPresent() && options.isEmpty()) {
                return; // docker run creates what it mounts
            }
            VolumeNames.Place place =
                    there.isPresent() ? placeOf(there.get(), wanted) : names.place(name, wanted.pool());
            volumes.create(new Volumes.Wanted(
                    place.name(),
                    wanted.capacity(),
                    parameters(wanted, place, place.name().equals(name)),
                    false));
        }
    }

    private static VolumeNames.Place placeOf(Volume there, CreateOptions wanted) {
        if (wanted.pool().filter(pool -> !pool.equals(there.id().pool())).isPresent()) {
            throw new Fault(
                    Fault.Kind.ALREADY_EXISTS,
                    "volume " + there.id() + " exists and its pool is "
                            + there.id().pool() + ", which differs from what is asked");
        }
        return new VolumeNames.Place(there.id().pool(), there.requestedName());
    }

    private static VolumeParameters parameters(CreateOptions wanted, VolumeNames.Place place, boolean ownName) {
        Map<String, String> strings = new TreeMap<>(wanted.parameters());
        strings.put(VolumeParameters.POOL, place.pool().text());
        VolumeParameters parameters = VolumeParameters.parse(strings);
        return ownName ? parameters.with(VolumeNames.MADE_AS, place.name()) : parameters;
    }

    /**
     * Deletes a volume; does nothing when there is none. Docker asks only for one that no container refers to, so ids that
     * are left are stale.
     *
     * @throws Fault FAILED_PRECONDITION when it is in use through CSI
     */
    public void remove(String name) {
        try (NameLocks.Held lock = lock(name)) {
            Optional<Volume> volume = names.find(name);
            takeAway(name, volume);
            volume.ifPresent(found -> volumes.delete(found.id().toString()));
            ids.clear(name);
        }
    }

    /**
     * Mounts a volume for an id.
     *
     * @return where, always absolute
     * @throws Fault NOT_FOUND when there is no such volume
     */
    public Path mount(String name, String id) {
        try (NameLocks.Held lock = lock(name)) {
            Volume volume = get(name);
            boolean isNew = ids.add(name, id);
            try {
                node.stage(
                        volume.id().toString(),
                        mountpoint(name),
                        AccessMode.SINGLE_NODE_MULTI_WRITER,
                        OptionalLong.empty(),
                        Map.of());
                return mountpoint(name);
            } catch (RuntimeException e) {
                if (isNew) {
                    ids.remove(name, id);
                }
                throw e;
            }
        }
    }

    /** Takes back an id, and the mount with the last of them. Does nothing when there is no such id, volume or mount. */
    public void unmount(String name, String id) {
        try (NameLocks.Held lock = lock(name)) {
            ids.remove(name, id);
            if (ids.of(name).isEmpty()) {
                takeAway(name, findAnyway(name));
            }
        }
    }

    /** A volume whose pool does not answer can be unmounted all the same. */
    private Optional<Volume> findAnyway(String name) {
        try {
            return names.find(name);
        } catch (Fault e) {
            LOG.warn("unmounting {} without its record: {}", name, e.getMessage());
            return Optional.empty();
        }
    }

    private void takeAway(String name, Optional<Volume> volume) {
        Path mountpoint = mountpoint(name);
        if (isMounted(mountpoint)) {
            node.unstage(volume.map(found -> found.id().toString()).orElse(name), mountpoint);
        }
        try {
            Files.deleteIfExists(mountpoint);
        } catch (IOException e) {
            throw new Fault(Fault.Kind.FAILED_PRECONDITION, "cannot remove the folder " + mountpoint + ": " + e, e);
        }
    }

    /**
     * Where a volume is mounted; empty while it is not.
     *
     * @throws Fault NOT_FOUND when there is no such volume
     */
    public Optional<Path> path(String name) {
        get(name);
        return Optional.of(mountpoint(name)).filter(VolumeDriver::isMounted);
    }

    /**
     * One volume, as far as this machine knows it.
     *
     * @throws Fault NOT_FOUND when there is no such volume
     */
    public Shown show(String name) {
        return show(name, get(name), MountTable.read());
    }

    /** All volumes of the pools that can be used, at most 10,000. */
    public List<Shown> list() {
        List<Volume> all = new ArrayList<>();
        volumes.pools().forEach(pool -> {
            try {
                all.addAll(volumes.first(MAX_LIST - all.size(), pool.name()));
            } catch (Fault e) {
                LOG.warn("left out of the list: {}", e.getMessage());
            }
        });
        all.removeIf(Volume::ephemeral);
        if (all.size() == MAX_LIST) {
            LOG.warn("the list is cut at {} volumes; the others can be used by name", MAX_LIST);
        }
        MountTable table = MountTable.read();
        List<Shown> shown = new ArrayList<>();
        new TreeMap<>(names.of(all)).forEach((name, volume) -> shown.add(show(name, volume, table)));
        return shown;
    }

    private Shown show(String name, Volume volume, MountTable table) {
        Path mountpoint = mountpoint(name);
        return new Shown(name, table.at(mountpoint).map(mount -> mountpoint), volume.created(), status(name, volume));
    }

    private Map<String, Object> status(String name, Volume volume) {
        Map<String, Object> status = new HashMap<>();
        status.put("id", volume.id().toString());
        status.put("pool", volume.id().pool().text());
        status.put("kind", volumes.kind(volume).toString());
        status.put("path", volumes.location(volume).toString());
        status.put("onDelete", volume.onDelete().toString());
        status.put("mountIds", ids.of(name).size());
        if (volume.capacityBytes() > 0) {
            status.put("size", ByteSize.format(volume.capacityBytes()));
        }
        status.put("health", volumes.problem(volume).map(Fault::getMessage).orElse("ok"));
        return status;
    }

    /** A name is checked before anything is done by it, for it becomes a path. */
    private NameLocks.Held lock(String name) {
        VolumeNames.check(name);
        return locks.lock(name);
    }

    private Volume get(String name) {
        return names.find(name)
                .orElseThrow(() -> new Fault(Fault.Kind.NOT_FOUND, "there is no volume " + Fault.quote(name)));
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
        ids.close();
    }
}
