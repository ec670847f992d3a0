package io.berth.pool;

import io.berth.catalog.Catalog;
import io.berth.copy.Copied;
import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.format.DataSource;
import io.berth.format.Formats;
import io.berth.linux.Directory;
import io.berth.volume.Format;
import io.berth.volume.Id;
import io.berth.volume.OnDelete;
import io.berth.volume.Volume;
import io.berth.volume.VolumeChange;
import io.berth.volume.VolumeId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The steps of a volume's life, each made of an intent on disk, its effect and its commit, so that a kill at any point
 * leaves what {@link #settle} finishes or undoes. Callers hold the volume's lock ({@link #lock}) while they decide and act.
 * Thread-safe for different volumes.
 */
public final class PoolVolumes implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PoolVolumes.class);

    private final PoolFolder folder;
    private final Catalog catalog;
    private final VolumeLocks locks;
    private final Nodes nodes;
    private final SourceClaims claims;
    private final Trash trash;
    private final Room room;
    private final Formats formats;
    private final Rungs rungs;
    private final CrashedCopies crashed;
    private final Archives archives;
    private final Directory copying;

    PoolVolumes(PoolParts parts, Directory records, Catalog catalog, Nodes nodes) {
        this.folder = parts.folder();
        this.locks = parts.locks();
        this.claims = parts.claims();
        this.trash = parts.trash();
        this.room = parts.room();
        this.formats = parts.formats();
        this.rungs = parts.rungs();
        this.crashed = parts.crashed();
        this.catalog = catalog;
        this.nodes = nodes;
        this.archives = new Archives(folder, catalog, room);
        this.copying = PoolFolder.ofRecords(records, "copying");
    }

    public Catalog catalog() {
        return catalog;
    }

    /** Those that were deleted and kept. */
    public Archives archives() {
        return archives;
    }

    /** Where volumes are copied to before they are moved to their places. */
    Directory copying() {
        return copying;
    }

    /** Takes a volume's lock; see {@link VolumeLocks#lock}. */
    public VolumeLocks.Held lock(VolumeId id) {
        return locks.lock(id);
    }

    /** Takes a volume's lock if nobody has it. */
    public Optional<VolumeLocks.Held> tryLock(Id id) {
        return locks.tryLock(id);
    }

    /** The volume with this id; see {@link Catalog#find}. */
    public Optional<Volume> find(VolumeId id) {
        return catalog.find(id);
    }

    /**
     * The volume with this id, to be mounted or copied.
     *
     * @throws Fault CORRUPT also when another volume has its path, whatever its record says
     */
    public Optional<Volume> findToUse(VolumeId id) {
        Optional<Volume> found = find(id);
        found.filter(this::isUnclaimed)
                .flatMap(volume -> catalog.holder(volume.path()))
                .filter(holder -> !holder.equals(id))
                .ifPresent(holder -> {
                    throw new Fault(
                            Fault.Kind.CORRUPT,
                            "the record of volume " + id + " says that its path is "
                                    + found.get().path() + ", which volume " + holder
                                    + " has; bring the record back from a backup, or delete volume " + id
                                    + ", which leaves the path alone");
                });
        return found;
    }

    /** The volume with this id, after what a crash left of it is finished or undone; see {@link #settle}. */
    public Optional<Volume> findSettled(VolumeId id) {
        Optional<Volume> there = find(id);
        if (there.isPresent()) {
            return there;
        }
        return settle(id) ? find(id) : Optional.empty();
    }

    /** Makes sure that a volume's record is on disk, before somebody is told of it; callers hold its lock. */
    public void confirm(VolumeId id) {
        catalog.confirm(id);
    }

    /** Makes sure that it is on disk that there is no such volume, before somebody is told of it. */
    public void confirmGone(VolumeId id) {
        catalog.confirmGone(id);
    }

    /**
     * Keeps a volume from being deleted, to make a copy of it.
     *
     * @throws Fault NOT_FOUND when there is none or its data is gone
     */
    public ClaimedSource claim(VolumeId id) {
        try (VolumeLocks.Held lock = locks.lock(id)) {
            Volume volume =
                    findToUse(id).orElseThrow(() -> new Fault(Fault.Kind.NOT_FOUND, "there is no volume " + id));
            Directory data = folder.openData(volume)
                    .orElseThrow(() -> new Fault(
                            Fault.Kind.NOT_FOUND,
                            "the data of " + id.described() + " is gone: " + volume.path() + " in "
                                    + folder.config().root()));
            return new ClaimedSource(
                    id,
                    volume.format(),
                    volume.capacityBytes(),
                    new DataSource(data, Optional.of(volume)),
                    claims.claim(id));
        }
    }

    /** How a copy may go that makes this volume: as far as there is room. */
    public Progress watch() {
        return room.watch(progress -> {});
    }

    /**
     * Makes a volume, whole or not at all; durable when it returns. The id must be free and settled.
     *
     * @throws Fault ALREADY_EXISTS when something lies at its path, RESOURCE_EXHAUSTED when there is no room for it
     */
    public void create(Volume volume) {
        create(volume, () -> formats.of(volume).create(volume));
    }

    /**
     * As {@link #create(Volume)}, with the data of the volume's source.
     *
     * @throws java.util.concurrent.CancellationException when the copy was cancelled
     */
    public void create(Volume volume, ClaimedSource source, Progress progress) {
        create(volume, () -> copy(volume, source, progress));
        crashed.forget(volume.id());
    }

    private void create(Volume volume, BooleanSupplier maker) {
        folder.requireOneFileSystem(volume);
        room.promise(volume.id(), 0, volume.capacityBytes());
        long now = 0;
        try {
            if (!catalog.begin(volume)) {
                throw new Fault(Fault.Kind.BUSY, "another process is creating volume " + volume.id() + "; try again");
            }
            makeOrUndo(volume, maker);
            catalog.commit(volume.id());
            now = volume.capacityBytes();
        } finally {
            room.settle(volume.id(), now);
        }
    }

    private void makeOrUndo(Volume volume, BooleanSupplier maker) {
        try {
            if (PoolFolder.hasOwnPath(volume) && !catalog.claim(volume.path(), volume.id())) {
                throw folder.pathTaken(volume, "belongs to another volume, or lies in one or around one");
            }
            if (!volume.adopted() && !maker.getAsBoolean()) {
                throw folder.pathTaken(volume, "is there already; onDelete=retain makes a volume of what is there");
            }
        } catch (RuntimeException | Error e) {
            try {
                if (!isCopied(volume)) { // else the intent stays, and the next call or start commits it
                    undoCreate(volume);
                }
            } catch (RuntimeException again) {
                crashed.failed(volume.id());
                e.addSuppressed(again); // the intent stays, so the next create or start undoes it
            }
            throw e;
        }
    }

    /** Makes the volume's data where nobody looks and moves it into its place; false when something is there. */
    private boolean copy(Volume volume, ClaimedSource source, Progress progress) {
        progress.check();
        Optional<Copied> copied = formats.of(volume).create(volume, source.data(), copying, progress);
        if (source.id().pool().equals(folder.config().name())) {
            copied.ifPresent(made -> rungs.remember(volume.format().name(), made));
        }
        return copied.isPresent();
    }

    private void undoCreate(Volume volume) {
        trash.put(copying, volume.id().toString(), volume.id());
        if (!volume.adopted()) {
            formats.of(volume).undo(volume);
            syncUndone(volume);
        }
        forget(volume);
        catalog.abandon(volume.id());
    }

    /** Before the intent goes: what is removed must not come back without one. */
    private void syncUndone(Volume volume) {
        folder.parent(volume.path()).ifPresent(parent -> {
            try (parent) {
                if (!parent.keepsOrderOfNames()) {
                    parent.fsync();
                }
            }
        });
    }

    /** Whether a copy was moved into its place, whole, before a crash or a failure. */
    private boolean isCopied(Volume volume) {
        return volume.source().isPresent()
                && copying.status(volume.id().toString()).isEmpty()
                && folder.at(volume.path()).isPresent();
    }

    /** Commits a copy that is in its place, which whoever moved it may not have made durable. */
    private void commitCopied(Volume volume) {
        folder.parent(volume.path()).ifPresent(parent -> {
            try (parent) {
                parent.fsync();
            }
        });
        copying.fsync();
        catalog.commit(volume.id());
    }

    private void forget(Volume volume) {
        volume.attachments().keySet().forEach(node -> nodes.release(node, volume.id()));
        if (PoolFolder.hasOwnPath(volume)) {
            catalog.release(volume.path(), volume.id());
        }
    }

    /**
     * Deletes a volume as its {@link OnDelete} says; constant time, whatever it holds.
     *
     * @throws Fault BUSY while a snapshot or another volume is made of it
     */
    public void delete(Volume volume) {
        claims.requireNone(volume.id());
        if (!volume.adopted() && volume.onDelete() != OnDelete.RETAIN) {
            folder.requireMovable(volume);
        }
        if (isUnclaimed(volume) && !catalog.claim(volume.path(), volume.id())) {
            LOG.warn(
                    "pool {}: {} belongs to another volume than {}, so it stays",
                    folder.config().name(),
                    volume.path(),
                    volume.id());
        }
        catalog.beginDelete(volume.id());
        room.giveBack(volume.id(), volume.capacityBytes());
        finishDelete(volume);
    }

    /**
     * Carries an intent to delete through. What lies at a path of its own is the volume's only while it has the path: an
     * intent that was carried through before has given it back, and it may be another's now.
     */
    private void finishDelete(Volume volume) {
        OnDelete fate = volume.adopted() ? OnDelete.RETAIN : volume.onDelete();
        if (fate != OnDelete.RETAIN && !isUnclaimed(volume)) {
            folder.parent(volume.path()).ifPresent(parent -> {
                try (parent) {
                    takeAway(parent, volume, fate);
                }
            });
        }
        forget(volume);
        if (fate == OnDelete.DELETE) {
            catalog.finishDelete(volume.id());
        } else {
            catalog.archive(volume);
        }
    }

    /** Whether it lies at a path of its own that it has no claim on: another volume may have the path. */
    private boolean isUnclaimed(Volume volume) {
        return PoolFolder.hasOwnPath(volume) && !catalog.hasClaim(volume.path(), volume.id());
    }

    private void takeAway(Directory parent, Volume volume, OnDelete fate) {
        folder.requireMovable(volume);
        if (fate == OnDelete.DELETE) {
            trash.put(parent, volume.path().name(), volume.id());
            return;
        }
        archives.take(parent, volume);
    }

    /** Deletes what has no record, as its {@link OnDelete} says; does nothing when it is gone. */
    public void deleteUnrecorded(Volume volume) {
        if (volume.onDelete() != OnDelete.RETAIN) {
            folder.parent(volume.path()).ifPresent(parent -> {
                try (parent) {
                    takeAway(parent, volume, volume.onDelete());
                }
            });
        }
    }

    /**
     * Makes a volume larger. When it is that large, completes what a crash may have cut short: its record comes first.
     *
     * @throws Fault RESOURCE_EXHAUSTED when there is no room for it, NOT_FOUND when its data is gone
     */
    public Volume expand(Volume volume, long bytes) {
        if (bytes <= volume.capacityBytes()) {
            catalog.confirm(volume.id());
            formats.of(volume).expand(volume, volume.capacityBytes());
            return volume;
        }
        room.promise(volume.id(), volume.capacityBytes(), bytes);
        long now = volume.capacityBytes();
        try {
            Volume larger = volume.withCapacity(bytes);
            catalog.replace(larger);
            now = bytes;
            formats.of(larger).expand(larger, bytes);
            return larger;
        } catch (RuntimeException e) {
            if (now == bytes) {
                now = keepCapacity(volume, bytes, e);
            }
            throw e;
        } finally {
            room.settle(volume.id(), now);
        }
    }

    /** Writes the record again as it was; gives the capacity that the record has. */
    private long keepCapacity(Volume volume, long expanded, RuntimeException why) {
        try {
            catalog.replace(volume);
            return volume.capacityBytes();
        } catch (RuntimeException again) {
            why.addSuppressed(again); // the same call may still complete it
            return expanded;
        }
    }

    /**
     * Changes a volume: all of it, or nothing when it fails. What a crash cuts short, the same call completes.
     *
     * @throws Fault INVALID_ARGUMENT or FAILED_PRECONDITION when this volume cannot change in this way
     */
    public Volume modify(Volume volume, VolumeChange change) {
        Volume changed = volume.with(change);
        catalog.replace(changed);
        try {
            formats.of(changed).change(changed, change);
            return changed;
        } catch (RuntimeException e) {
            try {
                catalog.replace(volume);
                formats.of(volume).change(volume, change);
            } catch (RuntimeException again) {
                e.addSuppressed(again); // the same call may still complete it
            }
            throw e;
        }
    }

    /**
     * Finishes or undoes what a crash left of this volume.
     *
     * @return false when nothing was left to do
     */
    public boolean settle(VolumeId id) {
        if (!catalog.settle(id)) {
            return false;
        }
        catalog.deleting(id).ifPresent(this::finishDelete);
        catalog.creating(id).ifPresent(volume -> {
            if (isCopied(volume)) {
                commitCopied(volume);
            } else {
                undoCreate(volume);
                if (volume.source().isPresent()) {
                    crashed.add(id); // not before: what cannot be undone now is found again, by the same process too
                }
            }
        });
        return true;
    }

    /** Settles every volume that a crash left unfinished and that no other process is working on. */
    void recover() {
        catalog.sync();
        copying.fsync();
        List<VolumeId> unfinished = new ArrayList<>();
        catalog.forEachCreating(unfinished::add);
        catalog.forEachDeleting(unfinished::add);
        locks.settle(unfinished, this::settle);
    }

    /**
     * Looks for what is in no record: what this node holds for an image, and the claim on a path, without which another
     * volume could be given it.
     */
    void recoverEach() {
        catalog.forEachReadable(this::recover);
    }

    private void recover(Volume volume) {
        boolean image = volume.format() instanceof Format.Image;
        boolean unclaimed = isUnclaimed(volume);
        Optional<VolumeLocks.Held> lock = image || unclaimed ? locks.tryLock(volume.id()) : Optional.empty();
        if (lock.isEmpty()) {
            return; // there is nothing to look for, or somebody works on it
        }
        try (VolumeLocks.Held held = lock.get()) {
            if (image) {
                formats.of(volume).settle(volume);
            }
            if (unclaimed && catalog.find(volume.id()).isPresent()) {
                claimAgain(volume);
            }
        } catch (Fault e) {
            LOG.warn("pool {}: volume {} is not well: {}", folder.config().name(), volume.id(), e.getMessage());
        }
    }

    private void claimAgain(Volume volume) {
        if (!catalog.claim(volume.path(), volume.id())) {
            throw folder.pathTaken(volume, "belongs to another volume too, or lies in or around that of one");
        }
        LOG.warn(
                "pool {}: {} is claimed for volume {} again, whose claim was lost",
                folder.config().name(),
                volume.path(),
                volume.id());
    }

    @Override
    public void close() {
        catalog.close();
        copying.close();
    }
}
