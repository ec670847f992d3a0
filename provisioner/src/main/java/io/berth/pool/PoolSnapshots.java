package io.berth.pool;

import io.berth.catalog.GroupCatalog;
import io.berth.catalog.SnapshotCatalog;
import io.berth.copy.Copied;
import io.berth.copy.Progress;
import io.berth.copy.Rung;
import io.berth.fault.Fault;
import io.berth.format.DataSource;
import io.berth.format.Formats;
import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import io.berth.linux.PathHandle;
import io.berth.volume.Snapshot;
import io.berth.volume.SnapshotId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;

/**
 * The snapshots of a pool: the steps of a snapshot's life, in the one order that survives a crash. Data is copied to
 * {@code .berth/snapshots/copying}, where nobody looks, moved whole to {@code .berth/snapshots/data}, and then the record
 * is committed. Callers hold the snapshot's lock while they decide and act. Thread-safe for different snapshots.
 */
public final class PoolSnapshots implements AutoCloseable {
    private static final String PROGRESS = "@progress";

    private final SnapshotCatalog catalog;
    private final Directory data;
    private final Directory copying;
    private final VolumeLocks locks;
    private final SourceClaims claims;
    private final Trash trash;
    private final Room room;
    private final Formats formats;
    private final Rungs rungs;
    private final CrashedCopies crashed;
    private final GroupCatalog groups;

    PoolSnapshots(PoolParts parts, Directory snapshots, SnapshotCatalog catalog, GroupCatalog groups) {
        this.catalog = catalog;
        this.groups = groups;
        this.locks = parts.locks();
        this.claims = parts.claims();
        this.trash = parts.trash();
        this.room = parts.room();
        this.formats = parts.formats();
        this.rungs = parts.rungs();
        this.crashed = parts.crashed();
        this.data = PoolFolder.ofRecords(snapshots, "data");
        this.copying = PoolFolder.ofRecords(snapshots, "copying");
    }

    public SnapshotCatalog catalog() {
        return catalog;
    }

    /** Where what snapshots hold lies, by their ids. */
    Directory data() {
        return data;
    }

    /** Where snapshots are copied to before they are moved to {@link #data}. */
    Directory copying() {
        return copying;
    }

    /** Takes a snapshot's lock; see {@link VolumeLocks#lock}. */
    public VolumeLocks.Held lock(SnapshotId id) {
        return locks.lock(id);
    }

    /** The snapshot with this id, ready or being made. */
    public Optional<Snapshot> find(SnapshotId id) {
        return catalog.find(id);
    }

    /** Makes sure that a snapshot's record, or that there is none, is on disk, before somebody is told of it. */
    public void confirm(SnapshotId id) {
        catalog.confirm(id);
    }

    /**
     * Keeps a snapshot from being deleted, to make a volume of it.
     *
     * @throws Fault NOT_FOUND when there is none or its data is gone, BUSY while it is being made
     */
    public ClaimedSource claim(SnapshotId id) {
        if (catalog.ready(id).isEmpty()) {
            throw notReady(id); // without a wait for the lock, which is held while it is being made
        }
        try (VolumeLocks.Held lock = locks.lock(id)) {
            Snapshot snapshot = catalog.ready(id).orElseThrow(() -> notReady(id));
            Directory tree = data.openDirectory(id.toString())
                    .orElseThrow(() -> new Fault(
                            Fault.Kind.NOT_FOUND, "the data of " + id.described() + " is gone: " + data.path()));
            return new ClaimedSource(
                    id,
                    snapshot.format(),
                    snapshot.capacityBytes(),
                    new DataSource(tree, Optional.empty()),
                    claims.claim(id));
        }
    }

    private Fault notReady(SnapshotId id) {
        return catalog.creating(id).isPresent()
                ? new Fault(Fault.Kind.BUSY, id.described() + " is still being made; try again")
                : new Fault(Fault.Kind.NOT_FOUND, "there is no snapshot " + id);
    }

    /** How a copy may go that makes this snapshot: as far as there is room, and {@link #progress} tells how far it is. */
    public Progress watch(SnapshotId id) {
        return room.watch(progress -> write(id, progress));
    }

    /**
     * Writes the intent to make a snapshot, which {@link #find} sees then. The id must be free and settled.
     *
     * @throws Fault BUSY when another process is making it
     */
    public void begin(Snapshot snapshot) {
        boolean begun;
        try {
            begun = catalog.begin(snapshot);
        } catch (RuntimeException e) {
            undo(snapshot.id(), e);
            throw e;
        }
        if (!begun) {
            throw new Fault(
                    Fault.Kind.BUSY,
                    "another process is making " + snapshot.id().described() + "; try again");
        }
    }

    /**
     * Copies the data of a snapshot that was begun and makes it ready, or undoes it. Durable when it returns.
     *
     * @throws Fault RESOURCE_EXHAUSTED when there is no room for it
     * @throws java.util.concurrent.CancellationException when the copy was cancelled
     */
    public void make(Snapshot snapshot, ClaimedSource source, Progress progress) {
        String name = snapshot.id().toString();
        long now = 0;
        try {
            progress.check();
            Copied copied = formats.of(snapshot.format()).copy(source.data(), copying, name, progress);
            Snapshot whole = place(snapshot, copied);
            now = whole.usedBytes();
            catalog.commit(whole.id());
            rungs.remember(snapshot.format().name(), copied);
            crashed.forget(snapshot.id());
        } catch (RuntimeException | Error e) {
            if (undo(snapshot.id(), e)) {
                now = 0;
            }
            throw e;
        } finally {
            room.settle(snapshot.id(), now);
            copying.unlink(progressName(snapshot.id()));
        }
    }

