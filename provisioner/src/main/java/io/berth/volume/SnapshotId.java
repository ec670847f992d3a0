package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Optional;

/** A snapshot's id, {@code <pool>.<name>}; its grammar is that of a {@link VolumeId}. */
public record SnapshotId(PoolName pool, String name) {
    /**
     * Checks the name.
     *
     * @throws Fault INVALID_ARGUMENT when the name is outside the grammar or the id too long
     */
    public SnapshotId {
        new VolumeId(pool, name);
    }

    private static SnapshotId of(VolumeId same) {
        return new SnapshotId(same.pool(), same.name());
    }

    /** The id in the text, or empty when no snapshot of Berth can have it. */
    public static Optional<SnapshotId> parse(String text) {
        return VolumeId.parse(text).map(SnapshotId::of);
    }

    /** The id of the snapshot that was asked for by this name; see {@link VolumeId#of}. */
    public static SnapshotId of(PoolName pool, String requestedName) {
        return of(VolumeId.of(pool, requestedName));
    }

    @Override
    public String toString() {
        return pool + "." + name;
    }
}
