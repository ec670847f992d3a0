package io.berth.volume;

/** What a volume began as a copy of. */
public sealed interface Source {
    /** A clone. */
    record OfVolume(VolumeId id) implements Source {
        @Override
        public String toString() {
            return "volume " + id;
        }
    }

    /** A restored snapshot. */
    record OfSnapshot(SnapshotId id) implements Source {
        @Override
        public String toString() {
            return "snapshot " + id;
        }
    }
}
