package io.berth.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/** What only ext4 has. See fs/ext4/ext4.h. */
public final class Ext4 {
    private static final long EXT4_IOC_RESIZE_FS = 0x40086610L;

    // struct ext4_super_block, which is little-endian on every machine
    private static final int SUPERBLOCK_AT = 1024;
    private static final int SUPERBLOCK_BYTES = 1024;
    private static final int BLOCKS_LOW = 0x4;
    private static final int LOG_BLOCK_SIZE = 0x18;
    private static final int MAGIC = 0x38;
    private static final int STATE = 0x3a;
    private static final int INCOMPATIBLE = 0x60;
    private static final int BLOCKS_HIGH = 0x150;
    private static final short IS_EXT4 = (short) 0xef53;
    private static final int STATE_ERRORS = 2;
    private static final int INCOMPATIBLE_64BIT = 0x80;

    private Ext4() {}

    /**
     * What a file system says of itself.
     *
     * @param blockSize bytes
     * @param blocks how many it fills
     * @param errors whether it noted that something in it is wrong
     */
    public record Superblock(int blockSize, long blocks, boolean errors) {}

    /** Reads the superblock of what is on a device, mounted or not; empty when that is no ext4. */
    public static Optional<Superblock> superblock(LoopDevice device) {
        ByteBuffer in = ByteBuffer.allocate(SUPERBLOCK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        long result = device.descriptor.call(fd -> Libc.calls().pread(fd, in, SUPERBLOCK_BYTES, SUPERBLOCK_AT));
        long count = Libc.check(result, "pread", device.path().toString());
        if (count < SUPERBLOCK_BYTES || in.getShort(MAGIC) != IS_EXT4) {
            return Optional.empty();
        }
        boolean large = (in.getInt(INCOMPATIBLE) & INCOMPATIBLE_64BIT) != 0;
        long high = large ? Integer.toUnsignedLong(in.getInt(BLOCKS_HIGH)) : 0;
        return Optional.of(new Superblock(
                1024 << in.getInt(LOG_BLOCK_SIZE),
                (high << 32) | Integer.toUnsignedLong(in.getInt(BLOCKS_LOW)),
                (in.getShort(STATE) & STATE_ERRORS) != 0));
    }

    /**
     * Makes a mounted file system fill so many blocks.
     *
     * @param root a directory in it, reached by a writable mount
     * @param blocks of the file system's own size; a last few in which no group of blocks has room are left out
     * @throws SystemCallException EINVAL when it is larger, EPERM when it has errors, EBUSY when it is being resized
     */
    public static void resize(Directory root, long blocks) {
        byte[] count = new byte[Long.BYTES];
        Libc.struct(count).putLong(blocks);
        long result = root.descriptor.call(fd -> Libc.calls().ioctl(fd, EXT4_IOC_RESIZE_FS, count));
        Libc.check(result, "ioctl EXT4_IOC_RESIZE_FS", root.path().toString());
    }
}
