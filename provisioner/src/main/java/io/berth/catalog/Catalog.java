package io.berth.catalog;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * The records of one pool. Each method is one step of a volume's life, durable when it returns and safe to repeat; none
 * touches a volume's data. Thread-safe for different volumes; callers hold the volume's lock
 * ({@link io.berth.pool.VolumeLocks}) for the steps of one.
 *
 * <p>Methods that read a record throw a {@link Fault} CORRUPT when it cannot be trusted.
 */
public final class Catalog implements AutoCloseable {
    private final RecordStates states;
    private final RecordFolder archived;
    private final Directory paths;
    private final PathClaims claims;

    private Catalog(Directory records) {
        states = new RecordStates(records, "volumes");
        archived = RecordFolder.open(records, "archived");
        paths = RecordFolder.openDirectory(records, "paths");
        claims = new PathClaims(paths, states.tmp.directory());
    }

    /** Opens the catalog in a pool's {@code .berth} folder, making the folders that are missing where that is allowed. */
    public static Catalog open(Directory records) {
        return new Catalog(records);
    }

    /** The volume with this id, or empty when there is none; one that is half created or half deleted is none. */
    public Optional<Volume> find(VolumeId id) {
        return read(states.made, id);
    }

    /**
     * The intent to create a volume of this id that was not carried through. One that a crash cut short while it was
     * written has had no effect, and is forgotten here.
     */
    public Optional<Volume> creating(VolumeId id) {
        Optional<byte[]> bytes = states.creating.read(id.toString());
        if (bytes.filter(RecordText::isCutShort).isPresent()) {
            abandon(id);
            return Optional.empty();
        }
        return bytes.map(whole -> VolumeRecord.decode(id, whole));
    }

    /** The intent to delete the volume of this id that was not carried through. */
    public Optional<Volume> deleting(VolumeId id) {
        return read(states.deleting, id);
    }

    /** The deleted volume of this name whose data was kept. */
    public Optional<Volume> archived(ArchiveName name) {
        return archived.read(name.toString()).map(bytes -> VolumeRecord.decode(name.id(), bytes));
    }

    /**
     * Writes the intent to create a volume. A write that is cut short leaves an intent without effect, see
     * {@link #abandon}, so no temporary file is needed.
     *
     * @return false when there is such an intent already: of a crash, or of another process
     */
    public boolean begin(Volume volume) {
        return states.creating.create(volume.id().toString(), VolumeRecord.encode(volume));
    }

    /** Turns the intent to create into a volume. */
    public void commit(VolumeId id) {
        states.commit(id.toString());
    }

    /** Forgets the intent to create, once nothing of what it described is left. */
    public void abandon(VolumeId id) {
        states.creating.remove(id.toString());
    }

    /** Turns a volume into the intent to delete it; from now on {@link #find} does not see it. */
    public void beginDelete(VolumeId id) {
        states.beginDelete(id.toString());
    }

    /**
     * Forgets the intent to delete, once the data is out of the way. Not synced: a crash may bring the intent back, and
     * {@link #settle} then tells it from one that is about a newer volume.
     */
    public void finishDelete(VolumeId id) {
        states.deleting.remove(id.toString());
    }

    /**
     * Leaves one record of this id where a power cut left several; see {@link RecordStates#settle}.
     *
     * @return whether that is an intent, which is to be carried through or undone now
     */
    public boolean settle(VolumeId id) {
        return states.settle(id.toString(), () -> find(id));
    }

    /** Makes sure that the volume's record, or that there is none, is on disk, before somebody is told of it. */
    public void confirm(VolumeId id) {
        states.made.confirm(id.toString(), states.tmp);
    }

    /** As {@link #confirm}, that the volume is gone, be it kept as an archive or not. */
    public void confirmGone(VolumeId id) {
        confirm(id);
        archived.sync();
    }

    /** Waits until all records are on disk where they are now. */
    public void sync() {
        states.sync();
        archived.sync();
    }

    /** Keeps a volume that is being deleted as an archive. */
    public void archive(Volume volume) {
        states.deleting.move(
                volume.id().toString(), archived, ArchiveName.of(volume).toString());
    }

    /** Whether an archive and the volume of its id are one, which a power cut left with two records. */
    public boolean isRestored(ArchiveName name) {
        return archived.isSame(name.toString(), states.made, name.id().toString());
    }

