package io.berth.linux;

import java.nio.ByteBuffer;

/**
 * A run of a file's data, as {@link RegularFile#fiemap} tells it. See linux/fiemap.h.
 *
 * @param offset where in the file it begins, bytes
 * @param physical where on the device it begins, bytes; means nothing when the data has no place of its own there
 * @param length bytes
 * @param placed whether {@code physical} is where the data is: it is on the device, as it is, and starts there
 * @param unwritten allocated, but reads as zeros
 * @param shared whether other files have this data too
 */
public record Extent(long offset, long physical, long length, boolean placed, boolean unwritten, boolean shared) {
    // struct fiemap_extent: u64 logical, u64 physical, u64 length, 2 u64 reserved, u32 flags, 3 u32 reserved
    static final int BYTES = 56;
    private static final int FLAGS = 40;

    /** Unknown, delayed, encoded, encrypted, not aligned, inline or the tail of others. */
    private static final int NOT_PLACED = 0x2 | 0x4 | 0x8 | 0x80 | 0x100 | 0x200 | 0x400;

    private static final int UNWRITTEN = 0x800;
    private static final int SHARED = 0x2000;

    static Extent decode(ByteBuffer struct, int at) {
        int flags = struct.getInt(at + FLAGS);
        return new Extent(
                struct.getLong(at),
                struct.getLong(at + 8),
                struct.getLong(at + 16),
                (flags & NOT_PLACED) == 0,
                (flags & UNWRITTEN) != 0,
                (flags & SHARED) != 0);
    }
}
