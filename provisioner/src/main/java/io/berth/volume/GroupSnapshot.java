package io.berth.volume;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * Snapshots of several volumes of a pool as they were at one moment, as the group's record says. They come and go together;
 * each is a {@link Snapshot} of its own otherwise.
 *
 * @param requestedName the name it was asked for by; differs from the id's where that is a hash
 * @param sources the volumes, in the order of their ids, each once; they may be gone
 * @param created the moment
 * @param parameters the strings it was asked for with; never a secret
 */
public record GroupSnapshot(
        GroupSnapshotId id,
        String requestedName,
        List<VolumeId> sources,
        Instant created,
        Map<String, String> parameters) {
    public GroupSnapshot {
        sources = sources.stream()
                .distinct()
                .sorted(Comparator.comparing(VolumeId::toString))
                .toList();
        parameters = Map.copyOf(parameters);
    }

    /** The ids of its snapshots, in the order of {@link #sources}. */
    public List<SnapshotId> snapshots() {
        return sources.stream().map(source -> SnapshotId.ofMember(id, source)).toList();
    }
}
