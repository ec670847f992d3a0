package io.berth.service;

import io.berth.fault.Fault;
import io.berth.format.Formats;
import io.berth.hostpath.HostPaths;
import io.berth.linux.Errno;
import io.berth.linux.PathHandle;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.pool.Pool;
import io.berth.pool.Pools;
import io.berth.volume.HealthProblem;
import io.berth.volume.PoolName;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What an id that comes to the node means, and whether a mount is its. */
final class VolumeLookup {
    private static final Logger LOG = LoggerFactory.getLogger(VolumeLookup.class);
    private static final Path FILE_SYSTEM_ROOT = Path.of("/");

    /** How the mount table names the device of an image. It may be gone by now, so no more is known of it. */
    private static final String LOOP_DEVICES = "7:";

    private final Pools pools;
    private final HostPaths hostPaths;
    private final Set<PoolName> inlinePools;
    private final NfsShares shares;

    /**
     * What is mounted of these pools and paths.
     *
     * @param inlinePools where inline volumes may be made
     */
    VolumeLookup(Pools pools, HostPaths hostPaths, Set<PoolName> inlinePools) {
        this.pools = pools;
        this.hostPaths = hostPaths;
        this.inlinePools = inlinePools;
        this.shares = new NfsShares(pools);
    }

    /** A volume with a record, and its pool. */
    record Found(Pool pool, Volume volume) {
        List<MountPoint> mounts(MountTable table) {
            return pool.format(volume).mounts(volume, table);
        }

        /** As {@link #mounts}, with those whose folder was removed at the volume's path, which show the volume no more. */
        List<MountPoint> mountsAndDead(MountTable table) {
            List<MountPoint> all = new ArrayList<>(mounts(table));
            Path path = volume.path().toPath();
            table.mounts().stream()
                    .filter(MountPoint::rootRemoved)
                    .filter(mount -> pool.folder()
                            .origin()
                            .relativize(mount)
                            .filter(path::equals)
                            .isPresent())
                    .forEach(all::add);
            return all;
        }

        /** Whether what is mounted at a path is this volume, and alive. The mount table tells neither for sure. */
        boolean isShownAt(Path path) {
            Supplier<Boolean> look = () -> {
                try (PathHandle at = PathHandle.open(path).orElse(null)) {
                    return at != null && !at.isStale() && pool.format(volume).isAt(volume, at);
                } catch (SystemCallException e) {
                    if (e.errno() == Errno.ESTALE) {
                        return false;
                    }
                    throw e;
                }
            };
            return pool.calls().map(calls -> calls.call(look)).orElseGet(look);
        }

        /** Gives back what this node holds for the volume; the caller has its lock. */
        void release() {
            pool.format(volume).release(volume);
        }
    }

    /**
     * The volume with this id, or the inline volume of this handle; empty for host paths and volumes in memory.
     *
     * @param shown as {@link #inlineVolumes} has it; asked for only when there is no volume with this id
     */
    Optional<Found> find(String id, Supplier<Optional<MountPoint>> shown) {
        return byId(id).or(() -> inlineVolumes(id, shown.get()).stream().findFirst());
    }

    /**
     * The volume with this id, for what takes a mount away, which must be possible whatever became of the volume: by the
     * records of a pool that lies no longer where it was opened, too, and empty when none can be read.
     */
    Optional<Found> findToTakeAway(String id) {
        return unlessUnreadable(
                id,
                () -> VolumeId.parse(id)
                        .flatMap(parsed -> pools.lastOpened(parsed.pool())
                                .flatMap(pool -> pool.volumes().find(parsed).map(volume -> new Found(pool, volume))))
                        .or(() -> byId(id)));
    }

    /** As {@link #findToTakeAway(String)}, or the inline volume of this handle, of which this is mounted. */
    Optional<Found> findToTakeAway(String id, MountPoint mount) {
        return findToTakeAway(id)
                .or(() -> unlessUnreadable(
                        id, () -> inlineVolumes(id, Optional.of(mount)).stream().findFirst()));
    }

    private static Optional<Found> unlessUnreadable(String id, Supplier<Optional<Found>> question) {
        try {
            return question.get();
        } catch (Fault e) {
            LOG.warn("volume {} is taken away without its record: {}", id, e.getMessage());
            return Optional.empty();
        }
    }

    /** The answer to a question; empty when storage is silent. */
    static <T> Optional<T> unlessSilent(Supplier<T> question) {
        try {
            return Optional.of(question.get());
        } catch (Fault e) {
            if (e.kind() != Fault.Kind.UNAVAILABLE) {
                throw e;
            }
            return Optional.empty();
        }
    }

