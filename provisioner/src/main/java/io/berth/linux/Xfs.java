package io.berth.linux;

import java.nio.ByteBuffer;

/** What only XFS can do, by ioctl. See ioctl_xfs_fsgeometry(2) and fs/xfs/libxfs/xfs_fs.h. */
public final class Xfs {
    private static final long XFS_IOC_FSGEOMETRY_V1 = 0x80705864L;
    private static final long XFS_IOC_FSGROWFSDATA = 0x4010586eL;

    // struct xfs_fsop_geom_v1: u32 blocksize, ..., u32 imaxpct, u64 datablocks, ...
    private static final int GEOMETRY_BYTES = 112;
    private static final int GEOMETRY_IMAXPCT = 28;
    private static final int GEOMETRY_DATABLOCKS = 32;
    // struct xfs_growfs_data: u64 newblocks, u32 imaxpct
    private static final int GROWFS_BYTES = 16;

    private Xfs() {}

    /**
     * The shape of a mounted file system.
     *
     * @param blockSize bytes
     * @param blocks how many it fills
     * @param inodePercent how much of it may hold inodes
     */
    public record Geometry(int blockSize, long blocks, int inodePercent) {}

    /** Asks for the shape, through any directory in the file system. */
    public static Geometry geometry(Directory root) {
        byte[] geometry = new byte[GEOMETRY_BYTES];
        long result = root.descriptor.call(fd -> Libc.calls().ioctl(fd, XFS_IOC_FSGEOMETRY_V1, geometry));
        Libc.check(result, "ioctl XFS_IOC_FSGEOMETRY", root.path().toString());
        ByteBuffer in = Libc.struct(geometry);
        return new Geometry(in.getInt(0), in.getLong(GEOMETRY_DATABLOCKS), in.getInt(GEOMETRY_IMAXPCT));
    }

    /**
     * Makes a mounted file system fill so many blocks.
     *
     * @param root a directory in it, reached by a writable mount
     * @throws SystemCallException EINVAL when it is larger, EAGAIN when it is being resized
     */
    public static void grow(Directory root, long blocks, int inodePercent) {
        byte[] data = new byte[GROWFS_BYTES];
        Libc.struct(data).putLong(blocks).putInt(inodePercent);
        long result = root.descriptor.call(fd -> Libc.calls().ioctl(fd, XFS_IOC_FSGROWFSDATA, data));
        Libc.check(result, "ioctl XFS_IOC_FSGROWFSDATA", root.path().toString());
    }
}
