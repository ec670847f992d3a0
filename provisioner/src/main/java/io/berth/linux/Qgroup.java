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
    private static final long FIRST_SUBVOLUME = 256;
    private static final long LAST_SUBVOLUME = (1L << 48) - 1;
    private static final long QUOTA_TREE = 8;
    private static final int STATUS_ITEM = 240;
    private static final int INFO_ITEM = 242;
    private static final int LIMIT_ITEM = 244;

    private static final long STATUS_ON = 1;
    private static final long MAX_RFER = 1;
    /** As a limit it takes the limit away. */
    private static final long NONE = -1;

    // struct btrfs_qgroup_status_item: le64 version, generation, flags, ...
    private static final int STATUS_FLAGS = 16;
    // struct btrfs_qgroup_info_item: le64 generation, rfer, ...
    private static final int INFO_RFER = 8;
    // struct btrfs_qgroup_limit_item: le64 flags, max_rfer, ...
    private static final int LIMIT_MAX_RFER = 8;
    // struct btrfs_ioctl_qgroup_limit_args: u64 qgroupid, flags, max_rfer, and three more
    private static final int LIMIT_ARGS_BYTES = 48;

    /** Whether btrfs counts, which is what {@code btrfs quota enable} makes it do; false on other file systems. */
    public static boolean areOn(Directory directory) {
        return Btrfs.isBtrfs(directory)
                && BtrfsTree.item(directory, QUOTA_TREE, 0, STATUS_ITEM, 0)
                        .filter(status -> (status.getLong(STATUS_FLAGS) & STATUS_ON) != 0)
                        .isPresent();
    }

    /** The one of the subvolume that this directory lies in; empty when quotas are off. */
    public static Optional<Qgroup> of(Directory directory) {
        if (!areOn(directory)) {
            return Optional.empty();
        }
        long id = Btrfs.subvolumeId(directory);
        Optional<ByteBuffer> info = BtrfsTree.item(directory, QUOTA_TREE, 0, INFO_ITEM, id);
        Optional<Long> limit = BtrfsTree.item(directory, QUOTA_TREE, 0, LIMIT_ITEM, id)
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
     * Forgets what was counted for subvolumes that are gone, which newer kernels (6.11 on) do by themselves. Two system
     * calls for each subvolume.
     *
     * @param anywhere a directory of the file system
     */
    public static void removeStale(Directory anywhere) {
        if (!areOn(anywhere)) {
            return;
        }
        long next = FIRST_SUBVOLUME;
        while (next <= LAST_SUBVOLUME) {
            Optional<BtrfsTree.Item> found = BtrfsTree.first(anywhere, QUOTA_TREE, 0, INFO_ITEM, next, LAST_SUBVOLUME);
            if (found.isEmpty()) {
                return;
            }
            long id = found.get().offset();
            if (BtrfsTree.first(anywhere, ROOT_TREE, id, ROOT_ITEM, 0, -1).isEmpty()) {
                remove(anywhere, id);
            }
            next = id + 1;
        }
    }

    private static void remove(Directory anywhere, long id) {
        byte[] arguments = new byte[2 * Long.BYTES];
        Libc.struct(arguments).putLong(0).putLong(id);
        long result = anywhere.descriptor.call(fd -> Libc.calls().ioctl(fd, QGROUP_CREATE, arguments));
        // EBUSY: something is still charged to it, until the next commit
        if (result != -Errno.EBUSY && result != -Errno.ENOENT && result != -Errno.ENOTCONN) {
            Libc.check(result, "ioctl BTRFS_IOC_QGROUP_CREATE", anywhere.path().toString());
        }
    }
}
