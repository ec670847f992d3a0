package io.berth.volume;

/** What a volume began as a copy of. */
public sealed interface Source {
    Id id();

    /** A clone. */
    record OfVolume(VolumeId id) implements Source {
        @Override
        public String toString() {
            return id.described();
        }
    }

    /** A restored snapshot. */
    record OfSnapshot(SnapshotId id) implements Source {
        @Override
        public String toString() {
            return id.described();
        }
    }
}
