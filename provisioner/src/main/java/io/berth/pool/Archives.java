package io.berth.pool;

import io.berth.catalog.ArchiveName;
import io.berth.catalog.Catalog;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.volume.OnDelete;
import io.berth.volume.PathTemplate;
import io.berth.volume.Volume;
import io.berth.volume.VolumePath;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** Volumes that were deleted and whose data was kept: where it lies, and how they become volumes again. */
public final class Archives {
    private final PoolFolder folder;
    private final Catalog catalog;
    private final Room room;

    Archives(PoolFolder folder, Catalog catalog, Room room) {
        this.folder = folder;
        this.catalog = catalog;
        this.room = room;
    }

    /** Where the data of a deleted volume lies that was kept. */
    public static VolumePath keptAt(Volume volume) {
        return volume.onDelete() == OnDelete.ARCHIVE && !volume.adopted() ? ArchiveName.pathOf(volume) : volume.path();
    }

    /**
     * A deleted volume of another namespace, as far as its record says one, whose data lies at this path, in it or around
     * it. Reads the record of each archive.
     */
    public Optional<Volume> leftByAnother(VolumePath path, Optional<String> namespace) {
        AtomicReference<Optional<Volume>> found = new AtomicReference<>(Optional.empty());
        catalog.forEachArchived(name -> {
            if (found.get().isEmpty()) {
                found.set(catalog.archived(name)
                        .filter(volume -> isOneInTheOther(keptAt(volume).toPath(), path.toPath()))
                        .filter(volume -> Optional.ofNullable(
                                        volume.parameters().get(PathTemplate.PVC_NAMESPACE))
                                .filter(other -> !namespace.equals(Optional.of(other)))
                                .isPresent()));
            }
        });
        return found.get();
    }

    private static boolean isOneInTheOther(Path one, Path other) {
        return one.startsWith(other) || other.startsWith(one);
    }

    /** Moves a volume out of its folder to where archives lie; when it was moved before a crash, makes that durable. */
    void take(Directory parent, Volume volume) {
        VolumePath archive = ArchiveName.pathOf(volume);
        if (parent.status(volume.path().name()).isPresent()) {
            if (folder.root().status(archive.name()).isPresent()) {
                throw folder.pathTaken(volume, "cannot be archived: " + archive + " is there already");
            }
            parent.rename(volume.path().name(), folder.root(), archive.name());
        }
        folder.root().syncAfterMove(parent);
    }

    /**
     * Makes a deleted volume that was kept a volume again, with its data where it was.
     *
     * @throws Fault NOT_FOUND when there is no such archive or its data is gone, ALREADY_EXISTS when its id or its path
     *     was given to another since
     */
    public Volume restore(ArchiveName name) {
        Volume volume = catalog.archived(name)
                .orElseThrow(() -> new Fault(
                        Fault.Kind.NOT_FOUND, "pool " + folder.config().name() + " has no archive " + name));
        if (catalog.isRestored(name)) {
            catalog.restore(name);
            return volume;
        }
        if (catalog.find(volume.id()).isPresent()) {
            throw new Fault(Fault.Kind.ALREADY_EXISTS, "there is a newer volume " + volume.id());
        }
        folder.requireOneFileSystem(volume);
        room.promise(volume.id(), 0, volume.capacityBytes());
        long now = 0;
        try {
            if (PoolFolder.hasOwnPath(volume) && !catalog.claim(volume.path(), volume.id())) {
                throw folder.pathTaken(volume, "belongs to another volume now");
            }
            bringBack(volume, name);
            catalog.restore(name);
            now = volume.capacityBytes();
            return volume;
        } finally {
            room.settle(volume.id(), now);
        }
    }

    private void bringBack(Volume volume, ArchiveName name) {
        boolean there = folder.at(volume.path()).isPresent();
        String archive = ArchiveName.pathOf(volume).name();
        boolean kept = folder.root().status(archive).isPresent();
        if (!kept && !there) {
            throw new Fault(Fault.Kind.NOT_FOUND, "the data of archive " + name + " is gone");
        }
        if (kept && there) {
            throw folder.pathTaken(volume, "is taken by something else now");
        }
        try (Directory parent = folder.parent(volume.path())
                .orElseThrow(() -> new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        "make the folder that "
                                + folder.config().root().resolve(volume.path().toPath()) + " lay in again"))) {
            if (kept) { // else it was retained in place, or moved back before a crash
                folder.root().rename(archive, parent, volume.path().name());
            }
            parent.syncAfterMove(folder.root());
        }
    }
}
