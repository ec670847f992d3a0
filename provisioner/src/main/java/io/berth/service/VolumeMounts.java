package io.berth.service;

import io.berth.format.Formats;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.pool.Pools;
import io.berth.volume.VolumePath;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Counts the mounts that show volumes on this node, by one look at the mount table and no record of a pool. */
public final class VolumeMounts {
    private VolumeMounts() {}

    /** What a mount shows. */
    public enum Shown {
        /** A directory in a pool. */
        DIRECTORY,
        /** The file system in an image, or its device. */
        IMAGE,
        /** An inline volume in memory. */
        MEMORY
    }

    /** How many mounts show each; a volume that is staged and published twice counts three times. */
    public static Map<Shown, Integer> count(Pools pools, MountTable table) {
        List<MountTable.Origin> roots =
                pools.opened().stream().map(pool -> pool.folder().origin()).toList();
        Map<Shown, Integer> counts = new EnumMap<>(Shown.class);
        for (Shown shown : Shown.values()) {
            counts.put(shown, 0);
        }
        for (MountPoint mount : table.mounts()) {
            shown(mount, roots).ifPresent(shown -> counts.merge(shown, 1, Integer::sum));
        }
        return counts;
    }

    private static Optional<Shown> shown(MountPoint mount, List<MountTable.Origin> roots) {
        if (mount.fsType().equals("tmpfs") && mount.source().startsWith(VolumeLookup.tmpfsSource(""))) {
            return Optional.of(Shown.MEMORY);
        }
        if (roots.stream().anyMatch(root -> isInPool(root.relativize(mount)))) {
            return Optional.of(Shown.DIRECTORY);
        }
        return Formats.isImage(mount) ? Optional.of(Shown.IMAGE) : Optional.empty();
    }

    /** Neither the pool itself nor its records. */
    private static boolean isInPool(Optional<Path> path) {
        return path.filter(below -> !below.toString().isEmpty()
                        && !below.getName(0).toString().equals(VolumePath.RECORDS))
                .isPresent();
    }
}