    /** Turns an archive into a volume again. */
    public void restore(ArchiveName name) {
        archived.move(name.toString(), states.made, name.id().toString());
    }

    /** Rewrites a volume's record: the old one or the new one is there at any moment. */
    public void replace(Volume volume) {
        states.made.replace(volume.id().toString(), VolumeRecord.encode(volume), states.tmp);
    }

    /** Claims a path that is not the default for a volume; false when another volume has it, lies in it or around it. */
    public boolean claim(VolumePath path, VolumeId id) {
        return claims.claim(path, id);
    }

    /** Gives a path back; does nothing when it is not the volume's. */
    public void release(VolumePath path, VolumeId id) {
        claims.release(path, id);
    }

    /** Whether the path is claimed by this volume. */
    public boolean hasClaim(VolumePath path, VolumeId id) {
        return claims.has(path, id);
    }

    /** Whether the path is claimed by some volume, lies in one's, or one may have a path below it. */
    public boolean isClaimed(VolumePath path) {
        return claims.isTaken(path);
    }

    /** Whose claimed path this is, or lies in; empty when no volume claimed it. */
    public Optional<VolumeId> claimant(Path path) {
        return claims.owner(path);
    }

    /** A volume that keeps others from having the path: it has it, has one around it, or has one in it. */
    public Optional<VolumeId> holder(VolumePath path) {
        return claims.holder(path);
    }

    /** Hands over every claimed path and whose it is, and where something lies among the claims that is none. */
    public void forEachClaim(BiConsumer<VolumePath, VolumeId> action, Consumer<Path> strange) {
        claims.forEach(action, strange);
    }

    /**
     * A page of volumes in the order of the folder, which stays as it is while others come and go. It costs the same
     * wherever it begins and however large the pool is.
     *
     * @param volumes at most as many as asked for; fewer when some were deleted meanwhile
     * @param unreadable the volumes whose records cannot be trusted, and why
     * @param next where the next page begins; empty on the last
     */
    public record Page(List<Volume> volumes, Map<VolumeId, Fault> unreadable, OptionalLong next) {}

    /**
     * Reads a page.
     *
     * @param from 0 for the first page, else {@link Page#next} of the one before
     */
    public Page list(long from, int max) {
        RecordFolder.Page page = states.made.list(from, max);
        List<Volume> found = new ArrayList<>();
        Map<VolumeId, Fault> unreadable = new LinkedHashMap<>();
        for (VolumeId id : page.names().stream()
                .flatMap(name -> VolumeId.parse(name).stream())
                .toList()) {
            try {
                find(id).ifPresent(found::add);
            } catch (Fault e) {
                unreadable.put(id, e);
            }
        }
        return new Page(found, unreadable, page.next());
    }

    /** Hands over the id of every volume. */
    public void forEachVolume(Consumer<VolumeId> action) {
        forEach(states.made, action);
    }

    /** Hands over every volume whose record can be trusted. */
    public void forEachReadable(Consumer<Volume> action) {
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            Page page = list(next.getAsLong(), 1000);
            page.volumes().forEach(action);
            next = page.next();
        }
    }

    /** Hands over the id of every intent to create. */
    public void forEachCreating(Consumer<VolumeId> action) {
        forEach(states.creating, action);
    }

    /** Hands over the id of every intent to delete. */
    public void forEachDeleting(Consumer<VolumeId> action) {
        forEach(states.deleting, action);
    }

    /** Hands over the name of every archive. */
    public void forEachArchived(Consumer<ArchiveName> action) {
        archived.forEach(name -> ArchiveName.parse(name).ifPresent(action));
    }

    private static void forEach(RecordFolder folder, Consumer<VolumeId> action) {
        folder.forEach(name -> VolumeId.parse(name).ifPresent(action));
    }

    private static Optional<Volume> read(RecordFolder folder, VolumeId id) {
        return folder.read(id.toString()).map(bytes -> VolumeRecord.decode(id, bytes));
    }

    @Override
    public void close() {
        states.close();
        archived.close();
        paths.close();
    }

    /** When the folder of volumes last changed, by whomever: what was counted before that may be stale. */
    public Instant changed() {
        return states.made.changed();
    }
}
