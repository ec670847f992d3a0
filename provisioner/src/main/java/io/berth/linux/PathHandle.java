package io.berth.linux;

import java.nio.file.Path;
import java.util.Optional;

/** A file that is held without being opened for reading or writing (O_PATH), so a FIFO or a device is left in peace. */
public final class PathHandle extends OpenFile {
    private static final int LONGEST_TARGET = 4096;
    private static final byte[] HERE = {'.', 0};
    private static final byte[] ABOVE = {'.', '.', 0};

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

    /**
     * The directory that this one, or what was mounted over it, lies in; across mounts too.
     *
     * @return empty at the root of all, and where the file system does not let this process look
     */
    public Optional<PathHandle> openAbove() {
        Path path = Optional.ofNullable(path().getParent()).orElse(path());
        int resolve = Descriptor.NO_SYMLINKS | Descriptor.NO_MAGICLINKS;
        return openHere(ABOVE, Descriptor.O_PATH, resolve, "..")
                .map(opened -> new PathHandle(opened, path))
                .filter(above -> {
                    boolean root = above.status().isSameFile(status())
                            && above.status().mountId() == status().mountId();
                    if (root) {
                        above.close();
                    }
                    return !root;
                });
    }

    /**
     * Opens what is at a path below this directory, through no symbolic link.
     *
     * @return empty when there is none, a component is no directory, or the file system does not let this process look
     */
    public Optional<PathHandle> openBelow(Path relative) {
        int flags = Descriptor.O_PATH | Descriptor.O_NOFOLLOW;
        return openHere(FileName.encode(relative.toString()), flags, Descriptor.BENEATH, relative.toString())
                .map(opened -> new PathHandle(opened, path().resolve(relative).normalize()));
    }

    /** Opens this directory to be listed; empty when it is none, or the file system does not let this process look. */
    public Optional<Directory> openDirectory() {
        int flags = Descriptor.O_RDONLY | Descriptor.O_DIRECTORY;
        return openHere(HERE, flags, Descriptor.BENEATH, ".").map(opened -> new Directory(opened, path()));
    }

    private Optional<Descriptor> openHere(byte[] relative, int flags, int resolve, String name) {
        long result = descriptor.open(fd -> Descriptor.openat2(fd, relative, flags, 0, resolve));
        return switch ((int) -result) {
            case Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.EACCES -> Optional.empty();
            default -> Optional.of(descriptor.opened(Libc.check(result, "openat2", path() + "/" + name)));
        };
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
