package io.berth.catalog;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Listing;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
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
    private static final String SUFFIX = ".json";
    private static final int RECORD_MODE = 0600;

    private final Directory volumes;
    private final Directory creating;
    private final Directory deleting;
    private final Directory archived;
    private final Directory tmp;
    private final Directory paths;
    private final PathClaims claims;

    private Catalog(Directory records) {
        volumes = folder(records, "volumes");
        creating = folder(records, "creating");
        deleting = folder(records, "deleting");
        archived = folder(records, "archived");
        tmp = folder(records, "tmp");
        paths = folder(records, "paths");
        claims = new PathClaims(paths, tmp);
    }

    /** Opens the catalog in a pool's {@code .berth} folder, making the folders that are missing where that is allowed. */
    public static Catalog open(Directory records) {
        return new Catalog(records);
    }

    private static Directory folder(Directory records, String name) {
        Optional<Directory> there = records.openDirectory(name);
        if (there.isPresent()) {
            return there.get();
        }
        records.mkdir(name, 0700);
        records.fsync();
        return records.openDirectory(name)
                .orElseThrow(() -> new Fault(
                        Fault.Kind.UNAVAILABLE, records.path().resolve(name) + " vanished while it was opened"));
    }

    /** The volume with this id, or empty when there is none; one that is half created or half deleted is none. */
    public Optional<Volume> find(VolumeId id) {
        return read(volumes, id);
    }

    /**
     * The intent to create a volume of this id that was not carried through. One that a crash cut short while it was
     * written has had no effect, and is forgotten here.
     */
    public Optional<Volume> creating(VolumeId id) {
        Optional<byte[]> bytes = creating.read(id + SUFFIX, VolumeRecord.MAX_BYTES);
        if (bytes.filter(VolumeRecord::isCutShort).isPresent()) {
            abandon(id);
            return Optional.empty();
        }
        return bytes.map(whole -> VolumeRecord.decode(id, whole));
    }

    /** The intent to delete the volume of this id that was not carried through. */
    public Optional<Volume> deleting(VolumeId id) {
        return read(deleting, id);
    }

    /** The deleted volume of this name whose data was kept. */
    public Optional<Volume> archived(ArchiveName name) {
        return archived.read(name + SUFFIX, VolumeRecord.MAX_BYTES).map(bytes -> VolumeRecord.decode(name.id(), bytes));
    }

    /**
     * Writes the intent to create a volume. A write that is cut short leaves an intent without effect, see
     * {@link #abandon}, so no temporary file is needed.
     *
     * @return false when there is such an intent already: of a crash, or of another process
     */
    public boolean begin(Volume volume) {
        if (!creating.create(volume.id() + SUFFIX, VolumeRecord.encode(volume), RECORD_MODE)) {
            return false;
        }
        creating.fsync();
        return true;
    }

    /** Turns the intent to create into a volume. */
    public void commit(VolumeId id) {
        move(creating, id + SUFFIX, volumes, id + SUFFIX);
    }

    /** Forgets the intent to create, once nothing of what it described is left. */
    public void abandon(VolumeId id) {
        creating.unlink(id + SUFFIX);
    }

    /** Turns a volume into the intent to delete it; from now on {@link #find} does not see it. */
    public void beginDelete(VolumeId id) {
        tmp.unlink(id + SUFFIX); // left by a crash in replace
        move(volumes, id + SUFFIX, deleting, id + SUFFIX);
    }

    /**
     * Forgets the intent to delete, once the data is out of the way. Not synced: a crash may bring the intent back, and
     * recovery then finds nothing to do.
     */
    public void finishDelete(VolumeId id) {
        deleting.unlink(id + SUFFIX);
    }

    /** Keeps a volume that is being deleted as an archive. */
    public void archive(Volume volume) {
        move(deleting, volume.id() + SUFFIX, archived, ArchiveName.of(volume) + SUFFIX);
    }

    /** Turns an archive into a volume again. */
    public void restore(ArchiveName name) {
        move(archived, name + SUFFIX, volumes, name.id() + SUFFIX);
    }

    /** Rewrites a volume's record: the old one or the new one is there at any moment. */
    public void replace(Volume volume) {
        String name = volume.id() + SUFFIX;
        tmp.unlink(name); // left by a crash; the volume's lock is ours
        tmp.create(name, VolumeRecord.encode(volume), RECORD_MODE);
        move(tmp, name, volumes, name);
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

    /** Hands over every claimed path and whose it is. */
    public void forEachClaim(BiConsumer<VolumePath, VolumeId> action) {
        claims.forEach(action);
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
        Listing listing = volumes.list(from, max);
        List<Volume> found = new ArrayList<>();
        Map<VolumeId, Fault> unreadable = new LinkedHashMap<>();
        for (VolumeId id : ids(listing)) {
            try {
                find(id).ifPresent(found::add);
            } catch (Fault e) {
                unreadable.put(id, e);
            }
        }
        return new Page(found, unreadable, listing.next());
    }

    /** Hands over the id of every volume. */
    public void forEachVolume(Consumer<VolumeId> action) {
        forEach(volumes, action);
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
        forEach(creating, action);
    }

    /** Hands over the id of every intent to delete. */
    public void forEachDeleting(Consumer<VolumeId> action) {
        forEach(deleting, action);
    }

    /** Hands over the name of every archive. */
    public void forEachArchived(Consumer<ArchiveName> action) {
        forEachName(archived, name -> ArchiveName.parse(name).ifPresent(action));
    }

    private static void forEach(Directory folder, Consumer<VolumeId> action) {
        forEachName(folder, name -> VolumeId.parse(name).ifPresent(action));
    }

    private static void forEachName(Directory folder, Consumer<String> action) {
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            Listing listing = folder.list(next.getAsLong(), 1000);
            listing.entries().forEach(entry -> stem(entry.name()).ifPresent(action));
            next = listing.next();
        }
    }

    private static List<VolumeId> ids(Listing listing) {
        return listing.entries().stream()
                .flatMap(entry -> stem(entry.name()).flatMap(VolumeId::parse).stream())
                .toList();
    }

    private static Optional<String> stem(String fileName) {
        return fileName.endsWith(SUFFIX)
                ? Optional.of(fileName.substring(0, fileName.length() - SUFFIX.length()))
                : Optional.empty();
    }

    private static Optional<Volume> read(Directory folder, VolumeId id) {
        return folder.read(id + SUFFIX, VolumeRecord.MAX_BYTES).map(bytes -> VolumeRecord.decode(id, bytes));
    }

    private static void move(Directory from, String name, Directory to, String newName) {
        if (from.rename(name, to, newName)) {
            to.fsync();
        }
    }

    @Override
    public void close() {
        for (Directory folder : List.of(volumes, creating, deleting, archived, tmp, paths)) {
            folder.close();
        }
    }

    /** When the folder of volumes last changed, by whomever: what was counted before that may be stale. */
    public Instant changed() {
        return volumes.status().modified();
    }
}
