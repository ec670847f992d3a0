package io.berth;

import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.pool.PoolConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Folders and pools for tests. */
public final class TemporaryPool {
    private TemporaryPool() {}

    /** A pool's settings over a new folder; its volumes are directories unless a test says otherwise. */
    public static PoolConfig config(Path parent, String name, String kind, String options) {
        try {
            Path root = Files.createDirectories(parent.resolve(name));
            String limit = options.contains("limit=") ? "" : ",limit=advisory";
            return PoolConfig.parse(name + "=" + kind + ":" + root + options + limit);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** The names in a folder, in order. */
    public static java.util.List<String> names(Path folder) {
        try (Stream<Path> children = Files.list(folder)) {
            return children.map(child -> child.getFileName().toString())
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Unmounts what is mounted below a folder, or at it, what came last first. */
    public static void unmountBelow(Path folder) {
        MountTable.read().mounts().stream()
                .map(MountPoint::target)
                .filter(path -> path.startsWith(folder))
                .toList()
                .reversed()
                .forEach(Mounts::unmount);
    }
}
