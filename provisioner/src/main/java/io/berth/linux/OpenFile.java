package io.berth.linux;

import java.nio.ByteBuffer;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * An open file of any type: what can be looked at, changed and bind mounted without walking its path again. Thread-safe; a call
 * after {@link #close} throws IllegalStateException.
 */
public abstract sealed class OpenFile implements AutoCloseable permits Directory, LoopDevice, PathHandle, RegularFile {
    /** The longest path that the kernel takes; a file can lie deeper than any path can say. */
    private static final int LONGEST_PATH = 4095;

    private static final String LEFT_OUT = "…";

    final Descriptor descriptor;
    private final Path parent;
    private final String name;

    OpenFile(Descriptor descriptor, Path path) {
        this(descriptor, path, "");
    }

    /** Of one that has this name in that directory; its path is put together only when somebody asks for it. */
    OpenFile(Descriptor descriptor, Path parent, String name) {
        this.descriptor = descriptor;
        this.parent = parent;
        this.name = name;
    }

    /**
     * The path by which it was opened, for messages; the file may have moved since. A name that no {@link Path} can hold
     * has question marks in it.
     */
    public final Path path() {
        return name.isEmpty() ? parent : parent.resolve(FileName.forPath(name));
    }

    /**
     * The path of what has this name in it. Where it is longer than a path can be, its middle is left out: however deep a
     * file lies, no more than a few kilobytes tell where.
     */
    final Path pathOf(String child) {
        Path path = path();
        if (path.toString().length() + child.length() >= LONGEST_PATH) {
            path = path.getRoot()
                    .resolve(path.subpath(0, (path.getNameCount() + 1) / 2))
                    .resolve(LEFT_OUT);
        }
        return path.resolve(FileName.forPath(child));
    }

    /** The path of the directory that it is in; of one whose path has its middle left out, as much as is known. */
    final Path pathOfParent() {
        Path path = path();
        return path.endsWith(LEFT_OUT)
                ? path
                : Optional.ofNullable(path.getParent()).orElse(path);
    }

    /**
     * The path at which it is now, without symbolic links, by the mount through which it was opened. See
     * proc_pid_fd(5).
     *
     * @throws SystemCallException EINVAL when the path is none that a {@link Path} can hold
     */
    public final Path realPath() {
        byte[] target = new byte[LONGEST_PATH];
        long length = descriptor.call(
                fd -> Libc.calls().readlinkat(Libc.AT_FDCWD, Descriptor.path(fd), target, target.length));
        String text = FileName.decode(target, 0, (int) Libc.check(length, "readlinkat", this));
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new SystemCallException("readlinkat", text, Errno.EINVAL);
        }
    }

    /** Its path. */
    @Override
    public final String toString() {
        return path().toString();
    }

    /** The status by statx(2). */
    public final FileStatus status() {
        return FileStatus.of(descriptor, this);
    }

    /** Whether its server knows it no more, asked now: what it was opened as was removed there, or restored. */
    public final boolean isStale() {
        return FileStatus.isStale(descriptor, this);
    }

    /** The file system it lies in. */
    public final FileSystemStatus fileSystem() {
        return FileSystemStatus.of(descriptor, toString());
    }

    /**
     * Sets its mode, 07777.
     *
     * @throws SystemCallException EOPNOTSUPP when it is a symbolic link
     */
    public void chmod(int mode) {
        Libc.check(descriptor.call(fd -> Libc.calls().fchmod(fd, mode)), "fchmod", this);
    }

    /** Sets its owner and its group; -1 leaves one as it is. Clears setuid and setgid of what is no directory. */
    public final void chown(int uid, int gid) {
        long result = descriptor.call(fd -> Libc.calls().fchownat(fd, Libc.EMPTY_PATH, uid, gid, Libc.AT_EMPTY_PATH));
        Libc.check(result, "fchownat", this);
    }

    /** Sets when it was last read and last changed, to the nanosecond where the file system keeps it. */
    public final void utimens(Instant accessed, Instant modified) {
        byte[] times = new byte[32];
        ByteBuffer out = Libc.struct(times);
        out.putLong(accessed.getEpochSecond()).putLong(accessed.getNano());
        out.putLong(modified.getEpochSecond()).putLong(modified.getNano());
        long result = descriptor.call(fd -> Libc.calls().utimensat(fd, Libc.EMPTY_PATH, times, Libc.AT_EMPTY_PATH));
        Libc.check(result, "utimensat", this);
    }

    /**
     * Makes several calls on this file, and on others that lie on the same storage, as one. Where calls are made on a
     * bulkhead, each would change threads twice; and these are given up together.
     *
     * @param late is handed the answer that comes after the calls were given up
     */
    public final <T> T together(Supplier<T> calls, Consumer<T> late) {
        return descriptor.together(calls, late);
    }

    /** As {@link #together}, of calls that move data or wait until data is on disk, and so may take longer. */
    public final <T> T transferTogether(Supplier<T> calls, Consumer<T> late) {
        return descriptor.transferTogether(calls, late);
    }

    /** Closes it once the calls under way have returned; does nothing the second time. */
    @Override
    public final void close() {
        descriptor.close();
    }
}
