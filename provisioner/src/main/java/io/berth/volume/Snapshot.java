package io.berth.volume;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A snapshot, as its record says: what a volume held at a time, kept though the volume goes. It is never changed and never
 * mounted; a volume is made from it.
 *
 * @param requestedName the name it was asked for by; differs from the id's where that is a hash
 * @param source the volume it was made of, which may be gone
 * @param format the source's
 * @param capacityBytes the source's when the snapshot was made, and the least that a volume made from it has; 0: the
 *     source was asked for without a size
 * @param usedBytes what the pool counts for it; 0 until it is ready
 * @param created the point in time, or when the copy began where it is not of one point
 * @param ready whether it is whole; else it is being copied
 * @param group the group it was made with and goes with
 * @param parameters the strings it was asked for with; never a secret
 */
public record Snapshot(
        SnapshotId id,
        String requestedName,
        VolumeId source,
        Format format,
        long capacityBytes,
        long usedBytes,
        Instant created,
        boolean ready,
        Optional<GroupSnapshotId> group,
        Map<String, String> parameters) {
    public Snapshot {
        parameters = Map.copyOf(parameters);
    }

    /** The same snapshot, whole. */
    public Snapshot ready(long usedBytes) {
        return new Snapshot(
                id, requestedName, source, format, capacityBytes, usedBytes, created, true, group, parameters);
    }

    /** The same snapshot, while its copy is under way. */
    public Snapshot unfinished() {
        return new Snapshot(id, requestedName, source, format, capacityBytes, 0, created, false, group, parameters);
    }
}
