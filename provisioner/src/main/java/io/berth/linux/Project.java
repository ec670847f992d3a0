package io.berth.linux;

import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * The project that a regular file or directory is charged to where the file system counts projects (XFS, ext4). See
 * ioctl_xfs_fsgetxattr(2).
 *
 * @param id 0 when it is in none; unsigned 32 bits
 * @param inherited whether what is made in this directory gets the same
 */
public record Project(long id, boolean inherited) {
    private static final long FS_IOC_FSGETXATTR = 0x801c581fL;
    private static final long FS_IOC_FSSETXATTR = 0x401c5820L;
    private static final int FS_XFLAG_PROJINHERIT = 0x200;

    // struct fsxattr: u32 fsx_xflags, fsx_extsize, fsx_nextents, fsx_projid, fsx_cowextsize, 8 bytes of padding
    private static final int STRUCT_BYTES = 28;
    private static final int PROJID = 12;

    /** What a file is charged to; empty where the file system has no projects. */
    public static Optional<Project> of(OpenFile file) {
        return read(file).map(fsxattr -> {
            ByteBuffer in = Libc.struct(fsxattr);
            return new Project(Integer.toUnsignedLong(in.getInt(PROJID)), (in.getInt(0) & FS_XFLAG_PROJINHERIT) != 0);
        });
    }

    private static Optional<byte[]> read(OpenFile file) {
        byte[] fsxattr = new byte[STRUCT_BYTES];
        long result = file.descriptor.call(fd -> Libc.calls().ioctl(fd, FS_IOC_FSGETXATTR, fsxattr));
        if (isAbsent(result)) {
            return Optional.empty();
        }
        Libc.check(result, "ioctl FS_IOC_FSGETXATTR", file);
        return Optional.of(fsxattr);
    }

    /**
     * Charges a file to this project; its other flags stay.
     *
     * @return false where the file system has no projects
     * @throws SystemCallException EDQUOT when the project may have no more
     */
    public boolean set(OpenFile file) {
        Optional<byte[]> present = read(file);
        if (present.isEmpty()) {
            return false;
        }
        byte[] fsxattr = present.get();
        ByteBuffer struct = Libc.struct(fsxattr);
        int others = struct.getInt(0) & ~FS_XFLAG_PROJINHERIT;
        struct.putInt(0, others | (inherited ? FS_XFLAG_PROJINHERIT : 0)).putInt(PROJID, (int) id);
        long result = file.descriptor.call(fd -> Libc.calls().ioctl(fd, FS_IOC_FSSETXATTR, fsxattr));
        if (isAbsent(result)) {
            return false;
        }
        Libc.check(result, "ioctl FS_IOC_FSSETXATTR", file);
        return true;
    }

    private static boolean isAbsent(long result) {
        return result == -Errno.ENOTTY || result == -Errno.EOPNOTSUPP;
    }
}
