package io.berth.volume;

/**
 * A run of bytes of a volume or snapshot.
 *
 * @param offset where it begins, bytes
 * @param length bytes, 1 or more
 */
public record BlockRange(long offset, long length) {
    /** Where it ends: the offset of the first byte after it. */
    public long end() {
        return offset + length;
    }
}
