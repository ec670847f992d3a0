package io.berth.catalog;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.volume.GroupSnapshot;
import io.berth.volume.GroupSnapshotId;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The records of one pool's group snapshots. As {@link SnapshotCatalog}: each method is one step of a group's life, durable
 * when it returns and safe to repeat; none touches the snapshots; callers hold the group's lock.
 *
 * <p>Methods that read a record throw a {@link Fault} CORRUPT when it cannot be trusted.
 */
public final class GroupCatalog implements AutoCloseable {
    private final RecordStates states;

    private GroupCatalog(Directory groups) {
        states = new RecordStates(groups, "ready");
    }

    /** Opens the catalog in the folder {@code groups} of a pool's records, making the folders that are missing. */
    public static GroupCatalog open(Directory groups) {
        return new GroupCatalog(groups);
    }

    /** The group with this id, all of whose snapshots were made; empty when there is none. */
    public Optional<GroupSnapshot> find(GroupSnapshotId id) {
        return states.made.read(id.toString()).map(bytes -> GroupRecord.decode(id, bytes));
    }

    /** The intent to make a group that was not carried through; one that was cut short while it was written is none. */
    public Optional<GroupSnapshot> creating(GroupSnapshotId id) {
        return read(states.creating, id);
    }

    /** The intent to delete a group that was not carried through. */
    public Optional<GroupSnapshot> deleting(GroupSnapshotId id) {
        return read(states.deleting, id);
    }

    private static Optional<GroupSnapshot> read(RecordFolder folder, GroupSnapshotId id) {
        return folder.read(id.toString())
                .filter(bytes -> !RecordText.isCutShort(bytes))
                .map(bytes -> GroupRecord.decode(id, bytes));
    }

    /**
     * Writes the intent to make a group.
     *
     * @return false when there is such an intent already
     */
    public boolean begin(GroupSnapshot group) {
        return states.creating.create(group.id().toString(), GroupRecord.encode(group));
    }

    /** Turns the intent to make a group into one: from now on its snapshots stay. */
    public void commit(GroupSnapshotId id) {
        states.commit(id.toString());
    }

    /** Forgets the intent to make a group, once none of its snapshots is left. */
    public void abandon(GroupSnapshotId id) {
        states.creating.remove(id.toString());
    }

    /** Turns a group into the intent to delete it; from now on {@link #find} does not see it. */
    public void beginDelete(GroupSnapshotId id) {
        states.beginDelete(id.toString());
    }

    /** Forgets the intent to delete a group, once none of its snapshots is left. */
    public void finishDelete(GroupSnapshotId id) {
        states.deleting.remove(id.toString());
    }

    /** Leaves one record of this id where a power cut left several; as {@link Catalog#settle}. */
    public boolean settle(GroupSnapshotId id) {
        return states.settle(id.toString(), () -> find(id));
    }

    /** Makes sure that the group's record, or that there is none, is on disk. */
    public void confirm(GroupSnapshotId id) {
        states.made.confirm(id.toString(), states.tmp);
    }

    /** Waits until all records are on disk where they are now. */
    public void sync() {
        states.sync();
    }

    /** Whether there is a record of a group that was made, cut short or whole. */
    public boolean isReady(GroupSnapshotId id) {
        return states.made.read(id.toString()).isPresent();
    }

    /** Hands over the id of every group that was made. */
    public void forEachReady(Consumer<GroupSnapshotId> action) {
        states.made.forEach(name -> GroupSnapshotId.parse(name).ifPresent(action));
    }

    /** Hands over the id of every intent, to make or to delete. */
    public void forEachUnfinished(Consumer<GroupSnapshotId> action) {
        states.forEachIntent(name -> GroupSnapshotId.parse(name).ifPresent(action));
    }

    @Override
    public void close() {
        states.close();
    }
}
