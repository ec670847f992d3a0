package io.berth.catalog;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.volume.Snapshot;
import io.berth.volume.SnapshotId;
import io.berth.volume.VolumeId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The records of one pool's snapshots. As {@link Catalog} for volumes: each method is one step of a snapshot's life, durable
 * when it returns and safe to repeat; none touches data; callers hold the snapshot's lock for the steps of one.
 *
 * <p>Methods that read a record throw a {@link Fault} CORRUPT when it cannot be trusted.
 */
public final class SnapshotCatalog implements AutoCloseable {
    private final RecordStates states;
    private final SourceIndex bySource;

    private SnapshotCatalog(Directory snapshots) {
        states = new RecordStates(snapshots, "ready");
        bySource = new SourceIndex(RecordFolder.openDirectory(snapshots, "by-source"));
    }

    /** Opens the catalog in the folder {@code snapshots} of a pool's records, making the folders that are missing. */
    public static SnapshotCatalog open(Directory snapshots) {
        return new SnapshotCatalog(snapshots);
    }

    /** The snapshot with this id, ready or being made; empty when there is none. */
    public Optional<Snapshot> find(SnapshotId id) {
        return ready(id).or(() -> creating(id));
    }

    /** The snapshot with this id that is ready. */
    public Optional<Snapshot> ready(SnapshotId id) {
        return states.made.read(id.toString()).map(bytes -> SnapshotRecord.decode(id, bytes, true));
    }

    /**
     * The snapshot with this id that is being made, or was when a crash came. An intent that was cut short while it was
     * written is none.
     */
    public Optional<Snapshot> creating(SnapshotId id) {
        return states.creating
                .read(id.toString())
                .filter(bytes -> !RecordText.isCutShort(bytes))
                .map(bytes -> SnapshotRecord.decode(id, bytes, false));
    }

    /** Whether there is an intent to make a snapshot of this id, cut short or whole. */
    public boolean isCreating(SnapshotId id) {
        return states.creating.read(id.toString()).isPresent();
    }

    /** The intent to delete the snapshot of this id that was not carried through. */
    public Optional<Snapshot> deleting(SnapshotId id) {
        return states.deleting.read(id.toString()).map(bytes -> SnapshotRecord.decode(id, bytes, true));
    }

    /**
     * Writes the intent to make a snapshot.
     *
     * @return false when there is such an intent already
     */
    public boolean begin(Snapshot snapshot) {
        if (!states.creating.create(snapshot.id().toString(), SnapshotRecord.encode(snapshot))) {
            return false;
        }
        bySource.add(snapshot.source(), snapshot.id());
        return true;
    }

    /** Notes in the intent to make a snapshot what is known once its data is whole. */
    public void prepare(Snapshot snapshot) {
        states.creating.replace(snapshot.id().toString(), SnapshotRecord.encode(snapshot), states.tmp);
    }

    /** Turns the intent to make a snapshot, which {@link #prepare} was called for, into one. */
    public void commit(SnapshotId id) {
        states.commit(id.toString());
    }

    /** Forgets the intent to make a snapshot, once nothing of what it described is left. */
    public void abandon(SnapshotId id) {
        creating(id).ifPresent(snapshot -> bySource.remove(snapshot.source(), id));
        states.tmp.remove(id.toString()); // left by a crash in prepare
        states.creating.remove(id.toString());
    }

    /** Turns a snapshot into the intent to delete it; from now on {@link #find} does not see it. */
    public void beginDelete(SnapshotId id) {
        states.beginDelete(id.toString());
    }

    /** Forgets the intent to delete, once the data is out of the way. */
    public void finishDelete(Snapshot snapshot) {
        bySource.remove(snapshot.source(), snapshot.id());
        states.deleting.remove(snapshot.id().toString());
    }

    /** Leaves one record of this id where a power cut left several; as {@link Catalog#settle}. */
    public boolean settle(SnapshotId id) {
        return states.settle(id.toString(), () -> ready(id));
    }

    /** Makes sure that the record of a snapshot that is ready, or that there is none, is on disk. */
    public void confirm(SnapshotId id) {
        states.made.confirm(id.toString(), states.tmp);
    }

    /** Waits until all records are on disk where they are now. */
    public void sync() {
        states.sync();
    }

    /** Which snapshots a {@link #list} is of, and in which order of folders they are looked for. */
    public enum Part {
        /** Those being made. */
        CREATING,
        /** Those that are ready. */
        READY
    }

    /**
     * A page of snapshots, in the order of the folder.
     *
     * @param snapshots at most as many as asked for
     * @param unreadable why a record was left out
     * @param next where the next page begins; empty on the last
     */
    public record Page(List<Snapshot> snapshots, List<Fault> unreadable, OptionalLong next) {}

    /**
     * Reads a page of one part.
     *
     * @param from 0 for the first page, else {@link Page#next} of the one before
     */
    public Page list(Part part, long from, int max) {
        return switch (part) {
            case CREATING -> page(states.creating.list(from, max), this::creating);
            case READY -> page(states.made.list(from, max), this::ready);
        };
    }

    /** Reads a page of the snapshots of one volume, ready and being made; costs no more for those of others. */
    public Page list(VolumeId source, long from, int max) {
        return page(
                bySource.list(source, from, max),
                id -> find(id).filter(snapshot -> snapshot.source().equals(source)));
    }

    private static Page page(RecordFolder.Page names, Function<SnapshotId, Optional<Snapshot>> reader) {
        List<Snapshot> found = new ArrayList<>();
        List<Fault> unreadable = new ArrayList<>();
        for (String name : names.names()) {
            try {
                SnapshotId.parse(name).flatMap(reader).ifPresent(found::add);
            } catch (Fault e) {
                unreadable.add(e);
            }
        }
        return new Page(found, unreadable, names.next());
    }

    /** Hands over every snapshot that is ready and whose record can be trusted. */
    public void forEachReadable(Consumer<Snapshot> action) {
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            Page page = list(Part.READY, next.getAsLong(), 1000);
            page.snapshots().forEach(action);
            next = page.next();
        }
    }

    /** Hands over the id of every snapshot that is ready. */
    public void forEachReady(Consumer<SnapshotId> action) {
        states.made.forEach(name -> SnapshotId.parse(name).ifPresent(action));
    }

    /** Hands over the id of every intent, to make or to delete. */
    public void forEachUnfinished(Consumer<SnapshotId> action) {
        states.forEachIntent(name -> SnapshotId.parse(name).ifPresent(action));
    }

    /** Whether a snapshot is listed as one of its source. */
    public boolean isIndexed(Snapshot snapshot) {
        return bySource.has(snapshot.source(), snapshot.id());
    }

    /** Lists a snapshot as one of its source; does nothing when it is. */
    public void index(Snapshot snapshot) {
        bySource.add(snapshot.source(), snapshot.id());
    }

    /** Lists a snapshot no more as one of this volume. */
    public void unindex(VolumeId source, SnapshotId id) {
        bySource.remove(source, id);
    }

    /** Hands over what is listed as a snapshot of which volume. */
    public void forEachIndexed(BiConsumer<VolumeId, SnapshotId> action) {
        bySource.forEach(action);
    }

    /** When a snapshot last became ready or was deleted, by whomever. */
    public Instant changed() {
        return states.made.changed();
    }

    @Override
    public void close() {
        states.close();
        bySource.close();
    }
}
