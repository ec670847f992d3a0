package io.berth.linux;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Subvolumes of btrfs, by ioctl. Their limits are {@link Qgroup}s. See btrfs-subvolume(8) and linux/btrfs.h. */
public final class Btrfs {
    /** {@link FileSystemStatus#type} of btrfs. */
    public static final long SUPER_MAGIC = 0x9123683EL;

    private static final long SUBVOLUME_INODE = 256;

    private static final long SUBVOL_CREATE_V2 = 0x50009418L;
    private static final long SNAP_CREATE_V2 = 0x50009417L;
    private static final long SNAP_DESTROY = 0x5000940fL;
    private static final long SUBVOL_GETFLAGS = 0x80089419L;
    private static final long SUBVOL_SETFLAGS = 0x4008941aL;
    private static final long GET_SUBVOL_ROOTREF = 0xd000943dL;
    private static final long SNAP_DESTROY_V2 = 0x5000943fL;
    private static final long INO_LOOKUP = 0xd0009412L;
    private static final long START_SYNC = 0x80089418L;
    private static final long WAIT_SYNC = 0x40089416L;
    private static final long SPACE_INFO = 0xc0109414L;
    private static final long SUBVOL_RDONLY = 2;
    private static final long SUBVOL_SPEC_BY_ID = 16;

    private static final int STRUCT_BYTES = 4096;
    // struct btrfs_ioctl_vol_args_v2: s64 fd, u64 transid, u64 flags, 32 bytes, then the name
    private static final int V2_FLAGS = 16;
    private static final int V2_NAME = 56;
    // struct btrfs_ioctl_vol_args: s64 fd, then the name
    private static final int V1_NAME = 8;
    // struct btrfs_ioctl_get_subvol_rootref_args: u64 min_treeid, 255 references, u8 num_items
    private static final int ROOTREF_FIRST = 8;
    private static final int ROOTREF_BYTES = 16;
    private static final int ROOTREF_COUNT = 4088;
    // struct file_handle: u32 handle_bytes, s32 handle_type; of btrfs: u64 objectid, u64 root_objectid, u32 generation
    private static final int HANDLE_BYTES = 20;
    private static final int HANDLE_TYPE = 0x4d;

    private static final int INODE_ITEM = 1;

    // struct btrfs_ioctl_space_args: u64 space_slots, u64 total_spaces, then of each: u64 flags, total_bytes,
    // used_bytes
    private static final int SPACES = 16;
    private static final int SPACE_BYTES = 24;
    private static final int MOST_SPACES = 16;
    private static final long BLOCK_GROUP_METADATA = 4;

    private Btrfs() {}

    /** Whether a directory lies in a btrfs file system. */
    public static boolean isBtrfs(Directory directory) {
        return directory.fileSystem().type() == SUPER_MAGIC;
    }

    /** How many bytes are free of those that a file system has set apart for its trees; it may still set apart more. */
    public static long freeTreeBytes(Directory anywhere) {
        byte[] arguments = new byte[SPACES + MOST_SPACES * SPACE_BYTES];
        ByteBuffer struct = Libc.struct(arguments);
        struct.putLong(0, MOST_SPACES);
        long result = anywhere.descriptor.call(fd -> Libc.calls().ioctl(fd, SPACE_INFO, arguments));
        Libc.check(result, "ioctl BTRFS_IOC_SPACE_INFO", text(anywhere));
        long free = 0;
        for (int i = 0; i < Math.min(struct.getLong(8), MOST_SPACES); i++) {
            int at = SPACES + i * SPACE_BYTES;
            if ((struct.getLong(at) & BLOCK_GROUP_METADATA) != 0) {
                free += struct.getLong(at + 8) - struct.getLong(at + 16);
            }
        }
        return free;
    }

    /** Whether a directory is the root of a subvolume or snapshot. */
    public static boolean isSubvolume(Directory directory) {
        return directory.status().inode() == SUBVOLUME_INODE && isBtrfs(directory);
    }

    /** Whether what has this name in a directory is the root of a subvolume or snapshot. */
    public static boolean isSubvolume(Directory parent, String name) {
        return isBtrfs(parent)
                && parent.status(name)
                        .filter(status -> status.inode() == SUBVOLUME_INODE)
                        .isPresent();
    }

