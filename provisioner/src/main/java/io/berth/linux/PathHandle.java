package io.berth.linux;

import java.nio.file.Path;
import java.util.Optional;

/** A file that is held without being opened for reading or writing (O_PATH), so a FIFO or a device is left in peace. */
public final class PathHandle extends OpenFile {
    private static final int LONGEST_TARGET = 4096;

    private PathHandle(Descriptor descriptor, Path path) {
        super(descriptor, path);
    }

    private PathHandle(Descriptor descriptor, Path parent, String name) {
        super(descriptor, parent, name);
    }

    /** Opens what is at a path, through symbolic links but no magic ones; empty when there is none. */
    public static Optional<PathHandle> open(Path absolute) {
        return open(absolute, Optional.empty());
    }

    /** As {@link #open(Path)}; the opening and all calls on it are made on the bulkhead, if there is one. */
    public static Optional<PathHandle> open(Path absolute, Optional<Bulkhead> bulkhead) {
        return Descriptor.open(absolute, Descriptor.O_PATH, Descriptor.NO_MAGICLINKS, bulkhead)
                .map(opened -> new PathHandle(opened, absolute));
    }

    /**
     * Opens what has this name in a directory, the link itself if it is one; empty when there is none.
     *
     * @throws SystemCallException EXDEV when something is mounted there
     */
    public static Optional<PathHandle> open(Directory directory, String name) {
        return directory
                .openSameMount(name, Descriptor.O_PATH | Descriptor.O_NOFOLLOW)
                .map(descriptor -> new PathHandle(descriptor, directory.path(), name));
    }

    /**
     * Opens what is at a path below a directory, through no symbolic link.
     *
     * @param relative as for {@link Directory#openBeneath}
     * @return empty when there is none
     * @throws SystemCallException ELOOP when a component is a symbolic link, ENOTDIR when one is no directory
     */
    public static Optional<PathHandle> openBeneath(Directory prefix, Path relative) {
        Path path = prefix.path().resolve(relative).normalize();
        return prefix.openBeneath(relative, Descriptor.O_PATH).map(descriptor -> new PathHandle(descriptor, path));
    }

    @Override
    public void chmod(int mode) {
        long result = descriptor.call(fd -> Libc.calls().chmod(Descriptor.path(fd), mode));
        Libc.check(result, "chmod", this);
    }

    /**
     * What a symbolic link says.
     *
     * @throws SystemCallException ENOENT when it is no link
     */
    public String readlink() {
        byte[] target = new byte[LONGEST_TARGET];
        long result = descriptor.call(fd -> Libc.calls().readlinkat(fd, Libc.EMPTY_PATH, target, target.length));
        return FileName.decode(target, 0, (int) Libc.check(result, "readlinkat", this));
    }
}
