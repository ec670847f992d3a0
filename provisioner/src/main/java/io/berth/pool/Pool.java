package io.berth.pool;

import io.berth.catalog.ArchiveName;
import io.berth.catalog.Catalog;
import io.berth.catalog.GroupCatalog;
import io.berth.catalog.SnapshotCatalog;
import io.berth.copy.Copied;
import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.format.DataSource;
import io.berth.format.Formats;
import io.berth.format.VolumeFormat;
import io.berth.linux.Bulkhead;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.FileSystemStatus;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.nfs.NfsMount;
import io.berth.nfs.NfsOptions;
import io.berth.nfs.NfsShare;
import io.berth.volume.Format;
import io.berth.volume.HealthProblem;
import io.berth.volume.Id;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import io.berth.volume.VolumeChange;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import io.berth.volume.VolumePath;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;
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
    private final Optional<NfsMount> nfs;
    private final Directory root;
    private final Path realRoot;
    private final PoolIdentity identity;
    private final Catalog catalog;
    private final VolumeLocks locks;
    private final Trash trash;
    private final Nodes nodes;
    private final SourceClaims claims;
    private final Room room;
    private final PoolSnapshots snapshots;
    private final PoolGroups groups;
    private final Directory copying;
    private final Rungs rungs;
    private final Formats formats;
    private final LimitUpkeep limitUpkeep = new LimitUpkeep(this);

    private Pool(PoolConfig config, Optional<NfsMount> nfs, Directory root, Directory records, Path realRoot) {
        this.config = config;
        this.nfs = nfs;
        this.root = root;
        this.realRoot = realRoot;
        this.identity = PoolIdentity.of(records, config.name());
        this.catalog = Catalog.open(records);
        this.locks = new VolumeLocks(records);
        this.trash = new Trash(records);
        this.nodes = new Nodes(records, catalog);
        this.formats = new Formats(root, realRoot, identity.uuid());
        this.claims = new SourceClaims(records);
        this.copying = folder(records, "copying");
        this.rungs = new Rungs(config.name(), records);
        try (Directory folder = folder(records, "snapshots")) {
            SnapshotCatalog ofSnapshots = SnapshotCatalog.open(folder);
            GroupCatalog ofGroups = PoolGroups.catalog(folder);
            this.room = new Room(config, root, new Promised(catalog, ofSnapshots));
            this.snapshots = new PoolSnapshots(
                    config, folder, ofSnapshots, ofGroups, locks, claims, trash, room, formats, rungs);
            this.groups = new PoolGroups(config, ofGroups, locks, snapshots);
        }
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
        Optional<NfsMount> nfs = config.mounted().map(NfsMount::mount);
        try {
            return open(config, make, nfs);
        } catch (RuntimeException e) {
            nfs.ifPresent(NfsMount::close);
            throw e;
        }
    }

    private static Pool open(PoolConfig config, boolean make, Optional<NfsMount> nfs) {
        Directory root = openRoot(config, nfs.map(NfsMount::calls));
        try {
            Path realRoot = nfs.isPresent() ? config.root() : config.root().toRealPath();
            if (make && root.mkdir(VolumePath.RECORDS, 0700)) {
                root.fsync();
            }
            try (Directory records = root.openDirectory(VolumePath.RECORDS)
                    .orElseThrow(() -> unusable(config, "holds no volumes yet; berth serve makes it a pool"))) {
                return new Pool(config, nfs, root, records, realRoot);
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

    /** Opens a folder of the records, made when it is missing. */
    static Directory folder(Directory records, String name) {
        if (records.mkdir(name, 0700)) {
            records.fsync();
        }
        return records.openDirectory(name)
                .orElseThrow(() -> new Fault(
                        Fault.Kind.UNAVAILABLE, records.path().resolve(name) + " vanished while it was opened"));
    }

    private static Directory openRoot(PoolConfig config, Optional<Bulkhead> calls) {
        try {
            return Directory.open(config.root(), calls);
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

    /** On which all calls that come to its storage have to be made, if it may be silent. */
    public Optional<Bulkhead> calls() {
        return nfs.map(NfsMount::calls);
    }

    /** How long the server of its export takes to answer now; empty when it is silent, or there is none. */
    public Optional<Duration> serverAnswerTime() {
        return nfs.flatMap(NfsMount::answerTime);
    }

    /** The root without symbolic links, as the mount table shows it. */
    public Path realRoot() {
        return realRoot;
    }

    public Catalog catalog() {
        return catalog;
    }

    public PoolSnapshots snapshots() {
        return snapshots;
    }

    public PoolGroups groups() {
        return groups;
    }

    /** Where volumes are copied to before they are moved to their places. */
    Directory copying() {
        return copying;
    }

    /** How copies are made in this pool. */
    public Rungs rungs() {
        return rungs;
    }

    public Trash trash() {
        return trash;
    }

    public Nodes nodes() {
        return nodes;
    }

    /**
     * Keeps a volume from being deleted, to make a copy of it.
     *
     * @throws Fault NOT_FOUND when there is none or its data is gone
     */
    public ClaimedSource claim(VolumeId id) {
        try (VolumeLocks.Held lock = locks.lock(id)) {
            Volume volume = find(id).orElseThrow(() -> new Fault(Fault.Kind.NOT_FOUND, "there is no volume " + id));
            Directory data = openData(volume)
                    .orElseThrow(() -> new Fault(
                            Fault.Kind.NOT_FOUND,
                            "the data of " + id.described() + " is gone: " + volume.path() + " in " + config.root()));
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
        return new Progress(room.availableBytes(), progress -> {});
    }

    /** Takes a volume's lock; see {@link VolumeLocks#lock}. */
    public VolumeLocks.Held lock(VolumeId id) {
        return locks.lock(id);
    }

    /** Takes a volume's lock if nobody has it. */
    public Optional<VolumeLocks.Held> tryLock(Id id) {
        return locks.tryLock(id);
    }

    /**
     * A folder in the root that no volume has, as the volume it is when it is used; nothing is written. Empty when the pool
     * does not discover, or there is no such folder.
     */
    public Optional<Volume> discovered(VolumeId id) {
        if (!config.discover() || isNamedByBerth(id.name()) || catalog.find(id).isPresent()) {
            return Optional.empty();
        }
        VolumePath path = new VolumePath(List.of(id.name()));
        return root.status(id.name())
                .filter(status -> status.type() == FileType.DIRECTORY && !catalog.isClaimed(path))
                .map(status -> new Volume(
                        id,
                        id.name(),
                        path,
                        Format.Directory.ADVISORY,
                        0,
                        status.modified(),
                        OnDelete.RETAIN,
                        new Ownership(status.uid(), status.gid(), status.mode()),
                        true,
                        false,
                        Optional.empty(),
                        Map.of()));
    }

    /** All that {@link #discovered(VolumeId)} finds, at most so many. */
    public List<Volume> discovered(int max) {
        List<Volume> found = new ArrayList<>();
        OptionalLong next = config.discover() ? OptionalLong.of(0) : OptionalLong.empty();
        while (next.isPresent() && found.size() < max) {
            Listing page = root.list(next.getAsLong(), 1000);
            page.entries().stream()
                    .flatMap(entry -> VolumeId.parse(config.name() + "." + entry.name()).stream())
                    .flatMap(id -> discovered(id).stream())
                    .limit(max - found.size())
                    .forEach(found::add);
            next = page.next();
        }
        return found;
    }

    /** Whether a name in the root is one that Berth gives itself: to volumes without a path of their own, and archives. */
    public boolean isNamedByBerth(String name) {
        return name.startsWith(config.name() + ".") || name.startsWith(ArchiveName.PATH_PREFIX);
    }

    /** Hands over the name of everything in the pool's root. */
    void forEachInRoot(Consumer<String> action) {
        forEachIn(root, action);
    }

    /** Hands over the name of everything in a folder. */
    static void forEachIn(Directory folder, Consumer<String> action) {
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            Listing page = folder.list(next.getAsLong(), 1000);
            page.entries().forEach(entry -> action.accept(entry.name()));
            next = page.next();
        }
    }

    /** Why volumes cannot be made or used now, if so. */
    public Optional<Fault> problem() {
        return health(MountTable.read()).map(problem -> unusable(config, problem.message()));
    }

    /** What is wrong with the place the pool lies in, if so. */
    public Optional<HealthProblem> health(MountTable table) {
        try (Directory now = Directory.open(config.root(), calls())) {
            if (!now.status().isSameFile(root.status())) {
                return Optional.of(new HealthProblem(
                        HealthProblem.Reason.POOL_UNREACHABLE,
                        config.root() + " is another folder than at the start; restart Berth"));
            }
            return root.fileSystem().readOnly() || table.containing(realRoot).fileSystemReadOnly()
                    ? Optional.of(new HealthProblem(
                            HealthProblem.Reason.READ_ONLY_FILE_SYSTEM,
                            "the file system of " + config.root() + " is read-only"))
                    : Optional.empty();
        } catch (Fault e) {
            return Optional.of(new HealthProblem(HealthProblem.Reason.POOL_UNREACHABLE, e.getMessage()));
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
        create(volume, () -> formats.of(volume).create(volume));
    }

    /**
     * As {@link #create(Volume)}, with the data of the volume's source.
     *
     * @throws java.util.concurrent.CancellationException when the copy was cancelled
     */
    public void create(Volume volume, ClaimedSource source, Progress progress) {
        create(volume, () -> copy(volume, source, progress));
    }

    private void create(Volume volume, BooleanSupplier maker) {
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
            if (hasOwnPath(volume) && !catalog.claim(volume.path(), volume.id())) {
                throw pathTaken(volume, "belongs to another volume, or lies in one or around one");
            }
            if (!volume.adopted() && !maker.getAsBoolean()) {
                throw pathTaken(volume, "is there already; onDelete=retain makes a volume of what is there");
            }
        } catch (RuntimeException | Error e) {
            try {
                undoCreate(volume);
            } catch (RuntimeException again) {
                e.addSuppressed(again); // the intent stays, so the next create or start undoes it
            }
            throw e;
        }
    }

    /** Makes the volume's data where nobody looks and moves it into its place; false when something is there. */
    private boolean copy(Volume volume, ClaimedSource source, Progress progress) {
        progress.check();
        Optional<Copied> copied = formats.of(volume).create(volume, source.data(), copying, progress);
        if (source.id().pool().equals(config.name())) {
            copied.ifPresent(made -> rungs.remember(volume.format().name(), made));
        }
        return copied.isPresent();
    }

    private Fault pathTaken(Volume volume, String why) {
        return new Fault(
                Fault.Kind.ALREADY_EXISTS,
                "volume " + volume.id() + ": its path "
                        + config.root().resolve(volume.path().toPath()) + " " + why);
    }

    private void undoCreate(Volume volume) {
        trash.put(copying, volume.id().toString(), volume.id());
        if (!volume.adopted()) {
            formats.of(volume).undo(volume);
        }
        forget(volume);
        catalog.abandon(volume.id());
    }

    /** Whether a copy was moved into its place, whole, before a crash. */
    private boolean isCopied(Volume volume) {
        return volume.source().isPresent()
                && copying.status(volume.id().toString()).isEmpty()
                && at(volume.path()).isPresent();
    }

    private void forget(Volume volume) {
        volume.attachments().keySet().forEach(node -> nodes.release(node, volume.id()));
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

    /**
     * Deletes a volume as its {@link OnDelete} says; constant time, whatever it holds.
     *
     * @throws Fault BUSY while a snapshot or another volume is made of it
     */
    public void delete(Volume volume) {
        claims.requireNone(volume.id());
        catalog.beginDelete(volume.id());
        room.giveBack(volume.id(), volume.capacityBytes());
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
        VolumePath archive = ArchiveName.pathOf(volume);
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
     * Makes a volume larger. When it is that large, completes what a crash may have cut short: its record comes first.
     *
     * @throws Fault RESOURCE_EXHAUSTED when there is no room for it, NOT_FOUND when its data is gone
     */
    public Volume expand(Volume volume, long bytes) {
        if (bytes <= volume.capacityBytes()) {
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
        room.promise(volume.id(), 0, volume.capacityBytes());
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
            room.settle(volume.id(), now);
        }
    }

    /** Where the data of a deleted volume lies that was kept. */
    public static VolumePath keptAt(Volume volume) {
        return volume.onDelete() == OnDelete.ARCHIVE && !volume.adopted() ? ArchiveName.pathOf(volume) : volume.path();
    }

    private void bringBack(Volume volume, ArchiveName name) {
        boolean there = at(volume.path()).isPresent();
        String archive = ArchiveName.pathOf(volume).name();
        if (root.status(archive).isEmpty()) {
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
            root.rename(archive, parent, volume.path().name());
            parent.fsync();
        }
    }

    /**
     * Mounts a volume of a pool that lies on a server by options of its own, over those of the pool. Its export is mounted
     * for that once more, beside the pool's; volumes of the same options share the kernel's connection.
     *
     * @throws Fault FAILED_PRECONDITION for an image, and with the kernel's reason when it cannot be mounted
     */
    public void mount(Volume volume, Path target, NfsOptions options) {
        NfsShare own = config.mounted().orElseThrow();
        if (volume.format() instanceof Format.Image) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "mount option \"" + options + "\": volume " + volume.id()
                            + " is an image, which the node reaches by the options of pool " + config.name());
        }
        try (NfsMount mount = NfsMount.mount(
                        new NfsShare(own.export(), options.ofFileSystem().over(own.options())));
                Directory export = Directory.open(mount.path(), Optional.of(mount.calls()));
                Directory data = export.openBeneath(volume.path().toPath())
                        .orElseThrow(() -> new Fault(
                                Fault.Kind.NOT_FOUND,
                                "volume " + volume.id() + ": its folder " + volume.path() + " is gone"))) {
            Mounts.bind(data, target, options.mount());
        }
    }

    /** Deletes what has no record, as its {@link OnDelete} says; does nothing when it is gone. */
    public void deleteUnrecorded(Volume volume) {
        if (volume.onDelete() != OnDelete.RETAIN) {
            parent(volume.path()).ifPresent(parent -> {
                try (parent) {
                    takeAway(parent, volume, volume.onDelete());
                }
            });
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
        catalog.creating(id).ifPresent(volume -> {
            if (isCopied(volume)) {
                catalog.commit(id);
            } else {
                undoCreate(volume);
            }
        });
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
        groups.recover();
        snapshots.recover();
        room.recount();
        LimitsAtStart.restore(this);
        limitUpkeep.watch();
        limitUpkeep.expectSomethingLeft();
        limitUpkeep.giveBackIfDue();
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

    /** Removes some of what is in the trash; see {@link Trash#reap}. */
    Trash.Reaped reap(int max) {
        Trash.Reaped reaped = trash.reap(max);
        if (reaped.removed() > 0) {
            limitUpkeep.expectSomethingLeft();
        } else {
            limitUpkeep.giveBackIfDue();
        }
        return reaped;
    }

    /** Looks whether limits hold, and begins to mend them where they do not; see {@link LimitUpkeep#watch}. */
    void watchLimits() {
        limitUpkeep.watch();
    }

    /** Bytes promised to volumes so far. */
    public long promisedBytes() {
        return room.promisedBytes();
    }

    /** Bytes of the pool: what was configured, else the file system's. */
    public long sizeBytes() {
        return room.sizeBytes();
    }

    public FileSystemStatus fileSystem() {
        return root.fileSystem();
    }

    /** Bytes that one more volume could have: what is not promised yet, and never more than what is free. */
    public long availableBytes() {
        return room.availableBytes();
    }

    /** Counts again what other processes may have promised; does nothing when nothing changed or it is too soon. */
    void recountIfStale() {
        room.recountIfStale();
    }

    @Override
    public void close() {
        catalog.close();
        snapshots.close();
        groups.close();
        copying.close();
        rungs.close();
        claims.close();
        locks.close();
        trash.close();
        nodes.close();
        root.close();
        nfs.ifPresent(NfsMount::close);
    }
}
