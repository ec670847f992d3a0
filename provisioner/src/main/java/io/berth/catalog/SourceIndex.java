package io.berth.catalog;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.Listing;
import io.berth.linux.SystemCallException;
import io.berth.volume.SnapshotId;
import io.berth.volume.VolumeId;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiConsumer;

/**
 * Which snapshots a volume has: an empty file {@code <volume>/<snapshot>} each, so that those of one volume are listed
 * without reading the records of others. An entry is there before its snapshot and goes after it. Thread-safe.
 */
final class SourceIndex implements AutoCloseable {
    private static final int ATTEMPTS = 100;
    private static final int PAGE = 1000;
    private static final byte[] NOTHING = {};

    private final Directory directory;

    SourceIndex(Directory directory) {
        this.directory = directory;
    }

    /** Adds an entry, durable when it returns; does nothing when it is there. */
    void add(VolumeId source, SnapshotId id) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            if (directory.mkdir(source.toString(), 0700)) {
                directory.fsync();
            }
            Optional<Directory> folder = directory.openDirectory(source.toString());
            if (folder.isPresent() && add(folder.get(), id)) {
                return;
            }
        }
        throw new Fault(Fault.Kind.BUSY, "the last snapshots of volume " + source + " are being deleted; try again");
    }

    /** False when the folder was removed meanwhile, as its last entry was. */
    private static boolean add(Directory folder, SnapshotId id) {
        try (folder) {
            folder.create(id.toString(), NOTHING, 0600);
            folder.fsync();
            return true;
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ENOENT) {
                return false;
            }
            throw e;
        }
    }

    /**
     * Removes an entry, and the volume's folder with the last. Once its snapshot's record is gone for good, so is the entry,
     * though it may be back while the record is. When it is gone, only waits until that is durable: an earlier call may have
     * failed before it was.
     */
    void remove(VolumeId source, SnapshotId id) {
        try (Directory folder = directory.openDirectory(source.toString()).orElse(null)) {
            if (folder != null) {
                folder.unlink(id.toString());
                if (!removeEmpty(source)) {
                    syncUnlessOrdered(folder);
                    return;
                }
            }
            syncUnlessOrdered(directory);
        }
    }

    /** False when other entries are left. */
    private boolean removeEmpty(VolumeId source) {
        try {
            directory.rmdir(source.toString());
            return true;
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ENOTEMPTY) {
                return false;
            }
            throw e;
        }
    }

    private static void syncUnlessOrdered(Directory changed) {
        if (!changed.keepsOrderOfNames()) {
            changed.fsync();
        }
    }

    boolean has(VolumeId source, SnapshotId id) {
        return directory
                .openDirectory(source.toString())
                .filter(folder -> {
                    try (folder) {
                        return folder.status(id.toString()).isPresent();
                    }
                })
                .isPresent();
    }

    /** Hands over every entry; what is not named as one is passed over. */
    void forEach(BiConsumer<VolumeId, SnapshotId> action) {
        directory.forEachEntry(entry -> VolumeId.parse(entry.name()).ifPresent(source -> forEach(source, action)));
    }

    private void forEach(VolumeId source, BiConsumer<VolumeId, SnapshotId> action) {
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            RecordFolder.Page page = list(source, next.getAsLong(), PAGE);
            page.names().stream()
                    .flatMap(name -> SnapshotId.parse(name).stream())
                    .forEach(id -> action.accept(source, id));
            next = page.next();
        }
    }

    /** A page of the ids of a volume's snapshots; some may be gone. */
    RecordFolder.Page list(VolumeId source, long from, int max) {
        Optional<Directory> folder = directory.openDirectory(source.toString());
        if (folder.isEmpty()) {
            return new RecordFolder.Page(List.of(), OptionalLong.empty());
        }
        try (Directory open = folder.get()) {
            Listing listing = open.list(from, max);
            return new RecordFolder.Page(
                    listing.entries().stream().map(Listing.Entry::name).toList(), listing.next());
        }
    }

    @Override
    public void close() {
        directory.close();
    }
}
