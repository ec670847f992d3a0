package io.berth.service;

import io.berth.fault.Fault;
import io.berth.format.ImageBlocks;
import io.berth.pool.ClaimedSource;
import io.berth.pool.Pool;
import io.berth.pool.Pools;
import io.berth.volume.BlockRange;
import io.berth.volume.Format;
import io.berth.volume.Snapshot;
import io.berth.volume.SnapshotId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which blocks of a snapshot hold data, and which differ from those of an earlier snapshot of the same volume: what a backup
 * has to read. Of images only, with a file system or of raw blocks. Thread-safe.
 */
public final class SnapshotMetadata {
    private final Pools pools;

    public SnapshotMetadata(Pools pools) {
        this.pools = pools;
    }

    /** Ranges of blocks, told little by little; until it is closed the snapshots are not deleted. One thread's. */
    public static final class Blocks implements AutoCloseable {
        private final List<ClaimedSource> sources;
        private final ImageBlocks blocks;

        private Blocks(List<ClaimedSource> sources, ImageBlocks blocks) {
            this.sources = sources;
            this.blocks = blocks;
        }

        /** How large the snapshot is, bytes. */
        public long capacityBytes() {
            return blocks.size();
        }

        /** Whether {@link #next} has told all. */
        public boolean done() {
            return blocks.done();
        }

        /**
         * The next ranges, in order, none overlapping another; may be none though more follow, since each call looks at so
         * much only.
         *
         * @param max how many at most, 1 or more
         */
        public List<BlockRange> next(int max) {
            return blocks.next(max);
        }

        @Override
        public void close() {
            blocks.close();
            sources.forEach(ClaimedSource::close);
        }
    }

    /**
     * The blocks that hold data; the others read as zeros.
     *
     * @param from where to begin, bytes
     * @throws Fault NOT_FOUND when there is no such snapshot, BUSY while it is being made, FAILED_PRECONDITION when it is of
     *     a directory, OUT_OF_RANGE when it ends before {@code from}
     */
    public Blocks allocated(String snapshot, long from) {
        return open(List.of(image(snapshot)), from);
    }

    /**
     * The blocks that differ between two snapshots of a volume, up to the end of the later one.
     *
     * @param from where to begin, bytes
     * @throws Fault as {@link #allocated}, and INVALID_ARGUMENT when they are of different volumes or the base is the later
     */
    public Blocks changed(String base, String target, long from) {
        Snapshot before = image(base);
        Snapshot after = image(target);
        if (!before.source().equals(after.source())) {
            throw Fault.invalid(
                    "base_snapshot_id",
                    base,
                    "it is of " + before.source().described() + ", the target of "
                            + after.source().described() + "; only snapshots of one volume are compared");
        }
        if (before.created().isAfter(after.created())) {
            throw Fault.invalid("base_snapshot_id", base, "it was made after the target; change places");
        }
        return open(List.of(after, before), from);
    }

    private Snapshot image(String text) {
        Snapshot snapshot = SnapshotId.parse(text)
                .flatMap(id ->
                        pools.find(id.pool()).flatMap(pool -> pool.snapshots().find(id)))
                .orElseThrow(() -> new Fault(Fault.Kind.NOT_FOUND, "there is no snapshot " + Fault.quote(text)));
        if (snapshot.format() instanceof Format.Directory) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    snapshot.id().described() + " is of a directory, which has no blocks; back up its files");
        }
        return snapshot;
    }

    /** The first, compared with the second if there is one. */
    private Blocks open(List<Snapshot> snapshots, long from) {
        Pool pool = pools.get(snapshots.getFirst().id().pool());
        List<ClaimedSource> sources = new ArrayList<>();
        try {
            snapshots.forEach(snapshot -> sources.add(pool.snapshots().claim(snapshot.id())));
            Optional<ClaimedSource> base = sources.stream().skip(1).findFirst();
            return inRange(new Blocks(sources, sources.getFirst().blocks(base, from)), from);
        } catch (RuntimeException e) {
            sources.forEach(ClaimedSource::close);
            throw e;
        }
    }

    private static Blocks inRange(Blocks blocks, long from) {
        if (from < 0 || from > blocks.capacityBytes()) {
            blocks.blocks.close();
            throw new Fault(
                    Fault.Kind.OUT_OF_RANGE,
                    "starting_offset " + from + ": 0 to " + blocks.capacityBytes() + ", the size of the snapshot");
        }
        return blocks;
    }
}
