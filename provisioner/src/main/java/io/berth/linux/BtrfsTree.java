package io.berth.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/** Looks into the trees that a btrfs file system is made of. See linux/btrfs_tree.h. */
final class BtrfsTree {
    private static final long TREE_SEARCH_V2 = 0xc0709411L;

    // struct btrfs_ioctl_search_args_v2: the key, of 13 words, u64 buf_size, then the items
    private static final int NR_ITEMS = 64;
    private static final int BUF_SIZE = 104;
    private static final int ITEMS = 112;
    // struct btrfs_ioctl_search_header: u64 transid, u64 objectid, u64 offset, u32 type, u32 len
    private static final int HEADER_BYTES = 32;
    private static final int HEADER_OFFSET = 16;
    private static final int HEADER_LEN = 28;
    private static final int MAX_ITEM = 512;

    private BtrfsTree() {}

    /**
     * An item of a tree.
     *
     * @param offset the last part of its key, an unsigned number
     * @param content little-endian
     */
    record Item(long offset, ByteBuffer content) {}

    /**
     * The content of the item of this key, as it was at the last commit.
     *
     * @param anywhere a directory of the file system
     * @return empty when there is no such item, or no such tree
     */
    static Optional<ByteBuffer> item(Directory anywhere, long tree, long objectId, int type, long offset) {
        return first(anywhere, tree, objectId, type, offset, offset).map(Item::content);
    }

    /** As {@link #item}: the first of those with an offset in this range, both ends included, as unsigned numbers. */
    static Optional<Item> first(
            Directory anywhere, long tree, long objectId, int type, long minOffset, long maxOffset) {
        byte[] arguments = new byte[ITEMS + HEADER_BYTES + MAX_ITEM];
        Libc.struct(arguments)
                .putLong(tree)
                .putLong(objectId)
                .putLong(objectId)
                .putLong(minOffset)
                .putLong(maxOffset)
                .putLong(0)
                .putLong(-1)
                .putInt(type)
                .putInt(type)
                .putInt(1)
                .putLong(BUF_SIZE, HEADER_BYTES + MAX_ITEM);
        long result = anywhere.descriptor.call(fd -> Libc.calls().ioctl(fd, TREE_SEARCH_V2, arguments));
        if (result == -Errno.ENOENT) {
            return Optional.empty();
        }
        Libc.check(result, "ioctl BTRFS_IOC_TREE_SEARCH_V2", anywhere.path().toString());
        ByteBuffer found = Libc.struct(arguments);
        if (found.getInt(NR_ITEMS) == 0) {
            return Optional.empty();
        }
        int length = found.getInt(ITEMS + HEADER_LEN);
        return Optional.of(new Item(
                found.getLong(ITEMS + HEADER_OFFSET),
                found.slice(ITEMS + HEADER_BYTES, length).order(ByteOrder.LITTLE_ENDIAN)));
    }
}
