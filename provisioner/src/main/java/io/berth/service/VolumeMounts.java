package io.berth.service;

import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.pool.Pool;
import io.berth.volume.Volume;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Which mounts show which volumes. A bind mount is recognised by its device and by where it begins in that device's file
 * system, so it is found whoever made it and however often Berth was restarted since.
 */
final class VolumeMounts {
    private final MountTable table;

    VolumeMounts(MountTable table) {
        this.table = table;
    }

    /** All mounts of a volume on this node, its own folder in the pool not counted. */
    List<MountPoint> of(Pool pool, Volume volume) {
        Place place = place(pool);
        return table.of(place.device(), place.root().resolve(volume.path().toPath()));
    }

    /** Whether a mount shows this volume. */
    boolean shows(MountPoint mount, Pool pool, Volume volume) {
        return pathIn(mount, pool).filter(volume.path().toPath()::equals).isPresent();
    }

    /** Where in the pool a mount begins; empty when it shows nothing of the pool. */
    Optional<Path> pathIn(MountPoint mount, Pool pool) {
        Place place = place(pool);
        return mount.device().equals(place.device()) && mount.root().startsWith(place.root())
                ? Optional.of(place.root().relativize(mount.root()))
                : Optional.empty();
    }

    private record Place(String device, Path root) {}

    /** Where a pool lies: its device, and its root in that device's file system. */
    private Place place(Pool pool) {
        MountPoint around = table.containing(pool.realRoot());
        return new Place(around.device(), around.root().resolve(around.target().relativize(pool.realRoot())));
    }
}
