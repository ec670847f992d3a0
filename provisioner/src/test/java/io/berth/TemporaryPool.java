package io.berth;

import io.berth.pool.PoolConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Folders and pools for tests. */
public final class TemporaryPool {
    private TemporaryPool() {}

    /** A pool's settings over a new folder. */
    public static PoolConfig config(Path parent, String name, String kind, String options) {
        try {
            Path root = Files.createDirectories(parent.resolve(name));
            return PoolConfig.parse(name + "=" + kind + ":" + root + options);
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
}