    /** As {@link #watch(SnapshotId)}, for several at once. */
    Progress watch() {
        return room.watch(progress -> {});
    }

    /** Copies what several volumes hold, to where {@link #place} finds it; see {@link Formats#copyAtOnce}. */
    Map<String, Copied> copyAtOnce(SortedMap<String, DataSource> sources, Progress progress) {
        return formats.copyAtOnce(sources, copying, progress);
    }

    /**
     * Puts a copy into a snapshot's place and notes what it takes; {@link #commit} makes it ready. In the end
     * {@link #settleRoom} must be called.
     *
     * @throws Fault RESOURCE_EXHAUSTED when there is no room for it
     */
    Snapshot place(Snapshot snapshot, Copied copied) {
        String name = snapshot.id().toString();
        long used = copied.rung() == Rung.SNAPSHOT && copied.taken() == 0 ? snapshot.capacityBytes() : copied.taken();
        room.count(snapshot.id(), 0, used);
        copying.rename(name, data, name);
        if (copied.rung() == Rung.SNAPSHOT) {
            makeReadOnly(name);
        }
        data.syncAfterMove(copying);
        Snapshot whole = snapshot.ready(used);
        catalog.prepare(whole);
        return whole;
    }

    /** Only once it is in its place, for what is read-only cannot be moved. */
    private void makeReadOnly(String subvolume) {
        try (Directory placed = data.openDirectory(subvolume)
                .orElseThrow(() -> new Fault(Fault.Kind.BUSY, data.path().resolve(subvolume) + " was taken away"))) {
            Btrfs.setReadOnly(placed, true);
        }
    }

    /** Makes a snapshot ready whose copy is in its place. */
    void commit(Snapshot whole) {
        catalog.commit(whole.id());
    }

    /** Ends what {@link #place} began: what the snapshot uses now, which is nothing when it was not made. */
    void settleRoom(Snapshot snapshot) {
        room.settle(snapshot.id(), snapshot.usedBytes());
    }

    /**
     * Refuses to go on while a volume is made of a snapshot.
     *
     * @throws Fault BUSY when one is
     */
    void requireUnused(SnapshotId id) {
        claims.requireNone(id);
    }

    /** Undoes what was begun; false when it was committed, though that may not be durable, or could not be undone. */
    private boolean undo(SnapshotId id, Throwable why) {
        try {
            if (catalog.ready(id).isPresent()) {
                return false;
            }
            undo(id);
            return true;
        } catch (RuntimeException again) {
            crashed.failed(id);
            why.addSuppressed(again); // the intent stays, so the next create or start undoes it
            return false;
        }
    }

    private void undo(SnapshotId id) {
        trash.put(copying, id.toString(), id);
        trash.put(data, id.toString(), id);
        copying.unlink(progressName(id));
        catalog.abandon(id);
    }

    /**
     * Deletes a snapshot; constant time, whatever it holds.
     *
     * @throws Fault BUSY while a volume is made of it
     */
    public void delete(Snapshot snapshot) {
        claims.requireNone(snapshot.id());
        catalog.beginDelete(snapshot.id());
        room.giveBack(snapshot.id(), snapshot.usedBytes());
        finishDelete(snapshot);
    }

    private void finishDelete(Snapshot snapshot) {
        trash.put(data, snapshot.id().toString(), snapshot.id());
        catalog.finishDelete(snapshot);
    }

    /** Finishes or undoes what a crash left of this snapshot. Does nothing when nothing was left. */
    public void settle(SnapshotId id) {
        if (!catalog.settle(id)) {
            return;
        }
        catalog.deleting(id).ifPresent(this::finishDelete);
        if (catalog.isCreating(id)) {
            if (isWholeInGroup(id)) {
                data.syncAfterMove(copying);
                catalog.commit(id);
            } else {
                undo(id);
                crashed.add(id); // as for a volume, once it is undone
            }
        }
    }

    /** Whether its group was made, and so all data of the group is in its place. */
    private boolean isWholeInGroup(SnapshotId id) {
        return catalog.creating(id)
                .flatMap(Snapshot::group)
                .flatMap(groups::find)
                .isPresent();
    }

    /** Settles every snapshot that a crash left unfinished and that no other process is working on. */
    void recover() {
        catalog.sync();
        data.fsync();
        copying.fsync();
        List<SnapshotId> unfinished = new ArrayList<>();
        catalog.forEachUnfinished(unfinished::add);
        locks.settle(unfinished, this::settle);
    }

    /** How far the copy of a snapshot that is being made is, by whichever process; empty in its first second. */
    public Optional<String> progress(SnapshotId id) {
        return PathHandle.open(copying, progressName(id)).map(link -> {
            try (link) {
                return link.readlink();
            }
        });
    }

    /** A symbolic link holds the text: it appears whole without a wait for the disk, which a copy should not have. */
    private void write(SnapshotId id, Progress progress) {
        String name = progressName(id);
        copying.unlink(name);
        copying.symlink(progress.toString(), name);
    }

    private static String progressName(SnapshotId id) {
        return id + PROGRESS;
    }

    /** The id whose copy, or the progress of whose copy, has this name in {@link #copying}. */
    static String withoutProgress(String name) {
        return name.endsWith(PROGRESS) ? name.substring(0, name.length() - PROGRESS.length()) : name;
    }

    @Override
    public void close() {
        catalog.close();
        data.close();
        copying.close();
    }
}
