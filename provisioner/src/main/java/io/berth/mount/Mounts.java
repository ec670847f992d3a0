package io.berth.mount;

import io.berth.linux.Bulkhead;
import io.berth.linux.DetachedMount;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.Linux;
import io.berth.linux.OpenFile;
import io.berth.linux.SystemCallException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Mounts and unmounts. A mount appears with its options at once. Where it is mounted on is the caller's to make, and to
 * look at before: a second mount of the same lies on top of the first. Thread-safe; failures are
 * {@link SystemCallException}s.
 */
public final class Mounts {
    /** More layers than this on one path are not an accident. */
    private static final int MOST_LAYERS = 10_000;

    private Mounts() {}

    /**
     * Bind mounts a file or directory, without the mounts below it.
     *
     * @param target a directory for a directory, else a file; absolute, and no symbolic link itself
     * @param options what differs from the mount that the source lies on
     */
    public static void bind(OpenFile source, Path target, Set<MountOption> options) {
        try (DetachedMount mount = DetachedMount.bind(source)) {
            attach(mount, target, options);
        }
    }

    /**
     * As {@link #bind(OpenFile, Path, Set)}, of a directory by its path; on a bulkhead, if there is one, as one call, whose
     * effect is undone when it comes after the call was given up.
     */
    public static void bind(Path source, Path target, Set<MountOption> options, Optional<Bulkhead> calls) {
        Supplier<Boolean> bind = () -> {
            try (Directory directory = Directory.open(source, calls)) {
                bind(directory, target, options);
                return true;
            }
        };
        boolean unused = calls.isPresent() ? calls.get().call(bind, late -> unmount(target)) : bind.get();
    }

    /**
     * Mounts a new, empty file system in memory.
     *
     * @param source how the mount table names it
     * @param target a directory; absolute, and no symbolic link itself
     * @param sizeBytes how much it can hold, more than 0
     * @param mode of its root directory, 07777
     */
    public static void tmpfs(
            String source, Path target, long sizeBytes, int mode, long uid, long gid, Set<MountOption> options) {
        try (DetachedMount mount = DetachedMount.tmpfs(source, sizeBytes, mode, uid, gid)) {
            attach(mount, target, options);
        }
    }

    /**
     * Makes a mount appear that no path shows yet.
     *
     * @param target a directory for a directory, else a file; absolute, and no symbolic link itself
     * @param options what differs from what the mount has already
     */
    public static void attach(DetachedMount mount, Path target, Set<MountOption> options) {
        checkAbsolute(target);
        mount.setAttributes(MountOption.mask(options), MountOption.attributes(options));
        mount.attach(target);
    }

    /**
     * Takes away all mounts that lie on a path, those that are in use too: these vanish from the path now, and end with
     * their last user.
     *
     * @param target absolute; a symbolic link there is not followed
     * @return whether there was one
     */
    public static boolean unmount(Path target) {
        checkAbsolute(target);
        for (int layer = 0; layer < MOST_LAYERS; layer++) {
            if (!unmountTop(target)) {
                return layer > 0;
            }
        }
        throw new SystemCallException("umount2", target.toString(), Errno.EBUSY);
    }

    private static boolean unmountTop(Path target) {
        try {
            return Linux.umount2(target, false);
        } catch (SystemCallException e) {
            if (e.errno() != Errno.EBUSY) {
                throw e;
            }
            return Linux.umount2(target, true);
        }
    }

    private static void checkAbsolute(Path target) {
        if (!target.isAbsolute() || target.getNameCount() == 0) {
            throw new IllegalArgumentException("not an absolute path below /: " + target);
        }
    }
}