    /** The volume with this id. */
    Optional<Found> byId(String id) {
        return VolumeId.parse(id)
                .flatMap(parsed -> pools.find(parsed.pool())
                        .flatMap(pool -> pool.volumes().find(parsed).map(volume -> new Found(pool, volume))))
                .or(() -> shares.named(id).map(folder -> new Found(folder.pool(), folder.volume())));
    }

    /**
     * The volume that a call means: one of a pool by its id, or what its attributes name.
     *
     * @throws Fault NOT_FOUND
     */
    MeantVolume meant(String id, Map<String, String> context) {
        Optional<VolumeId> parsed = VolumeId.parse(id);
        Optional<Pool> pool = parsed.flatMap(of -> pools.find(of.pool()));
        if (pool.isPresent()) {
            return new MeantVolume(pool.get(), parsed.get(), Optional.empty());
        }
        NfsShares.Folder share = share(id, context).orElseThrow(() -> Volumes.noSuch(id));
        return new MeantVolume(share.pool(), share.volume().id(), Optional.of(share));
    }

    /** The folder of a share that a PersistentVolume's attributes, or its id, name. */
    Optional<NfsShares.Folder> share(String id, Map<String, String> context) {
        return shares.described(id, context);
    }

    /** Whether a mount is what an id without a record can stand for: a tmpfs, a path of the host, a folder of a share. */
    boolean mayShow(String id, MountPoint mount, MountTable table) {
        return mount.source().equals(tmpfsSource(id)) || hostPaths.mayShow(mount, table) || shares.mayShow(mount);
    }

    /**
     * The inline volumes of this handle: at most one in each pool. Of the pools on servers only one is asked that is mounted
     * there, or, when it is not known which is, those where inline volumes may be made: any other may be silent, and holds
     * up nothing.
     *
     * @param shown what is mounted where the volume is, or was until now; empty: nothing, so it may lie in any pool
     */
    List<Found> inlineVolumes(String handle, Optional<MountPoint> shown) {
        if (handle.isEmpty() || VolumeId.parse(handle).isPresent()) {
            return List.of(); // Kubernetes' handles of inline volumes have no dot
        }
        List<Pool> opened = pools.opened();
        List<Found> mounted = inlineVolumes(
                handle,
                opened.stream()
                        .filter(pool ->
                                shown.filter(mount -> isShown(pool, mount)).isPresent()));
        if (!mounted.isEmpty()) {
            return mounted;
        }
        boolean isInNone =
                shown.filter(mount -> !mount.device().startsWith(LOOP_DEVICES)).isPresent();
        return inlineVolumes(
                handle,
                opened.stream()
                        .filter(pool -> pool.config().mounted().isEmpty()
                                || (!isInNone
                                        && inlinePools.contains(pool.config().name()))));
    }

    private static List<Found> inlineVolumes(String handle, Stream<Pool> asked) {
        return asked.flatMap(
                        pool -> pool.volumes().find(VolumeId.of(pool.config().name(), handle)).stream()
                                .filter(Volume::ephemeral)
                                .map(volume -> new Found(pool, volume)))
                .toList();
    }

    private static boolean isShown(Pool pool, MountPoint mount) {
        return pool.folder().origin().relativize(mount).isPresent();
    }

    /** How the mount table names the volume in memory of this handle. */
    static String tmpfsSource(String handle) {
        return "berth:" + handle;
    }

    /**
     * Refuses a mount that is another volume's, or that Berth never made as far as can be told.
     *
     * @param asked what {@link #findToTakeAway} finds for the id
     * @throws Fault FAILED_PRECONDITION naming what is mounted there
     */
    void requireOurs(String id, Optional<Found> asked, MountPoint mount, MountTable table) {
        if (asked.isPresent() && asked.get().mounts(table).contains(mount)) {
            return;
        }
        if (Formats.isImage(mount) && !hostPaths.mayShow(mount, table)) {
            if (isImageOf(id, mount)) {
                return; // whose record is gone
            }
            throw notOurs(id, mount, "the image of another volume (" + mount.source() + ")");
        }
        for (Pool pool : pools.opened()) {
            Optional<Path> path = pool.folder().origin().relativize(mount);
            if (path.isPresent()) {
                boolean known = asked.isPresent() || mayHaveRecord(id);
                if (known && isPoolItself(path.get()) && !hostPaths.mayShow(mount, table)) {
                    throw notOurs(
                            id, mount, "the folder of pool " + pool.config().name() + " itself");
                }
                if (known && !isPoolItself(path.get()) && isAnothers(id, asked, pool, path.get())) {
                    throw notOurs(
                            id,
                            mount,
                            "another volume: " + path.get() + " of pool "
                                    + pool.config().name());
                }
                return;
            }
        }
        if (mount.root().equals(FILE_SYSTEM_ROOT)
                && !mount.source().equals(tmpfsSource(id))
                && !hostPaths.mayShow(mount, table)) {
            throw notOurs(id, mount, "a whole file system (" + mount.fsType() + " from " + mount.source() + ")");
        }
    }

