package io.berth.format;

import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import io.berth.linux.FileSystemStatus;
import io.berth.volume.Usage;
import io.berth.volume.VolumeId;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.function.BiConsumer;

/**
 * How a pool's file system holds a directory to a size. Quotas may be switched on and off while the pool is open, so
 * every method asks the file system anew. Thread-safe for different volumes.
 */
sealed interface DirectoryLimits permits QgroupLimits, ProjectLimits, LimitsOfServer {
    /** Those of the file system that this root lies in. */
    static DirectoryLimits of(Directory root, UUID pool) {
        if (LimitsOfServer.isOnServer(root)) {
            return new LimitsOfServer(root);
        }
        return Btrfs.isBtrfs(root) ? new QgroupLimits(root) : new ProjectLimits(root, new Projects(root, pool));
    }

    /** By what the file system holds directories to a size, for people. */
    String name();

    /**
     * Why it cannot, with the cure; empty when it can.
     *
     * @param inodes whether the number of files is to be limited too
     */
    Optional<String> problem(boolean inodes);

    /** Why this directory cannot be held to a limit though others can, with the cure; empty when it can. */
    default Optional<String> problem(Directory data) {
        return Optional.empty();
    }

    /** Why limits do not hold now although they are set, with the cure; empty when they do, and where there are none. */
    Optional<String> lapse();

    /**
     * Begins to make limits hold again, in the background. Everything that the file system holds may be looked at, so this
     * is to be done only in a {@link #lapse()}, and not often.
     *
     * @return false when that is going on already
     */
    boolean mend();

    /**
     * Makes a directory of a kind that can be limited.
     *
     * @return false when something of that name exists
     */
    boolean mkdir(Directory parent, String name);

    /**
     * Whether a volume's directory is held to exactly this.
     *
     * @param bytes 0: no limit
     */
    boolean isSet(Directory data, VolumeId id, long bytes, OptionalLong inodes);

    /**
     * Holds a volume's directory to this.
     *
     * @throws io.berth.fault.Fault FAILED_PRECONDITION with reason and cure when the file system cannot
     */
    void set(Directory data, VolumeId id, long bytes, OptionalLong inodes);

    /**
     * How full a directory is.
     *
     * @param status what statfs(2) tells of it
     */
    Usage usage(Directory data, FileSystemStatus status);

    /** How many bytes of data a directory holds; 0 when that cannot be told without a walk. */
    long usedBytes(Directory data);

    /**
     * Gives back what was taken for directories that are gone by now.
     *
     * @param underLock runs an action under the volume's lock, or not at all when somebody else has that
     * @return whether something is left that can only be given back later
     */
    boolean giveBack(BiConsumer<VolumeId, Runnable> underLock);
}
