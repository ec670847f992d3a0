package io.berth.volume;

/**
 * The id of what a pool holds, {@code <pool>.<name>}, at most 128 bytes. It is a file name as it stands. Volumes,
 * snapshots and group snapshots have ids of one grammar, and one of each may have the same.
 */
public sealed interface Id permits VolumeId, SnapshotId, GroupSnapshotId {
    /** The CSI specification's limit on names and ids, in bytes of UTF-8. */
    int MAX_BYTES = 128;

    PoolName pool();

    String name();

    /** What it is and its text, such as {@code volume fast.pvc-1}: different for any two things of a pool. */
    default String described() {
        return switch (this) {
                    case VolumeId volume -> "volume ";
                    case SnapshotId snapshot -> "snapshot ";
                    case GroupSnapshotId group -> "group snapshot ";
                }
                + this;
    }
}
