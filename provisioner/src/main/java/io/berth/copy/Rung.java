package io.berth.copy;

import java.util.Locale;

/** The ways to copy, the best first. Each is tried, and where the kernel says that it cannot, the next is. */
public enum Rung {
    /** A btrfs snapshot of the whole subvolume: one point in time, all blocks shared. */
    SNAPSHOT,
    /** FICLONE of each file: all blocks shared. See ioctl_ficlone(2). */
    CLONE,
    /** The kernel copies the data, on an NFS 4.2 server too. See copy_file_range(2). */
    COPY_FILE_RANGE,
    /** Data is read and written. */
    READ_WRITE;

    /** The word for people, such as {@code copy_file_range}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The lower of the two rungs. */
    Rung orLower(Rung other) {
        return compareTo(other) >= 0 ? this : other;
    }
}
