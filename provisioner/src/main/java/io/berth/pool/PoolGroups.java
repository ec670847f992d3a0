package io.berth.pool;

import io.berth.catalog.GroupCatalog;
import io.berth.copy.Copied;
import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.format.DataSource;
import io.berth.linux.Directory;
import io.berth.volume.GroupSnapshot;
import io.berth.volume.GroupSnapshotId;
import io.berth.volume.Snapshot;
import io.berth.volume.SnapshotId;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The group snapshots of a pool. The group's record decides: until it is committed its snapshots are undone by a crash, from
 * then on they are finished, and once it is an intent to delete they go. Callers hold the group's lock while they decide and
 * act. Thread-safe for different groups.
 */
public final class PoolGroups implements AutoCloseable {
    private final GroupCatalog catalog;
    private final VolumeLocks locks;
    private final PoolSnapshots snapshots;

    PoolGroups(GroupCatalog catalog, VolumeLocks locks, PoolSnapshots snapshots) {
        this.catalog = catalog;
        this.locks = locks;
        this.snapshots = snapshots;
    }

    /** Opens the records, which lie beside those of the snapshots. */
    static GroupCatalog catalog(Directory snapshots) {
        try (Directory groups = PoolFolder.ofRecords(snapshots, "groups")) {
            return GroupCatalog.open(groups);
        }
    }

    /** Takes a group's lock; see {@link VolumeLocks#lock}. */
    public VolumeLocks.Held lock(GroupSnapshotId id) {
        return locks.lock(id);
    }

    /** Hands over the id of every group that was made. */
    void forEach(Consumer<GroupSnapshotId> action) {
        catalog.forEachReady(action);
    }

    /** The group with this id, once all of its snapshots are made. */
    public Optional<GroupSnapshot> find(GroupSnapshotId id) {
        return catalog.find(id);
    }

    /** Whether the record of a group that was made can be no group's: a whole one is never seen so. */
    boolean isCutShort(GroupSnapshotId id) {
        return catalog.find(id).isEmpty() && catalog.isReady(id);
    }

    /** Whether a group of this id is being made or deleted, or a crash came meanwhile. */
    boolean isUnfinished(GroupSnapshotId id) {
        return catalog.creating(id).isPresent() || catalog.deleting(id).isPresent();
    }

    /** How a copy may go that makes this group: as far as there is room. */
    public Progress watch() {
        return snapshots.watch();
    }

    /**
     * Makes a group, whole or not at all; durable when it returns. The id must be free and settled.
     *
     * @param sources the group's, in any order
     * @throws Fault ALREADY_EXISTS when one of its snapshots' ids is taken, RESOURCE_EXHAUSTED when there is no room
     * @throws java.util.concurrent.CancellationException when it was cancelled
     */
    public void make(GroupSnapshot group, List<ClaimedSource> sources, Progress progress) {
        Map<String, ClaimedSource> byId =
                sources.stream().collect(Collectors.toMap(source -> source.id().toString(), Function.identity()));
        List<Snapshot> members = new ArrayList<>();
        SortedMap<String, DataSource> data = new TreeMap<>();
        for (int i = 0; i < group.sources().size(); i++) {
            SnapshotId id = group.snapshots().get(i);
            ClaimedSource source = byId.get(group.sources().get(i).toString());
            if (source == null) {
                throw new IllegalArgumentException(group.sources().get(i) + " is not among the sources");
            }
            members.add(new Snapshot(
                    id,
                    id.name(),
                    group.sources().get(i),
                    source.format(),
                    source.capacityBytes(),
                    0,
                    group.created(),
                    false,
                    Optional.of(group.id()),
                    group.parameters()));
            data.put(id.toString(), source.data());
        }
        locked(group.snapshots().iterator(), () -> make(group, members, data, progress));
    }

    /** Runs an action with the locks of these snapshots, which all take in the same order. */
    private void locked(Iterator<SnapshotId> left, Runnable action) {
        if (!left.hasNext()) {
            action.run();
            return;
        }
        try (VolumeLocks.Held lock = snapshots.lock(left.next())) {
            locked(left, action);
        }
    }

