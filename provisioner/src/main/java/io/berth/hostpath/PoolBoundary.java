package io.berth.hostpath;

import io.berth.linux.FileType;
import io.berth.linux.Listing;
import io.berth.linux.PathHandle;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.volume.VolumePath;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.function.Supplier;

/**
 * Whether a folder of the host shows something of a pool: is one, lies in one, or holds one. It is judged as it was opened,
 * so it does not matter by which symbolic links and mounts its path leads there. A pool is known by the settings of this
 * process, or by its {@code .berth/pool.json}, whoever serves it. Thread-safe.
 */
final class PoolBoundary {
    private static final Path IDENTITY = Path.of(VolumePath.RECORDS, "pool.json");

    /** No path is longer than 4096 bytes. */
    private static final int MOST_LEVELS = 2048;

    /** How many folders are looked at below one, to find pools that this process does not serve. */
    private static final int MOST_BELOW = 500;

    private final Supplier<List<Path>> roots;

    /**
     * A boundary around pools.
     *
     * @param roots the folders of those in the settings, without symbolic links
     */
    PoolBoundary(Supplier<List<Path>> roots) {
        this.roots = roots;
    }

    /**
     * What of a pool a bind mount of this folder would show, for people; empty when nothing. What is mounted below a folder
     * is not seen through it.
     */
    Optional<String> shownBy(PathHandle folder) {
        MountTable table = MountTable.read();
        MountTable.Origin origin = table.origin(folder.realPath());
        return around(folder)
                .or(() -> roots.get().stream()
                        .filter(root -> lies(table.origin(root), origin))
                        .findFirst()
                        .map(root -> "holds the pool " + root)
                        .or(() -> below(folder)));
    }

    /** Which pool this folder is, or lies in, for people; empty when none. */
    Optional<String> around(PathHandle folder) {
        MountTable table = MountTable.read();
        Path real = folder.realPath();
        MountTable.Origin origin = table.origin(real);
        return roots.get().stream()
                .filter(root -> lies(origin, table.origin(root)))
                .findFirst()
                .or(() -> above(folder))
                .or(() -> elsewhere(table.containing(real), table))
                .map(root -> "lies in the pool " + root);
    }

    private static boolean lies(MountTable.Origin inner, MountTable.Origin outer) {
        return inner.device().equals(outer.device()) && inner.path().startsWith(outer.path());
    }

    /** The pool that is found from a folder upwards, as far as there is something above it. */
    private static Optional<Path> above(PathHandle folder) {
        if (isPool(folder)) {
            return Optional.of(folder.realPath());
        }
        Optional<PathHandle> next = folder.openAbove();
        for (int level = 0; next.isPresent() && level < MOST_LEVELS; level++) {
            try (PathHandle here = next.get()) {
                if (isPool(here)) {
                    return Optional.of(here.realPath());
                }
                next = here.openAbove();
            }
        }
        next.ifPresent(PathHandle::close);
        return Optional.empty();
    }

    private static boolean isPool(PathHandle folder) {
        return has(folder, IDENTITY);
    }

    private static boolean has(PathHandle folder, Path below) {
        Optional<PathHandle> found = folder.openBelow(below);
        found.ifPresent(PathHandle::close);
        return found.isPresent();
    }

    /**
     * The pool that is found above the root of a mount: a bind mount has nothing above it, but its file system has, and
     * another mount may show that.
     */
    private static Optional<Path> elsewhere(MountPoint around, MountTable table) {
        return table.mounts().stream()
                .filter(mount -> mount.device().equals(around.device())
                        && around.root().startsWith(mount.root())
                        && !around.root().equals(mount.root())
                        && table.at(mount.target()).filter(mount::equals).isPresent())
                .min(Comparator.comparingInt(mount -> mount.root().getNameCount()))
                .flatMap(mount -> onTheWay(mount.target(), mount.root().relativize(around.root())));
    }

    private static Optional<Path> onTheWay(Path from, Path way) {
        Optional<PathHandle> opened = PathHandle.open(from);
        if (opened.isEmpty()) {
            return Optional.empty();
        }
        try (PathHandle begin = opened.get()) {
            Path step = Path.of("");
            for (Path component : way) {
                if (has(begin, step.resolve(IDENTITY))) {
                    return Optional.of(from.resolve(step));
                }
                step = step.resolve(component);
            }
            return Optional.empty();
        }
    }

    /** A pool below a folder, looked for level by level, on the folder's own mount alone. */
    private static Optional<String> below(PathHandle folder) {
        int mount = folder.status().mountId();
        Queue<Path> toLookAt = new ArrayDeque<>(List.of(Path.of(".")));
        for (int seen = 1; !toLookAt.isEmpty(); ) {
            Path path = toLookAt.remove();
            Optional<PathHandle> opened = folder.openBelow(path).filter(here -> isOn(mount, here));
            if (opened.isPresent()) {
                try (PathHandle here = opened.get()) {
                    if (isPool(here)) {
                        return Optional.of("holds the pool " + here.realPath());
                    }
                    List<Path> below = folders(here, MOST_BELOW - seen);
                    seen += below.size();
                    below.forEach(child -> toLookAt.add(path.resolve(child)));
                }
            }
        }
        return Optional.empty();
    }

    private static boolean isOn(int mount, PathHandle here) {
        boolean same = here.status().mountId() == mount;
        if (!same) {
            here.close();
        }
        return same;
    }

    /** Some of the folders in a folder, as far as their names can be paths. */
    private static List<Path> folders(PathHandle here, int most) {
        return here.openDirectory()
                .map(folder -> {
                    try (folder) {
                        return folder.list(0, MOST_BELOW).entries().stream()
                                .filter(entry -> entry.type() == FileType.DIRECTORY)
                                .map(Listing.Entry::name)
                                .flatMap(name -> path(name).stream())
                                .limit(most)
                                .toList();
                    }
                })
                .orElse(List.of());
    }

    private static Optional<Path> path(String name) {
        try {
            return Optional.of(Path.of(name));
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }
}
