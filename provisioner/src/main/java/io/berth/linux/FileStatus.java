package io.berth.linux;

import io.berth.fault.Fault;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;

/**
 * What statx(2) tells of a file.
 *
 * @param mode the permission bits and setuid, setgid and sticky: 07777
 * @param links how many names it has
 * @param size bytes
 * @param allocated the bytes it takes on the device: less than {@code size} when it has holes or is compressed
 * @param inode unique in its file system
 * @param deviceMajor with {@code deviceMinor} the file system the file lies in
 * @param rdevMajor with {@code rdevMinor} the device that a CHAR_DEVICE or BLOCK_DEVICE is; else 0
 * @param accessed when the content was last read, as far as the file system keeps track
 * @param modified when the content was last changed, to the nanosecond
 * @param mountRoot whether the file is the root of a mount
 * @param mountId the mount it was reached by, as the mount table numbers it
 */
public record FileStatus(
        FileType type,
        int mode,
        long uid,
        long gid,
        long links,
        long size,
        long allocated,
        long inode,
        int deviceMajor,
        int deviceMinor,
        int rdevMajor,
        int rdevMinor,
        Instant accessed,
        Instant modified,
        boolean mountRoot,
        int mountId) {
    /** The basic ones, and the mount's number. */
    private static final int WANTED = 0x7ff | 0x1000;

    private static final int WRITABLE_BY_OTHERS = 022;
    private static final int FORCE_SYNC = 0x2000;
    private static final int STRUCT_BYTES = 256;
    private static final int SECTOR = 512;
    private static final long ATTRIBUTE_MOUNT_ROOT = 0x2000;

    /** Whether both are the status of one file. */
    public boolean isSameFile(FileStatus other) {
        return inode == other.inode && deviceMajor == other.deviceMajor && deviceMinor == other.deviceMinor;
    }

    /** The same, but with this time of the last access. */
    public FileStatus withAccessed(Instant time) {
        return new FileStatus(
                type,
                mode,
                uid,
                gid,
                links,
                size,
                allocated,
                inode,
                deviceMajor,
                deviceMinor,
                rdevMajor,
                rdevMinor,
                time,
                modified,
                mountRoot,
                mountId);
    }

    /**
     * Refuses what others than root and this process's user may have written: what it says is not believed.
     *
     * @param path of the file, for people
     * @throws Fault FAILED_PRECONDITION with the cure
     */
    public void requireOurs(Object path) {
        String then = ", so others may have written what is there; look at it, and if it is right: ";
        if (uid != 0 && uid != Linux.geteuid()) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    path + " belongs to user " + uid + then + "chown root:root " + path);
        }
        if ((mode & WRITABLE_BY_OTHERS) != 0) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    path + " has mode " + String.format(Locale.ROOT, "%04o", mode) + then + "chmod go-w " + path);
        }
    }

    /** The status of what the descriptor itself is. */
    static FileStatus of(Descriptor descriptor, Object path) {
        byte[] statx = new byte[STRUCT_BYTES];
        long result = descriptor.call(fd -> Libc.calls().statx(fd, Libc.EMPTY_PATH, Libc.AT_EMPTY_PATH, WANTED, statx));
        Libc.check(result, "statx", path);
        return decode(statx);
    }

    /** Whether the server of a network file system knows the file no more; it is asked, whatever is remembered of it. */
    static boolean isStale(Descriptor descriptor, Object path) {
        byte[] statx = new byte[STRUCT_BYTES];
        int flags = Libc.AT_EMPTY_PATH | FORCE_SYNC;
        long result = descriptor.call(fd -> Libc.calls().statx(fd, Libc.EMPTY_PATH, flags, WANTED, statx));
        if (result == -Errno.ESTALE) {
            return true;
        }
        Libc.check(result, "statx", path);
        return false;
    }

    /** The status of a name in a directory, of the link itself if it is one; empty when there is none. */
    static Optional<FileStatus> of(Descriptor directory, byte[] name, String path) {
        byte[] statx = new byte[STRUCT_BYTES];
        long result = directory.call(fd -> Libc.calls().statx(fd, name, Libc.AT_SYMLINK_NOFOLLOW, WANTED, statx));
        return decode(result, statx, path);
    }

    /** The status at a path, of the link itself if the last component is one; empty when there is none. */
    static Optional<FileStatus> of(Path path) {
        byte[] statx = new byte[STRUCT_BYTES];
        byte[] bytes = FileName.encode(path.toString());
        long result =
                Libc.call(() -> Libc.calls().statx(Libc.AT_FDCWD, bytes, Libc.AT_SYMLINK_NOFOLLOW, WANTED, statx));
        return decode(result, statx, path.toString());
    }

    private static Optional<FileStatus> decode(long result, byte[] statx, String path) {
        if (result == -Errno.ENOENT) {
            return Optional.empty();
        }
        Libc.check(result, "statx", path);
        return Optional.of(decode(statx));
    }

    private static FileStatus decode(byte[] statx) {
        ByteBuffer in = Libc.struct(statx);
        int mode = Short.toUnsignedInt(in.getShort(28));
        return new FileStatus(
                FileType.of(mode >> 12),
                mode & 07777,
                Integer.toUnsignedLong(in.getInt(20)),
                Integer.toUnsignedLong(in.getInt(24)),
                Integer.toUnsignedLong(in.getInt(16)),
                in.getLong(40),
                in.getLong(48) * SECTOR,
                in.getLong(32),
                in.getInt(136),
                in.getInt(140),
                in.getInt(128),
                in.getInt(132),
                Instant.ofEpochSecond(in.getLong(64), in.getInt(72)),
                Instant.ofEpochSecond(in.getLong(112), in.getInt(120)),
                (in.getLong(8) & ATTRIBUTE_MOUNT_ROOT) != 0,
                in.getInt(144));
    }
}
