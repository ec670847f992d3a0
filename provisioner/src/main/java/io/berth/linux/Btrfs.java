package io.berth.linux;

import java.nio.ByteBuffer;

/** Subvolumes of btrfs, by ioctl. See btrfs-subvolume(8) and linux/btrfs.h. */
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
    private static final long SUBVOL_RDONLY = 2;

    private static final int STRUCT_BYTES = 4096;
    // struct btrfs_ioctl_vol_args_v2: s64 fd, u64 transid, u64 flags, 32 bytes, then the name
    private static final int V2_FLAGS = 16;
    private static final int V2_NAME = 56;
    // struct btrfs_ioctl_vol_args: s64 fd, then the name
    private static final int V1_NAME = 8;
    // struct btrfs_ioctl_get_subvol_rootref_args: u64 min_treeid, 255 references, u8 num_items
    private static final int ROOTREF_COUNT = 4088;

    private Btrfs() {}

    /** Whether a directory is the root of a subvolume or snapshot. */
    public static boolean isSubvolume(Directory directory) {
        return directory.status().inode() == SUBVOLUME_INODE
                && directory.fileSystem().type() == SUPER_MAGIC;
    }

    /** Whether there are other subvolumes in this one; a snapshot of it would have empty directories in their place. */
    public static boolean hasSubvolumes(Directory subvolume) {
        byte[] references = new byte[STRUCT_BYTES];
        long result = subvolume.descriptor.call(fd -> Libc.calls().ioctl(fd, GET_SUBVOL_ROOTREF, references));
        if (result == -Errno.EOVERFLOW) {
            return true; // more than the structure holds
        }
        Libc.check(result, "ioctl BTRFS_IOC_GET_SUBVOL_ROOTREF", text(subvolume));
        return references[ROOTREF_COUNT] != 0;
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