    private void make(
            GroupSnapshot group, List<Snapshot> members, SortedMap<String, DataSource> data, Progress progress) {
        members.forEach(this::requireFree);
        if (!catalog.begin(group)) {
            throw new Fault(
                    Fault.Kind.BUSY, "another process is making " + group.id().described() + "; try again");
        }
        List<Snapshot> whole = new ArrayList<>();
        boolean made = false;
        try {
            members.forEach(snapshots::begin);
            progress.check();
            Map<String, Copied> copied = snapshots.copyAtOnce(data, progress);
            for (Snapshot member : members) {
                Copied copy = copied.get(member.id().toString());
                if (copy == null) {
                    throw new IllegalStateException("no copy of " + member.source());
                }
                whole.add(snapshots.place(member, copy));
            }
            catalog.commit(group.id());
            made = true;
            whole.forEach(snapshots::commit);
        } catch (RuntimeException | Error e) {
            if (!made) {
                undo(group, e); // once it is committed, settling finishes it
            }
            throw e;
        } finally {
            (made ? whole : members).forEach(snapshots::settleRoom);
        }
    }

    private void requireFree(Snapshot member) {
        snapshots.settle(member.id());
        if (snapshots.find(member.id()).isPresent()) {
            throw new Fault(
                    Fault.Kind.ALREADY_EXISTS, "there is a " + member.id().described() + " already");
        }
    }

    private void undo(GroupSnapshot group, Throwable why) {
        try {
            undo(group);
        } catch (RuntimeException again) {
            why.addSuppressed(again); // the intent stays, so the next create or start undoes it
        }
    }

    /** With the locks of its snapshots. */
    private void undo(GroupSnapshot group) {
        group.snapshots().forEach(snapshots::settle);
        catalog.abandon(group.id());
    }

    /**
     * Deletes a group and its snapshots; constant time for each, whatever it holds.
     *
     * @throws Fault BUSY while a volume is made of one
     */
    public void delete(GroupSnapshot group) {
        locked(group.snapshots().iterator(), () -> {
            group.snapshots().forEach(snapshots::requireUnused);
            catalog.beginDelete(group.id());
            finishDelete(group);
        });
    }

    /** With the locks of its snapshots. */
    private void finishDelete(GroupSnapshot group) {
        for (SnapshotId id : group.snapshots()) {
            snapshots.settle(id);
            snapshots.find(id).filter(member -> isMember(member, group)).ifPresent(snapshots::delete);
        }
        catalog.finishDelete(group.id());
    }

    private static boolean isMember(Snapshot snapshot, GroupSnapshot group) {
        return snapshot.group().equals(Optional.of(group.id()));
    }

    /** Its snapshots; fewer than it was made of only when somebody took one away by hand. */
    public List<Snapshot> members(GroupSnapshot group) {
        return group.snapshots().stream()
                .flatMap(id -> snapshots.find(id).stream())
                .filter(member -> isMember(member, group))
                .toList();
    }

    /**
     * Makes sure that a group's record and its snapshots' are on disk, before somebody is told of it; finishes what a failure
     * left undone when the group was made.
     */
    public void confirm(GroupSnapshot group) {
        locked(group.snapshots().iterator(), () -> {
            catalog.confirm(group.id());
            for (SnapshotId id : group.snapshots()) {
                snapshots.settle(id);
                snapshots.confirm(id);
            }
        });
    }

    /** Makes sure that it is on disk that there is no such group, before somebody is told of it. */
    public void confirmGone(GroupSnapshotId id) {
        catalog.confirm(id);
    }

    /** Finishes or undoes what a crash left of this group. Does nothing when nothing was left. */
    public void settle(GroupSnapshotId id) {
        if (!catalog.settle(id)) {
            return;
        }
        catalog.deleting(id).ifPresent(group -> locked(group.snapshots().iterator(), () -> finishDelete(group)));
        catalog.creating(id)
                .ifPresentOrElse(
                        group -> locked(group.snapshots().iterator(), () -> undo(group)), () -> catalog.abandon(id));
    }

    /** Settles every group that a crash left unfinished and that no other process is working on. */
    void recover() {
        catalog.sync();
        List<GroupSnapshotId> unfinished = new ArrayList<>();
        catalog.forEachUnfinished(unfinished::add);
        locks.settle(unfinished, this::settle);
    }

    @Override
    public void close() {
        catalog.close();
    }
}
