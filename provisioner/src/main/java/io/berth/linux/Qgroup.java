package io.berth.linux;

import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What btrfs counts for one subvolume and holds it to, where quotas are on. See btrfs-qgroup(8) and btrfs-quota(8).
 *
 * @param limit the most bytes it may refer to, metadata included; empty when there is no limit
 * @param referenced the bytes it refers to, shared with others or not, as of the last commit (at most 30 s ago)
 */
public record Qgroup(OptionalLong limit, long referenced) {
    private static final long QGROUP_CREATE = 0x4010942aL;
    private static final long QGROUP_LIMIT = 0x8030942bL;

    private static final long ROOT_TREE = 1;
    private static final int ROOT_ITEM = 132;
    // struct btrfs_root_item: an inode of 160 bytes, seven le64, le32 refs, ...
    private static final int ROOT_REFS = 216;
    private static final long FIRST_SUBVOLUME = 256;
    private static final long LAST_SUBVOLUME = (1L << 48) - 1;
    private static final int INFO_ITEM = 242;
    private static final int LIMIT_ITEM = 244;

    private static final long MAX_RFER = 1;
    /** As a limit it takes the limit away. */
    private static final long NONE = -1;

    // struct btrfs_qgroup_info_item: le64 generation, rfer, rfer_cmpr, excl, excl_cmpr
    private static final int INFO_GENERATION = 0;
    private static final int INFO_RFER = 8;
    private static final int INFO_EXCL = 24;
    // struct btrfs_qgroup_limit_item: le64 flags, max_rfer, ...
    private static final int LIMIT_MAX_RFER = 8;
    // struct btrfs_ioctl_qgroup_limit_args: u64 qgroupid, flags, max_rfer, and three more
    private static final int LIMIT_ARGS_BYTES = 48;

    /** The one of the subvolume that this directory lies in; empty when quotas are off. */
    public static Optional<Qgroup> of(Directory directory) {
        if (!BtrfsQuota.isOn(directory)) {
            return Optional.empty();
        }
        long id = Btrfs.subvolumeId(directory);
        Optional<ByteBuffer> info = BtrfsTree.item(directory, BtrfsQuota.TREE, 0, INFO_ITEM, id);
        Optional<Long> limit = BtrfsTree.item(directory, BtrfsQuota.TREE, 0, LIMIT_ITEM, id)
                .filter(item -> (item.getLong(0) & MAX_RFER) != 0)
                .map(item -> item.getLong(LIMIT_MAX_RFER));
        return info.map(
                item -> new Qgroup(limit.map(OptionalLong::of).orElse(OptionalLong.empty()), item.getLong(INFO_RFER)));
    }

    /**
     * Limits the subvolume that this directory lies in, from the next write on; on disk with the next commit.
     *
     * @param limit as {@link #limit()}
     * @return false when quotas are off
     */
    public static boolean limit(Directory directory, OptionalLong limit) {
        byte[] arguments = new byte[LIMIT_ARGS_BYTES];
        Libc.struct(arguments).putLong(0).putLong(MAX_RFER).putLong(limit.orElse(NONE));
        long result = directory.descriptor.call(fd -> Libc.calls().ioctl(fd, QGROUP_LIMIT, arguments));
        if (result == -Errno.ENOTCONN || result == -Errno.ENOTTY) {
            return false;
        }
        Libc.check(result, "ioctl BTRFS_IOC_QGROUP_LIMIT", directory.path().toString());
        return true;
    }

    /**
     * Forgets what was counted for subvolumes that are gone, which newer kernels (6.11 on) do by themselves. Makes a
     * commit, then two system calls for each subvolume.
     *
     * <p>A group whose subvolume has gone after the last commit still has numbers, and btrfs that forgets such a group
     * takes all numbers for wrong ({@link BtrfsQuota#inconsistent}); and one that is newer than the commit may be of a
     * subvolume that is being made. Both are left alone.
     *
     * @param anywhere a directory of the file system
     * @return whether some are left to be forgotten later, above all of subvolumes that are still being cleared away
     */
    public static boolean removeStale(Directory anywhere) {
        if (!BtrfsQuota.isOn(anywhere)) {
            return false;
        }
        long committed = Btrfs.commit(anywhere);
        boolean left = false;
        Optional<BtrfsTree.Item> group = firstFrom(anywhere, FIRST_SUBVOLUME);
        while (group.isPresent()) {
            long id = group.get().offset();
            Optional<BtrfsTree.Item> root = BtrfsTree.first(anywhere, ROOT_TREE, id, ROOT_ITEM, 0, -1);
            if (root.isPresent()) {
                left |= root.get().content().getInt(ROOT_REFS) == 0;
            } else {
                left |= !isSettled(group.get().content(), committed) || !remove(anywhere, id);
            }
            group = firstFrom(anywhere, id + 1);
        }
        return left;
    }

    private static Optional<BtrfsTree.Item> firstFrom(Directory anywhere, long id) {
        return BtrfsTree.first(anywhere, BtrfsQuota.TREE, 0, INFO_ITEM, id, LAST_SUBVOLUME);
    }

    /** Whether nothing is charged to a group, as of a commit that was after it was made. */
    private static boolean isSettled(ByteBuffer info, long committed) {
        return info.getLong(INFO_GENERATION) <= committed
                && info.getLong(INFO_RFER) == 0
                && info.getLong(INFO_EXCL) == 0;
    }

    private static boolean remove(Directory anywhere, long id) {
        byte[] arguments = new byte[2 * Long.BYTES];
        Libc.struct(arguments).putLong(0).putLong(id);
        long result = anywhere.descriptor.call(fd -> Libc.calls().ioctl(fd, QGROUP_CREATE, arguments));
        if (result == -Errno.EBUSY) {
            return false;
        }
        if (result != -Errno.ENOENT && result != -Errno.ENOTCONN) {
            Libc.check(result, "ioctl BTRFS_IOC_QGROUP_CREATE", anywhere.path().toString());
        }
        return true;
    }
}
