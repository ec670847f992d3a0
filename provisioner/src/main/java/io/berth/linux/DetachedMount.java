package io.berth.linux;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

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
    private static final int FSCONFIG_SET_FLAG = 0;
    private static final int FSCONFIG_SET_STRING = 1;
    private static final int FSCONFIG_CMD_CREATE = 6;
    private static final long FSMOUNT = 432;
    private static final int FSMOUNT_CLOEXEC = 1;

    private static final int MOST_MESSAGES = 8;
    private static final int LONGEST_MESSAGE = 1024;

    private static final byte[] THIS = {'.', 0};

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
        long result = source.descriptor.open(fd -> Libc.calls().syscall(OPEN_TREE, fd, Libc.EMPTY_PATH, flags));
        String what = source.path().toString();
        return new DetachedMount(source.descriptor.opened(Libc.check(result, "open_tree", what)), what);
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
        List<String> options =
                List.of("size=" + sizeBytes, "mode=" + Integer.toOctalString(mode), "uid=" + uid, "gid=" + gid);
        return fileSystem("tmpfs", source, options);
    }

    /**
     * A file system, for example one on a device. See fsopen(2).
     *
     * @param type for example {@code ext4}
     * @param source the device's path, or how the mount table names what has none
     * @param options of the file system, each {@code key} or {@code key=value}
     * @throws SystemCallException EUCLEAN or EBADMSG when it is damaged, EINVAL when it is no such file system or knows no
     *     such option, ENODEV when the kernel knows no such type; the kernel's log has the details
     */
    public static DetachedMount fileSystem(String type, String source, List<String> options) {
        byte[] name = FileName.encode(type);
        long opened = Libc.call(() -> Libc.calls().syscall(FSOPEN, name, FSOPEN_CLOEXEC));
        String what = type + " of " + source;
        try (Descriptor fileSystem = new Descriptor(Libc.check(opened, "fsopen", what))) {
            configure(fileSystem, "source=" + source, what);
            options.forEach(option -> configure(fileSystem, option, what));
            long created =
                    fileSystem.call(fd -> Libc.calls().syscall(FSCONFIG, fd, FSCONFIG_CMD_CREATE, null, null, 0));
            check(created, "fsconfig", fileSystem, what);
            long mounted = fileSystem.call(fd -> Libc.calls().syscall(FSMOUNT, fd, FSMOUNT_CLOEXEC, 0));
            return new DetachedMount(new Descriptor(Libc.check(mounted, "fsmount", what)), what);
        }
    }

    private static void configure(Descriptor fileSystem, String option, String what) {
        int equals = option.indexOf('=');
        byte[] key = FileName.encode(equals < 0 ? option : option.substring(0, equals));
        byte @Nullable [] value = equals < 0 ? null : FileName.encode(option.substring(equals + 1));
        int command = equals < 0 ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
        long result = fileSystem.call(fd -> Libc.calls().syscall(FSCONFIG, fd, command, key, value, 0));
        check(result, "fsconfig " + option, fileSystem, what);
    }

    /** A failure has the kernel's own words with it, if it said any. */
    private static void check(long result, String call, Descriptor fileSystem, String what) {
        if (result < 0) {
            Libc.check(result, call, what + messages(fileSystem));
        }
    }

    /** What the kernel has to say of a file system that is being made, each line after a letter for its kind. */
    private static String messages(Descriptor fileSystem) {
        StringBuilder messages = new StringBuilder();
        for (int count = 0; count < MOST_MESSAGES; count++) {
            ByteBuffer message = ByteBuffer.allocate(LONGEST_MESSAGE);
            long length = fileSystem.call(fd -> Libc.calls().read(fd, message, message.remaining()));
            if (length <= 2) {
                break; // ENODATA: that was all
            }
            String text = new String(message.array(), 2, (int) length - 2, StandardCharsets.UTF_8);
            messages.append(" (").append(text.strip()).append(')');
        }
        return messages.toString();
    }

    /** Opens the root directory of what is mounted. The caller closes it. */
    public Directory root() {
        int flags = Descriptor.O_RDONLY | Descriptor.O_DIRECTORY;
        long result = descriptor.call(fd -> Descriptor.openat2(fd, THIS, flags, 0, 0));
        return new Directory(new Descriptor(Libc.check(result, "openat2", what)), Path.of("/"));
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
