package io.berth.linux;

import java.util.Optional;

/**
 * How the counting of a btrfs file system stands, where quotas are on; as of the last commit. See btrfs-quota(8).
 *
 * @param inconsistent whether the numbers are wrong. Then btrfs counts no more, and limits hold nobody, until everything
 *     has been counted anew
 * @param rescanning whether everything is being counted anew; what has not been reached yet is not counted
 */
public record BtrfsQuota(boolean inconsistent, boolean rescanning) {
    /** The tree that holds what is counted. */
    static final long TREE = 8;

    private static final long QUOTA_RESCAN = 0x4040942cL;
    // struct btrfs_ioctl_quota_rescan_args: u64 flags, progress, and six more
    private static final int RESCAN_ARGS_BYTES = 64;

    private static final int STATUS_ITEM = 240;
    // struct btrfs_qgroup_status_item: le64 version, generation, flags, ...
    private static final int STATUS_FLAGS = 16;
    private static final long ON = 1;
    private static final long RESCAN = 2;
    private static final long INCONSISTENT = 4;

    /** Of the file system that a directory lies in; empty when quotas are off, and when it is not btrfs. */
    public static Optional<BtrfsQuota> of(Directory directory) {
        if (!Btrfs.isBtrfs(directory)) {
            return Optional.empty();
        }
        return BtrfsTree.item(directory, TREE, 0, STATUS_ITEM, 0)
                .map(status -> status.getLong(STATUS_FLAGS))
                .filter(flags -> (flags & ON) != 0)
                .map(flags -> new BtrfsQuota((flags & INCONSISTENT) != 0, (flags & RESCAN) != 0));
    }

    /** Whether everything is counted, and limits hold. */
    public boolean isSure() {
        return !inconsistent && !rescanning;
    }

    /** Whether btrfs counts, which is what {@code btrfs quota enable} makes it do; false on other file systems. */
    public static boolean isOn(Directory directory) {
        return of(directory).isPresent();
    }

    /**
     * Begins to count everything anew, in the background. It reads all metadata, and is gone on with after a remount.
     *
     * @return false when that is being done already, and when quotas are off
     * @throws SystemCallException also EROFS, and EINVAL for simple quotas, which are never inconsistent
     */
    public static boolean rescan(Directory directory) {
        byte[] arguments = new byte[RESCAN_ARGS_BYTES];
        long result = directory.descriptor.call(fd -> Libc.calls().ioctl(fd, QUOTA_RESCAN, arguments));
        if (result == -Errno.EINPROGRESS || result == -Errno.ENOTCONN) {
            return false;
        }
        Libc.check(result, "ioctl BTRFS_IOC_QUOTA_RESCAN", directory.path().toString());
        return true;
    }
}