    /**
     * Whether the id can be of a volume in one of the pools. Under any other nothing was ever mounted but what its attributes
     * named: earlier versions mounted folders of pools as paths of the host, where a link or a mount led there.
     */
    private boolean mayHaveRecord(String id) {
        return VolumeId.parse(id)
                .filter(parsed -> !pools.hasNone(parsed.pool()))
                .isPresent();
    }

    private boolean isImageOf(String id, MountPoint mount) {
        return VolumeId.parse(id)
                .filter(parsed -> pools.find(parsed.pool())
                        .filter(pool -> pool.formats().isImageOf(parsed, mount))
                        .isPresent())
                .isPresent();
    }

    /**
     * Takes away what is mounted at a path for this volume and shows it no more: its folder was removed, renamed or restored
     * from a backup, or its server lost it. The caller has the volume's lock and that of the path.
     *
     * @return whether there was such a mount
     * @throws Fault NOT_FOUND when the volume has no data that could be mounted instead; what is mounted stays then
     */
    boolean takeAwayDead(Found found, Path path) {
        MountTable table = MountTable.read();
        Optional<MountPoint> mount = table.at(path).filter(at -> isOf(found, at, table));
        if (mount.isEmpty() || found.isShownAt(path)) {
            return false;
        }
        Volume volume = found.volume();
        problems(found, table).stream()
                .filter(problem -> problem.reason() == HealthProblem.Reason.DATA_MISSING)
                .findFirst()
                .ifPresent(problem -> {
                    throw new Fault(Fault.Kind.NOT_FOUND, problem.message());
                });
        LOG.warn("volume {}: what is mounted at {} shows it no more; it is mounted anew", volume.id(), path);
        return Mounts.unmount(path);
    }

    /** Nothing, while the kernel remembers a folder that its server has no more: the mount that follows looks anew. */
    private static List<HealthProblem> problems(Found found, MountTable table) {
        try {
            return found.pool().format(found.volume()).problems(found.volume(), table);
        } catch (SystemCallException e) {
            if (e.errno() != Errno.ESTALE) {
                throw e;
            }
            return List.of();
        }
    }

    /** Whether a mount was made of this volume's folder, as far as the mount table and the records tell. */
    private static boolean isOf(Found found, MountPoint mount, MountTable table) {
        return found.mounts(table).contains(mount)
                || found.pool()
                        .folder()
                        .origin()
                        .relativize(mount)
                        .filter(path -> !isPoolItself(path))
                        .filter(path ->
                                !isAnothers(found.volume().id().toString(), Optional.of(found), found.pool(), path))
                        .isPresent();
    }

    /** The pool's root or the folder of its records, which no volume is. */
    private static boolean isPoolItself(Path path) {
        return path.toString().isEmpty() || path.toString().equals(VolumePath.RECORDS);
    }

    /** Whether a folder of a pool is another volume's. Where the records cannot be read, its name tells. */
    private static boolean isAnothers(String id, Optional<Found> asked, Pool pool, Path path) {
        String own = asked.map(found -> found.volume().id().toString()).orElse(id);
        try {
            return pool.folder()
                    .owner(path)
                    .filter(owner -> !owner.toString().equals(own))
                    .isPresent();
        } catch (Fault e) {
            VolumeId inline = VolumeId.of(pool.config().name(), id);
            return pool.folder()
                    .named(path)
                    .filter(owner -> !owner.toString().equals(own) && !owner.equals(inline))
                    .isPresent();
        }
    }

    private static Fault notOurs(String id, MountPoint mount, String what) {
        return new Fault(
                Fault.Kind.FAILED_PRECONDITION,
                "volume " + Fault.quote(id) + ": what is mounted at " + mount.target() + " is " + what
                        + ", so it stays; unmount it by hand if it may go");
    }
}
