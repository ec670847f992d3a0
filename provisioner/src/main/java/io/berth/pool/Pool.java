package io.berth.pool;

import io.berth.catalog.ArchiveName;
import io.berth.catalog.Catalog;
import io.berth.fault.Fault;
import io.berth.format.Formats;
import io.berth.format.VolumeFormat;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.FileSystemStatus;
import io.berth.linux.Listing;
import io.berth.linux.SystemCallException;
import io.berth.volume.Format;
import io.berth.volume.OnDelete;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import io.berth.volume.VolumePath;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An open pool: the steps of a volume's life, each made of an intent on disk, its effect and its commit, so that a kill at
 * any point leaves what {@link #settle} finishes or undoes. Callers hold the volume's lock ({@link #lock}) while they
 * decide and act. Thread-safe for different volumes.
 */
public final class Pool implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Pool.class);

    private final PoolConfig config;
    private final Directory root;
    private final Path realRoot;
    private final PoolIdentity identity;
    private final Catalog catalog;
    private final VolumeLocks locks;
    private final Trash trash;
    private final Promised promised;
    private final Formats formats;
    private volatile boolean reapedSinceGivingBack;

    private Pool(PoolConfig config, Directory root, Directory records, Path realRoot) {
        this.config = config;
        this.root = root;
        this.realRoot = realRoot;
        this.identity = PoolIdentity.of(records, config.name());
        this.catalog = Catalog.open(records);
        this.locks = new VolumeLocks(records);
        this.trash = new Trash(records);
        this.promised = new Promised(catalog);
        this.formats = new Formats(root, realRoot, identity.uuid());
    }

    /**
     * Opens a pool, making its records' folder when it has none.
     *
     * @throws Fault FAILED_PRECONDITION when the folder is missing, cannot be written or is another pool's
     */
    public static Pool open(PoolConfig config) {
        return open(config, true);
    }

    /** Opens a pool that has its records' folder already; changes nothing on disk otherwise. */
    public static Pool openExisting(PoolConfig config) {
        return open(config, false);
    }

    private static Pool open(PoolConfig config, boolean make) {
        Directory root = openRoot(config);
        try {
            Path realRoot = config.root().toRealPath();
            if (make && root.mkdir(VolumePath.RECORDS, 0700)) {
                root.fsync();
            }
            try (Directory records = root.openDirectory(VolumePath.RECORDS)
                    .orElseThrow(() -> unusable(config, "holds no volumes yet; berth serve makes it a pool"))) {
                return new Pool(config, root, records, realRoot);
            }
        } catch (SystemCallException e) {
            root.close();
            throw unusable(config, e.getMessage());
        } catch (IOException e) {
            root.close();
            throw unusable(config, e.toString());
        } catch (RuntimeException e) {
            root.close();
            throw e;
        }
    }

    private static Directory openRoot(PoolConfig config) {
        try {
            return Directory.open(config.root());
        } catch (SystemCallException e) {
            throw unusable(config, e.getMessage() + "; make the folder or mount its disk, Berth does not make it");
        }
    }

    private static Fault unusable(PoolConfig config, String why) {
        return new Fault(Fault.Kind.FAILED_PRECONDITION, "pool " + config.name() + " cannot be used: " + why);
    }

    public PoolConfig config() {
        return config;
    }

    /** What tells this pool from every other, wherever its disk is mounted. */
    public PoolIdentity identity() {
        return identity;
    }

    /** The root without symbolic links, as the mount table shows it. */
    public Path realRoot() {
        return realRoot;
    }

    public Catalog catalog() {
        return catalog;
    }

    public Trash trash() {
        return trash;
    }

    /** Takes a volume's lock; see {@link VolumeLocks#lock}. */
    public VolumeLocks.Held lock(VolumeId id) {
        return locks.lock(id);
    }

    /** Takes a volume's lock if nobody has it. */
    Optional<VolumeLocks.Held> tryLock(VolumeId id) {
        return locks.tryLock(id);
    }

    /** Hands over the name of everything in the pool's root. */
    void forEachInRoot(Consumer<String> action) {
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            Listing page = root.list(next.getAsLong(), 1000);
            page.entries().forEach(entry -> action.accept(entry.name()));
            next = page.next();
        }
    }

    /** Why volumes cannot be made or used now, if so. Constant time. */
    public Optional<Fault> problem() {
        try {
            FileSystemStatus status = root.fileSystem();
            if (status.readOnly()) {
                return Optional.of(unusable(config, config.root() + " is mounted read-only"));
            }
            try (Directory now = Directory.open(config.root())) {
                return now.status().isSameFile(root.status())
                        ? Optional.empty()
                        : Optional.of(unusable(
                                config, config.root() + " is another folder than at the start; restart Berth"));
            }
        } catch (SystemCallException e) {
            return Optional.of(unusable(config, e.getMessage()));
        }
    }

    /** The volume with this id; see {@link Catalog#find}. */
    public Optional<Volume> find(VolumeId id) {
        return catalog.find(id);
    }

    /**
     * Makes a volume, whole or not at all; durable when it returns. The id must be free and settled.
     *
     * @throws Fault ALREADY_EXISTS when something lies at its path, RESOURCE_EXHAUSTED when there is no room for it
     */
    public void create(Volume volume) {
        promise(volume.id(), 0, volume.capacityBytes());
        long now = 0;
        try {
            if (!catalog.begin(volume)) {
                throw new Fault(Fault.Kind.BUSY, "another process is creating volume " + volume.id() + "; try again");
            }
            makeOrUndo(volume);
            catalog.commit(volume.id());
            now = volume.capacityBytes();
        } finally {
            promised.end(volume.id(), now);
        }
    }

    private void makeOrUndo(Volume volume) {
        try {
            if (hasOwnPath(volume) && !catalog.claim(volume.path(), volume.id())) {
                throw pathTaken(volume, "belongs to another volume, or lies in one or around one");
            }
            if (!volume.adopted() && !formats.of(volume).create(volume)) {
                throw pathTaken(volume, "is there already; onDelete=retain makes a volume of what is there");
            }
        } catch (RuntimeException e) {
            try {
                undoCreate(volume);
            } catch (RuntimeException again) {
                e.addSuppressed(again); // the intent stays, so the next create or start undoes it
            }
            throw e;
        }
    }

    private Fault pathTaken(Volume volume, String why) {
        return new Fault(
                Fault.Kind.ALREADY_EXISTS,
                "volume " + volume.id() + ": its path "
                        + config.root().resolve(volume.path().toPath()) + " " + why);
    }

    private void undoCreate(Volume volume) {
        if (!volume.adopted()) {
            formats.of(volume).undo(volume);
        }
        forget(volume);
        catalog.abandon(volume.id());
    }

    private void forget(Volume volume) {
        if (hasOwnPath(volume)) {
            catalog.release(volume.path(), volume.id());
        }
    }

    /** Whether it lies elsewhere than a volume lies whose parameters name no path. */
    static boolean hasOwnPath(Volume volume) {
        return !volume.path().equals(VolumePath.of(volume.id()));
    }

    /** Whether something lies at a path of the pool. */
    public Optional<FileStatus> at(VolumePath path) {
        return parent(path).flatMap(parent -> {
            try (parent) {
                return parent.status(path.name());
            }
        });
    }

    /** Deletes a volume as its {@link OnDelete} says; constant time, whatever it holds. */
    public void delete(Volume volume) {
        catalog.beginDelete(volume.id());
        if (promised.begin(volume.id(), volume.capacityBytes(), 0, Long.MAX_VALUE)) {
            promised.end(volume.id(), 0);
        }
        finishDelete(volume);
    }

    private void finishDelete(Volume volume) {
        OnDelete fate = volume.adopted() ? OnDelete.RETAIN : volume.onDelete();
        if (fate != OnDelete.RETAIN) {
            parent(volume.path()).ifPresent(parent -> {
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

    private void takeAway(Directory parent, Volume volume, OnDelete fate) {
        if (fate == OnDelete.DELETE) {
            trash.put(parent, volume.path().name(), volume.id());
            return;
        }
        VolumePath archive = ArchiveName.of(volume).path();
        if (parent.status(volume.path().name()).isEmpty()) {
            return; // moved before a crash
        }
        if (root.status(archive.name()).isPresent()) {
            throw pathTaken(volume, "cannot be archived: " + archive + " is there already");
        }
        parent.rename(volume.path().name(), root, archive.name());
        root.fsync();
    }

    /** The folder that holds a volume, or empty when that is gone, and the volume with it. */
    private Optional<Directory> parent(VolumePath path) {
        return root.openBeneath(path.parent().orElse(Path.of(".")));
    }

    /**
     * Makes a volume larger; does nothing when it is that large.
     *
     * @throws Fault RESOURCE_EXHAUSTED when there is no room for it
     */
    public Volume expand(Volume volume, long bytes) {
        if (bytes <= volume.capacityBytes()) {
            return volume;
        }
        promise(volume.id(), volume.capacityBytes(), bytes);
        long now = volume.capacityBytes();
        try {
            formats.of(volume).expand(volume, bytes);
            Volume larger = volume.withCapacity(bytes);
            catalog.replace(larger);
            now = bytes;
            return larger;
        } finally {
            promised.end(volume.id(), now);
        }
    }

    /**
     * Makes a deleted volume that was kept a volume again, with its data where it was.
     *
     * @throws Fault NOT_FOUND when there is no such archive or its data is gone, ALREADY_EXISTS when its id or its path
     *     was given to another since
     */
    public Volume restore(ArchiveName name) {
        Volume volume = catalog.archived(name)
                .orElseThrow(
                        () -> new Fault(Fault.Kind.NOT_FOUND, "pool " + config.name() + " has no archive " + name));
        if (find(volume.id()).isPresent()) {
            throw new Fault(Fault.Kind.ALREADY_EXISTS, "there is a newer volume " + volume.id());
        }
        promise(volume.id(), 0, volume.capacityBytes());
        long now = 0;
        try {
            if (hasOwnPath(volume) && !catalog.claim(volume.path(), volume.id())) {
                throw pathTaken(volume, "belongs to another volume now");
            }
            bringBack(volume, name);
            catalog.restore(name);
            now = volume.capacityBytes();
            return volume;
        } finally {
            promised.end(volume.id(), now);
        }
    }

    /** Where the data of a deleted volume lies that was kept. */
    public static VolumePath keptAt(Volume volume) {
        return volume.onDelete() == OnDelete.ARCHIVE && !volume.adopted()
                ? ArchiveName.of(volume).path()
                : volume.path();
    }

    private void bringBack(Volume volume, ArchiveName name) {
        boolean there = at(volume.path()).isPresent();
        if (root.status(name.path().name()).isEmpty()) {
            if (!there) {
                throw new Fault(Fault.Kind.NOT_FOUND, "the data of archive " + name + " is gone");
            }
            return; // retained in place, or moved back before a crash
        }
        if (there) {
            throw pathTaken(volume, "is taken by something else now");
        }
        try (Directory parent = parent(volume.path())
                .orElseThrow(() -> new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        "make the folder that "
                                + config.root().resolve(volume.path().toPath()) + " lay in again"))) {
            root.rename(name.path().name(), parent, volume.path().name());
            parent.fsync();
        }
    }

    /** How a volume is held. */
    public VolumeFormat format(Volume volume) {
        return formats.of(volume);
    }

    /** The formats of its volumes. */
    public Formats formats() {
        return formats;
    }

    /** The format of a new volume; see {@link Formats#choose}. */
    public Format chooseFormat(VolumeParameters parameters) {
        return formats.choose(parameters, config.limit());
    }

    /** The root folder of a directory volume, or empty when its data is gone. The caller closes it. */
    public Optional<Directory> openData(Volume volume) {
        return root.openBeneath(volume.path().toPath());
    }

    /** Finishes or undoes what a crash left of this volume. Does nothing when nothing was left. */
    public void settle(VolumeId id) {
        catalog.deleting(id).ifPresent(this::finishDelete);
        catalog.creating(id).ifPresent(this::undoCreate);
    }

    /**
     * Settles every volume that a crash left unfinished and that no other process is working on, and counts what is
     * promised. A volume that cannot be settled is reported and left as it is.
     */
    public void recover() {
        List<VolumeId> unfinished = new ArrayList<>();
        catalog.forEachCreating(unfinished::add);
        catalog.forEachDeleting(unfinished::add);
        for (VolumeId id : unfinished) {
            Optional<VolumeLocks.Held> lock = locks.tryLock(id);
            if (lock.isEmpty()) {
                continue; // its process lives
            }
            try (VolumeLocks.Held held = lock.get()) {
                settle(id);
                LOG.info("pool {}: settled volume {}, which a crash had left unfinished", config.name(), id);
            } catch (Fault e) {
                LOG.warn("pool {}: volume {} stays unfinished: {}", config.name(), id, e.getMessage());
            }
        }
        promised.recount();
        LimitsAtStart.restore(this);
        giveBack();
        catalog.forEachReadable(this::settleOnNode);
    }

    /** What a node holds for an image is in no record: it is looked for. */
    private void settleOnNode(Volume volume) {
        Optional<VolumeLocks.Held> lock =
                volume.format() instanceof Format.Image ? locks.tryLock(volume.id()) : Optional.empty();
        if (lock.isEmpty()) {
            return; // there is nothing to look for, or somebody works on it
        }
        try (VolumeLocks.Held held = lock.get()) {
            formats.of(volume).settle(volume);
        } catch (Fault e) {
            LOG.warn("pool {}: volume {} is not settled on this node: {}", config.name(), volume.id(), e.getMessage());
        }
    }

    /** Gives back what was taken for volumes whose data has left the trash. */
    private void giveBack() {
        formats.giveBack((id, action) -> tryLock(id).ifPresent(lock -> {
            try (lock) {
                action.run();
            }
        }));
    }

    /** Removes some of what is in the trash; see {@link Trash#reap}. */
    Trash.Reaped reap(int max) {
        Trash.Reaped reaped = trash.reap(max);
        if (reaped.removed() > 0) {
            reapedSinceGivingBack = true;
        } else if (reapedSinceGivingBack) {
            reapedSinceGivingBack = false;
            giveBack();
        }
        return reaped;
    }

    /** Bytes promised to volumes so far. */
    public long promisedBytes() {
        promised.countOnce();
        return promised.total();
    }

    /** Bytes of the pool: what was configured, else the file system's. */
    public long sizeBytes() {
        return config.sizeBytes().orElseGet(() -> root.fileSystem().totalBytes());
    }

    public FileSystemStatus fileSystem() {
        return root.fileSystem();
    }

    /** Bytes that one more volume could have: what is not promised yet, and never more than what is free. */
    public long availableBytes() {
        promised.countOnce();
        return Math.max(
                0,
                Math.min(mayBePromised() - promised.total(), root.fileSystem().availableBytes()));
    }

    private long mayBePromised() {
        return BigDecimal.valueOf(sizeBytes())
                .multiply(config.overcommit())
                .min(BigDecimal.valueOf(Long.MAX_VALUE))
                .longValue();
    }

    private void promise(VolumeId id, long from, long to) {
        promised.countOnce();
        if (to - from <= root.fileSystem().availableBytes()
                && (promised.begin(id, from, to, mayBePromised())
                        || (promised.recountIfStale() && promised.begin(id, from, to, mayBePromised())))) {
            return;
        }
        throw new Fault(
                Fault.Kind.RESOURCE_EXHAUSTED,
                "pool " + config.name() + " has no room for " + to + " bytes for volume " + id + ": " + sizeBytes()
                        + " bytes with overcommit " + config.overcommit() + ", " + promised.total()
                        + " promised, " + root.fileSystem().availableBytes() + " free");
    }

    /** Counts again what other processes may have promised; does nothing when nothing changed or it is too soon. */
    void recountIfStale() {
        promised.recountIfStale();
    }

    @Override
    public void close() {
        catalog.close();
        locks.close();
        trash.close();
        root.close();
    }
}
