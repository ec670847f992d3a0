package io.berth.service;

import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.pool.Pool;
import io.berth.pool.Pools;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What an id that comes to the node means, and whether a mount is its. */
final class VolumeLookup {
    private static final Path FILE_SYSTEM_ROOT = Path.of("/");

    private final Pools pools;
    private final HostPaths hostPaths;

    VolumeLookup(Pools pools, HostPaths hostPaths) {
        this.pools = pools;
        this.hostPaths = hostPaths;
    }

    /** A volume with a record, and its pool. */
    record Found(Pool pool, Volume volume) {
        List<MountPoint> mounts(MountTable table) {
            return pool.format(volume).mounts(volume, table);
        }
    }

    /** The volume with this id, or the inline volume of this handle; empty for host paths and volumes in memory. */
    Optional<Found> find(String id) {
        return byId(id).or(() -> inlineVolumes(id).stream()
                .findFirst()
                .map(volume -> new Found(pools.get(volume.id().pool()), volume)));
    }

    /** The volume with this id. */
    Optional<Found> byId(String id) {
        return VolumeId.parse(id)
                .flatMap(parsed -> pools.find(parsed.pool())
                        .flatMap(pool -> pool.find(parsed).map(volume -> new Found(pool, volume))));
    }

    /** The inline volumes of this handle: at most one in each pool. */
    List<Volume> inlineVolumes(String handle) {
        if (handle.isEmpty() || VolumeId.parse(handle).isPresent()) {
            return List.of(); // Kubernetes' handles of inline volumes have no dot
        }
        return pools.opened().stream()
                .flatMap(pool -> pool.find(VolumeId.of(pool.config().name(), handle)).stream())
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
     * @throws Fault FAILED_PRECONDITION naming what is mounted there
     */
    void requireOurs(String id, MountPoint mount, MountTable table) {
        for (Pool pool : pools.opened()) {
            Optional<Path> path = table.origin(pool.realRoot()).relativize(mount);
            if (path.isPresent()) {
                if (isAnothers(id, mount, table, pool, path.get())) {
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

    /** Of an id without a record only that the mount is no other volume's can be told. */
    private boolean isAnothers(String id, MountPoint mount, MountTable table, Pool pool, Path path) {
        Optional<VolumeId> owner = VolumeId.parse(path.toString())
                .filter(named -> named.pool().equals(pool.config().name()));
        try {
            Optional<Found> asked = find(id);
            return asked.isPresent()
                    ? !asked.get().mounts(table).contains(mount)
                    : owner.flatMap(pool::find).isPresent();
        } catch (Fault e) {
            if (e.kind() != Fault.Kind.UNAVAILABLE) {
                throw e;
            }
            return owner.filter(named -> !named.toString().equals(id)).isPresent(); // all that the path tells
        }
    }

    private static Fault notOurs(String id, MountPoint mount, String what) {
        return new Fault(
                Fault.Kind.FAILED_PRECONDITION,
                "volume " + Fault.quote(id) + ": what is mounted at " + mount.target() + " is " + what
                        + ", so it stays; unmount it by hand if it may go");
    }
}
