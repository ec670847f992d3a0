package io.berth.linux;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * A mount that no path shows yet, so its attributes are right from the first moment it can be seen. Unless it is
 * attached, closing it ends it. One thread's.
 */
public final class DetachedMount implements AutoCloseable {
    private static final long OPEN_TREE = 428;
    private static final int OPEN_TREE_CLONE = 1;

    private static final long MOVE_MOUNT = 429;
    private static final int MOVE_MOUNT_F_EMPTY_PATH = 0x04;
    private static final int MOVE_MOUNT_T_EMPTY_PATH = 0x40;

    private static final long FSOPEN = 430;
    private static final int FSOPEN_CLOEXEC = 1;
    private static final long FSCONFIG = 431;
    private static final int FSCONFIG_SET_STRING = 1;
    private static final int FSCONFIG_CMD_CREATE = 6;
    private static final long FSMOUNT = 432;
    private static final int FSMOUNT_CLOEXEC = 1;

    private static final long MOUNT_SETATTR = 442;
    private static final long MS_PRIVATE = 1L << 18;

    private final Descriptor descriptor;
    private final String what;

    private DetachedMount(Descriptor descriptor, String what) {
        this.descriptor = descriptor;
        this.what = what;
    }

    /** A bind mount of a file or directory, without the mounts below it. See open_tree(2). */
    public static DetachedMount bind(OpenFile source) {
        int flags = OPEN_TREE_CLONE | Descriptor.O_CLOEXEC | Libc.AT_EMPTY_PATH;
        long result = source.descriptor.call(fd -> Libc.calls().syscall(OPEN_TREE, fd, Libc.EMPTY_PATH, flags));
        String what = source.path().toString();
        return new DetachedMount(new Descriptor(Libc.check(result, "open_tree", what)), what);
    }

    /**
     * A new file system in memory. See tmpfs(5) and fsopen(2).
     *
     * @param source how the mount table names it
     * @param sizeBytes more than 0; rounded up to pages
     * @param mode of its root
     */
    public static DetachedMount tmpfs(String source, long sizeBytes, int mode, long uid, long gid) {
        if (sizeBytes <= 0) {
            throw new IllegalArgumentException("size " + sizeBytes + " bytes: more than 0");
        }
        byte[] type = FileName.encode("tmpfs");
        long opened = Libc.call(() -> Libc.calls().syscall(FSOPEN, type, FSOPEN_CLOEXEC));
        try (Descriptor fileSystem = new Descriptor(Libc.check(opened, "fsopen", "tmpfs"))) {
            configure(fileSystem, "source", source);
            configure(fileSystem, "size", Long.toString(sizeBytes));
            configure(fileSystem, "mode", Integer.toOctalString(mode));
            configure(fileSystem, "uid", Long.toString(uid));
            configure(fileSystem, "gid", Long.toString(gid));
            long created =
                    fileSystem.call(fd -> Libc.calls().syscall(FSCONFIG, fd, FSCONFIG_CMD_CREATE, null, null, 0));
            Libc.check(created, "fsconfig", "tmpfs");
            long mounted = fileSystem.call(fd -> Libc.calls().syscall(FSMOUNT, fd, FSMOUNT_CLOEXEC, 0));
            return new DetachedMount(new Descriptor(Libc.check(mounted, "fsmount", "tmpfs")), "tmpfs");
        }
    }

    private static void configure(Descriptor fileSystem, String key, String value) {
        byte[] name = FileName.encode(key);
        byte[] text = (value + "\0").getBytes(StandardCharsets.UTF_8);
        long result = fileSystem.call(fd -> Libc.calls().syscall(FSCONFIG, fd, FSCONFIG_SET_STRING, name, text, 0));
        Libc.check(result, "fsconfig", "tmpfs " + key + "=" + value);
    }

    /**
     * Changes its attributes, and makes it private: it takes part in the propagation of where it will be attached, not
     * in that of where it comes from. See mount_setattr(2).
     *
     * @param clear MOUNT_ATTR_ bits to clear first
     * @param set MOUNT_ATTR_ bits to set
     */
    public void setAttributes(long clear, long set) {
        byte[] attributes = new byte[32];
        Libc.struct(attributes).putLong(set).putLong(clear).putLong(MS_PRIVATE);
        long result = descriptor.call(fd -> Libc.calls()
                .syscall(MOUNT_SETATTR, fd, Libc.EMPTY_PATH, Libc.AT_EMPTY_PATH, attributes, attributes.length));
        Libc.check(result, "mount_setattr", what);
    }

    /**
     * Attaches it on top of what is at the path. See move_mount(2).
     *
     * @throws SystemCallException ELOOP when the path ends in a symbolic link; ENOTDIR or EISDIR when one of the two is a
     *     directory and the other is not
     */
    public void attach(Path target) {
        String text = target.toString();
        int flags = Descriptor.O_PATH | Descriptor.O_NOFOLLOW;
        long opened = Descriptor.openat2(Libc.AT_FDCWD, FileName.encode(text), flags, 0, 0);
        try (Descriptor place = new Descriptor(Libc.check(opened, "openat2", text))) {
            FileType there = FileStatus.of(place, text).type();
            boolean directory = FileStatus.of(descriptor, what).type() == FileType.DIRECTORY;
            if (there == FileType.SYMLINK) {
                throw new SystemCallException("move_mount", text, Errno.ELOOP);
            }
            if (directory != (there == FileType.DIRECTORY)) {
                throw new SystemCallException("move_mount", text, directory ? Errno.ENOTDIR : Errno.EISDIR);
            }
            long result = descriptor.call(
                    place,
                    (fd, placeFd) -> Libc.calls()
                            .syscall(
                                    MOVE_MOUNT,
                                    fd,
                                    Libc.EMPTY_PATH,
                                    placeFd,
                                    Libc.EMPTY_PATH,
                                    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
            Libc.check(result, "move_mount", text);
        }
    }

    @Override
    public void close() {
        descriptor.close();
    }
}