    /** The id of the subvolume that a directory lies in; no other of its file system ever gets it again. */
    public static long subvolumeId(Directory directory) {
        byte[] arguments = new byte[STRUCT_BYTES];
        Libc.struct(arguments).putLong(0).putLong(SUBVOLUME_INODE);
        long result = directory.descriptor.call(fd -> Libc.calls().ioctl(fd, INO_LOOKUP, arguments));
        Libc.check(result, "ioctl BTRFS_IOC_INO_LOOKUP", text(directory));
        return Libc.struct(arguments).getLong();
    }

    /** Whether there are other subvolumes in this one; a snapshot of it would have empty directories in their place. */
    public static boolean hasSubvolumes(Directory subvolume) {
        return !subvolumesIn(subvolume).isEmpty();
    }

    /** The ids of subvolumes in this one, not of those in them in turn; the first 255 when there are more. */
    public static List<Long> subvolumesIn(Directory subvolume) {
        byte[] references = new byte[STRUCT_BYTES];
        long result = subvolume.descriptor.call(fd -> Libc.calls().ioctl(fd, GET_SUBVOL_ROOTREF, references));
        if (result != -Errno.EOVERFLOW) { // else there are more
            Libc.check(result, "ioctl BTRFS_IOC_GET_SUBVOL_ROOTREF", text(subvolume));
        }
        ByteBuffer in = Libc.struct(references);
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < Byte.toUnsignedInt(references[ROOTREF_COUNT]); i++) {
            ids.add(in.getLong(ROOTREF_FIRST + i * ROOTREF_BYTES));
        }
        return ids;
    }

    /**
     * Opens a subvolume by its id, wherever on the file system it is and however deep, even where no mount shows it.
     *
     * @param anywhere a directory of the file system
     * @return empty when there is none of that id
     */
    public static Optional<Directory> openSubvolume(Directory anywhere, long id) {
        Optional<ByteBuffer> inode = BtrfsTree.item(anywhere, id, SUBVOLUME_INODE, INODE_ITEM, 0);
        if (inode.isEmpty()) {
            return Optional.empty();
        }
        byte[] handle = new byte[8 + HANDLE_BYTES];
        int generation = (int) inode.get().getLong(0);
        Libc.struct(handle)
                .putInt(HANDLE_BYTES)
                .putInt(HANDLE_TYPE)
                .putLong(SUBVOLUME_INODE)
                .putLong(id)
                .putInt(generation);
        int flags = Descriptor.O_RDONLY | Descriptor.O_DIRECTORY | Descriptor.O_CLOEXEC;
        long result = anywhere.descriptor.open(fd -> Libc.calls().open_by_handle_at(fd, handle, flags));
        if (result == -Errno.ESTALE) {
            return Optional.empty();
        }
        Path path = anywhere.path().resolve("subvolume " + id);
        return Optional.of(new Directory(
                anywhere.descriptor.opened(Libc.check(result, "open_by_handle_at", path.toString())), path));
    }

    /**
     * Makes an empty subvolume, with mode 0777 less the bits of the umask.
     *
     * @return false when something of that name exists
     */
    public static boolean createSubvolume(Directory parent, String name) {
        byte[] arguments = arguments(V2_NAME, name);
        long result = parent.descriptor.call(fd -> Libc.calls().ioctl(fd, SUBVOL_CREATE_V2, arguments));
        if (result == -Errno.EEXIST) {
            return false;
        }
        Libc.check(result, "ioctl BTRFS_IOC_SUBVOL_CREATE_V2", parent.text(name));
        return true;
    }

    /**
     * Makes a snapshot of a subvolume, which is on disk when the method returns.
     *
     * @param readOnly whether nobody can write to it; {@link #setReadOnly} changes that
     * @return false when the two are not on one file system, or a swap file is in use in the subvolume
     * @throws SystemCallException EEXIST when something of that name exists
     */
    public static boolean createSnapshot(Directory subvolume, Directory parent, String name, boolean readOnly) {
        byte[] arguments = arguments(V2_NAME, name);
        long flags = readOnly ? SUBVOL_RDONLY : 0;
        long result = subvolume.descriptor.call(parent.descriptor, (sourceFd, fd) -> {
            Libc.struct(arguments).putLong(0, sourceFd).putLong(V2_FLAGS, flags);
            return Libc.calls().ioctl(fd, SNAP_CREATE_V2, arguments);
        });
        if (result == -Errno.EXDEV || result == -Errno.ENOTTY || result == -Errno.ETXTBSY) {
            return false;
        }
        Libc.check(result, "ioctl BTRFS_IOC_SNAP_CREATE_V2", parent.text(name));
        return true;
    }

    /**
     * Removes a subvolume or snapshot with all that is in it, read-only or not; its space comes back later.
     *
     * @return false when there is nothing of that name
     * @throws SystemCallException ENOTEMPTY when there is another subvolume in it, EINVAL when it is none
     */
    public static boolean destroySubvolume(Directory parent, String name) {
        byte[] arguments = arguments(V1_NAME, name);
        long result = parent.descriptor.call(fd -> Libc.calls().ioctl(fd, SNAP_DESTROY, arguments));
        if (result == -Errno.ENOENT) {
            return false;
        }
        Libc.check(result, "ioctl BTRFS_IOC_SNAP_DESTROY", parent.text(name));
        return true;
    }

    /**
     * As {@link #destroySubvolume(Directory, String)}, wherever on the file system it is.
     *
     * @param anywhere a directory of the file system
     * @throws SystemCallException also EROFS when it is in a subvolume that nobody can write to
     */
    public static boolean destroySubvolume(Directory anywhere, long id) {
        byte[] arguments = new byte[STRUCT_BYTES];
        Libc.struct(arguments).putLong(V2_FLAGS, SUBVOL_SPEC_BY_ID).putLong(V2_NAME, id);
        long result = anywhere.descriptor.call(fd -> Libc.calls().ioctl(fd, SNAP_DESTROY_V2, arguments));
        if (result == -Errno.ENOENT) {
            return false;
        }
        Libc.check(result, "ioctl BTRFS_IOC_SNAP_DESTROY_V2", "subvolume " + id + " of " + text(anywhere));
        return true;
    }

    /**
     * Commits what was changed in a file system so far, without the data that is still to be written to files.
     *
     * @return the generation that is on disk now
     */
    static long commit(Directory anywhere) {
        byte[] transaction = new byte[Long.BYTES];
        long result = anywhere.descriptor.call(fd -> Libc.calls().ioctl(fd, START_SYNC, transaction));
        Libc.check(result, "ioctl BTRFS_IOC_START_SYNC", text(anywhere));
        result = anywhere.descriptor.call(fd -> Libc.calls().ioctl(fd, WAIT_SYNC, transaction));
        Libc.check(result, "ioctl BTRFS_IOC_WAIT_SYNC", text(anywhere));
        return Libc.struct(transaction).getLong();
    }

    /** Whether nobody can write to a subvolume. */
    public static boolean isReadOnly(Directory subvolume) {
        return (flags(subvolume) & SUBVOL_RDONLY) != 0;
    }

    /** Lets nobody write to a subvolume any more, or everybody again. */
    public static void setReadOnly(Directory subvolume, boolean readOnly) {
        long others = flags(subvolume) & ~SUBVOL_RDONLY;
        byte[] flags = new byte[Long.BYTES];
        Libc.struct(flags).putLong(others | (readOnly ? SUBVOL_RDONLY : 0));
        long result = subvolume.descriptor.call(fd -> Libc.calls().ioctl(fd, SUBVOL_SETFLAGS, flags));
        Libc.check(result, "ioctl BTRFS_IOC_SUBVOL_SETFLAGS", text(subvolume));
    }

    private static long flags(Directory subvolume) {
        byte[] flags = new byte[Long.BYTES];
        long result = subvolume.descriptor.call(fd -> Libc.calls().ioctl(fd, SUBVOL_GETFLAGS, flags));
        Libc.check(result, "ioctl BTRFS_IOC_SUBVOL_GETFLAGS", text(subvolume));
        return Libc.struct(flags).getLong();
    }

    private static byte[] arguments(int nameOffset, String name) {
        byte[] arguments = new byte[STRUCT_BYTES];
        ByteBuffer.wrap(arguments, nameOffset, STRUCT_BYTES - nameOffset).put(FileName.component(name));
        return arguments;
    }

    private static String text(Directory subvolume) {
        return subvolume.path().toString();
    }
}
