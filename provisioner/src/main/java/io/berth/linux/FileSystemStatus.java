package io.berth.linux;

import java.nio.ByteBuffer;
import java.util.OptionalLong;

/**
 * What statfs(2) tells of a file system.
 *
 * @param totalBytes its size
 * @param freeBytes what is free, the reserve of root included
 * @param availableBytes what is free to those who are not root
 * @param totalInodes how many files it can hold; 0 when it has no such limit
 * @param freeInodes how many more files it can hold
 * @param readOnly whether the file system, or the mount it was reached by, is read-only
 * @param type the magic number of its kind, for example 0xEF53 for ext4
 * @param blockBytes the size of its blocks
 */
public record FileSystemStatus(
        long totalBytes,
        long freeBytes,
        long availableBytes,
        long totalInodes,
        long freeInodes,
        boolean readOnly,
        long type,
        long blockBytes) {
    private static final int STRUCT_BYTES = 120;
    private static final long EXT4 = 0xEF53;
    /** An extent counts blocks in 32 bits. */
    private static final long EXT4_MOST_BLOCKS = (1L << 32) - 1;

    private static final long XFS = 0x58465342;
    private static final long NFS = 0x6969;

    private static final long ST_RDONLY = 1;

    static FileSystemStatus of(Descriptor descriptor, String path) {
        byte[] statfs = new byte[STRUCT_BYTES];
        Libc.check(descriptor.call(fd -> Libc.calls().fstatfs(fd, statfs)), "fstatfs", path);
        ByteBuffer in = Libc.struct(statfs);
        long unit = Math.max(1, in.getLong(72));
        return new FileSystemStatus(
                times(in.getLong(16), unit),
                times(in.getLong(24), unit),
                times(in.getLong(32), unit),
                in.getLong(40),
                in.getLong(48),
                (in.getLong(80) & ST_RDONLY) != 0,
                in.getLong(0),
                in.getLong(8));
    }

    /** The most bytes that one file can have, whatever room there is; empty where that is more than disks have. */
    public OptionalLong largestFile() {
        return type == EXT4 ? OptionalLong.of(EXT4_MOST_BLOCKS * blockBytes) : OptionalLong.empty();
    }

    /**
     * Whether changes of names become durable in the order they were made in, so that to wait for the later one is to wait
     * for both: by their journal on ext4 and XFS, on NFS because the server answers when they are on its disk. On btrfs
     * they do not, and of others it is not known.
     */
    boolean keepsOrderOfNames() {
        return type == EXT4 || type == XFS || type == NFS;
    }

    /** Some network and FUSE file systems claim more than a long can count. */
    private static long times(long blocks, long unit) {
        return blocks < 0 || blocks > Long.MAX_VALUE / unit ? Long.MAX_VALUE : blocks * unit;
    }
}
