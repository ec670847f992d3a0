package io.berth.service;

import io.berth.fault.Fault;
import io.berth.format.Formats;
import io.berth.hostpath.HostPaths;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.pool.Pool;
import io.berth.pool.Pools;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** What an id that comes to the node means, and whether a mount is its. */
final class VolumeLookup {
    private static final Path FILE_SYSTEM_ROOT = Path.of("/");

    private final Pools pools;
    private final HostPaths hostPaths;
    private final NfsShares shares;

    VolumeLookup(Pools pools, HostPaths hostPaths) {
        this.pools = pools;
        this.hostPaths = hostPaths;
        this.shares = new NfsShares(pools);
    }

    /** A volume with a record, and its pool. */
    record Found(Pool pool, Volume volume) {
        List<MountPoint> mounts(MountTable table) {
            return pool.format(volume).mounts(volume, table);
        }

        /** Gives back what this node holds for the volume; the caller has its lock. */
        void release() {
            pool.format(volume).release(volume);
        }
    }

    /** The volume with this id, or the inline volume of this handle; empty for host paths and volumes in memory. */
    Optional<Found> find(String id) {
        return byId(id).or(() -> inlineVolumes(id).stream()
                .findFirst()
                .map(volume -> new Found(pools.get(volume.id().pool()), volume)));
    }

    /**
     * As {@link #find}; empty also while the pool's storage is silent or where the record is damaged, for what is mounted must
     * be able to go then too.
     */
    Optional<Found> findUnlessSilent(String id) {
        try {
            return unlessSilent(() -> find(id)).flatMap(found -> found);
        } catch (Fault e) {
            if (e.kind() != Fault.Kind.CORRUPT) {
                throw e;
            }
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
        return mount.source().equals(tmpfsSource(id))
                || hostPaths.mayShow(mount, table)
                || shares.mayShow(mount, table);
    }

    /** The inline volumes of this handle: at most one in each pool. */
    List<Volume> inlineVolumes(String handle) {
        if (handle.isEmpty() || VolumeId.parse(handle).isPresent()) {
            return List.of(); // Kubernetes' handles of inline volumes have no dot
        }
        return pools.opened().stream()
                .flatMap(pool -> pool.volumes().find(VolumeId.of(pool.config().name(), handle)).stream())
                .filter(Volume::ephemeral)
                .toList();
    }

    /** How the mount table names the volume in memory of this handle. */
    static String tmpfsSource(String handle) {
        return "berth:" + handle;
    }

    /**
     * Refuses a mount that is another volume's, or that Berth never made as far as can be told.
     *
     * @param asked what {@link #findUnlessSilent} finds for the id
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
            Optional<Path> path = table.origin(pool.folder().realPath()).relativize(mount);
            if (path.isPresent()) {
                if (asked.isPresent() || isAnothers(id, pool, path.get())) {
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

    private boolean isImageOf(String id, MountPoint mount) {
        return VolumeId.parse(id)
                .filter(parsed -> pools.find(parsed.pool())
                        .filter(pool -> pool.formats().isImageOf(parsed, mount))
                        .isPresent())
                .isPresent();
    }

    /** Of an id without a record only that the mount is no other volume's can be told. */
    private static boolean isAnothers(String id, Pool pool, Path path) {
        Optional<VolumeId> other = VolumeId.parse(path.toString())
                .filter(owner -> owner.pool().equals(pool.config().name()))
                .filter(owner -> !owner.toString().equals(id));
        return other.isPresent()
                && unlessSilent(() -> other.flatMap(pool.volumes()::find).isPresent())
                        .orElse(true);
    }

    private static Fault notOurs(String id, MountPoint mount, String what) {
        return new Fault(
                Fault.Kind.FAILED_PRECONDITION,
                "volume " + Fault.quote(id) + ": what is mounted at " + mount.target() + " is " + what
                        + ", so it stays; unmount it by hand if it may go");
    }
}
