package io.berth.linux;

import java.nio.file.Path;

/**
 * An open file of any type: what can be looked at and bind mounted without walking its path again. Thread-safe; a call
 * after {@link #close} throws IllegalStateException.
 */
public abstract sealed class OpenFile implements AutoCloseable permits Directory, PathHandle {
    final Descriptor descriptor;
    private final Path path;

    OpenFile(Descriptor descriptor, Path path) {
        this.descriptor = descriptor;
        this.path = path;
    }

    /**
     * The path by which it was opened, for messages; the file may have moved since. A name that no {@link Path} can hold
     * has question marks in it.
     */
    public final Path path() {
        return path;
    }

    /** The status by statx(2). */
    public final FileStatus status() {
        return FileStatus.of(descriptor, path.toString());
    }

    /** The file system it lies in. */
    public final FileSystemStatus fileSystem() {
        return FileSystemStatus.of(descriptor, path.toString());
    }

    /** Closes it once the calls under way have returned; does nothing the second time. */
    @Override
    public final void close() {
        descriptor.close();
    }
}
