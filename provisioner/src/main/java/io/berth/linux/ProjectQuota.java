package io.berth.linux;

import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * What XFS or ext4 counts for one {@link Project} and holds it to, where project quotas are on. Linux 5.14 or newer is
 * needed. See quotactl(2).
 *
 * @param limitBytes what may be charged to it; 0: no limit
 * @param usedBytes what is charged to it, to the byte and to this moment
 * @param limitInodes how many files may be; 0: no limit
 * @param usedInodes how many files are
 */
public record ProjectQuota(long limitBytes, long usedBytes, long limitInodes, long usedInodes) {
    private static final long QUOTACTL_FD = 443;
    private static final int PRJQUOTA = 2;
    private static final int Q_GETQUOTA = 0x800007;
    private static final int Q_SETQUOTA = 0x800008;
    private static final int Q_XGETQSTATV = 0x5808;

    // struct fs_quota_statv: s8 qs_version, u8 of padding, u16 qs_flags, ...
    private static final int STATV_BYTES = 160;
    private static final int STATV_FLAGS = 2;
    private static final int FS_QUOTA_PDQ_ACCT = 0x10;
    private static final int FS_QUOTA_PDQ_ENFD = 0x20;

    // struct if_dqblk: u64 hard and soft limit of blocks, space, hard and soft limit of inodes, inodes, 2 times; u32
    // valid
    private static final int DQBLK_BYTES = 72;
    private static final int SPACE = 16;
    private static final int INODE_HARD_LIMIT = 24;
    private static final int INODES = 40;
    private static final int VALID = 64;
    private static final int QIF_LIMITS = 5;
    private static final int LIMIT_UNIT = 1024;

    /** Whether a directory's file system counts projects and holds them to their limits. */
    public static boolean areEnforced(Directory directory) {
        byte[] statv = new byte[STATV_BYTES];
        statv[0] = 1;
        if (!quotactl(directory, Q_XGETQSTATV, 0, statv, "Q_XGETQSTATV")) {
            return false;
        }
        int flags = Libc.struct(statv).getShort(STATV_FLAGS);
        return (flags & FS_QUOTA_PDQ_ACCT) != 0 && (flags & FS_QUOTA_PDQ_ENFD) != 0;
    }

    /** What is counted for a project on this directory's file system; empty where projects are not counted. */
    public static Optional<ProjectQuota> of(Directory directory, long project) {
        byte[] dqblk = new byte[DQBLK_BYTES];
        if (!quotactl(directory, Q_GETQUOTA, project, dqblk, "Q_GETQUOTA")) {
            return Optional.empty();
        }
        ByteBuffer in = Libc.struct(dqblk);
        return Optional.of(new ProjectQuota(
                in.getLong(0) * LIMIT_UNIT, in.getLong(SPACE), in.getLong(INODE_HARD_LIMIT), in.getLong(INODES)));
    }

    /**
     * Limits a project on this directory's file system, from the next write on.
     *
     * @param limitBytes rounded up to 1024, by XFS to its block; 0: no limit
     * @param limitInodes 0: no limit
     * @return false where projects are not counted
     */
    public static boolean limit(Directory directory, long project, long limitBytes, long limitInodes) {
        byte[] dqblk = new byte[DQBLK_BYTES];
        Libc.struct(dqblk)
                .putLong(0, Math.ceilDiv(limitBytes, LIMIT_UNIT))
                .putLong(INODE_HARD_LIMIT, limitInodes)
                .putInt(VALID, QIF_LIMITS);
        return quotactl(directory, Q_SETQUOTA, project, dqblk, "Q_SETQUOTA");
    }

    private static boolean quotactl(Directory directory, int operation, long project, byte[] argument, String name) {
        int command = operation << 8 | PRJQUOTA;
        long result = directory.descriptor.call(
                fd -> Libc.calls().syscall(QUOTACTL_FD, fd, command, (int) project, argument));
        if (result == -Errno.ENOENT) {
            return true; // XFS knows nothing of a project until something is charged to it
        }
        if (isAbsent(result)) {
            return false;
        }
        Libc.check(result, "quotactl_fd " + name, directory.path().toString());
        return true;
    }

    private static boolean isAbsent(long result) {
        return switch ((int) -Math.min(result, 0)) {
            case Errno.ENOSYS, Errno.ESRCH, Errno.EINVAL, Errno.ENODEV, Errno.EOPNOTSUPP -> true;
            default -> false;
        };
    }
}
