package io.berth.pool;

import io.berth.catalog.Catalog;
import io.berth.catalog.GroupCatalog;
import io.berth.catalog.SnapshotCatalog;
import io.berth.fault.Fault;
import io.berth.format.Formats;
import io.berth.format.VolumeFormat;
import io.berth.linux.Bulkhead;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileSystemStatus;
import io.berth.linux.Linux;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.nfs.NfsMount;
import io.berth.nfs.NfsOptions;
import io.berth.nfs.NfsShare;
import io.berth.volume.Format;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import io.berth.volume.VolumePath;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** An open pool: its folder, its volumes and their snapshots, and the room there is for more. Thread-safe. */
public final class Pool implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Pool.class);
    private static final int MOST_NAMED = 3;

    private final PoolConfig config;
    private final Optional<NfsMount> nfs;
    private final PoolIdentity identity;
    private final PoolParts parts;
    private final PoolVolumes volumes;
    private final PoolSnapshots snapshots;
    private final PoolGroups groups;
    private final Nodes nodes;
    private final Spare spare;
    private final LimitUpkeep limitUpkeep = new LimitUpkeep(this);

    private Pool(PoolConfig config, Optional<NfsMount> nfs, Directory root, Directory records, Path realRoot) {
        this.config = config;
        this.nfs = nfs;
        this.spare = new Spare(root);
        PoolAccess.requireOurs(records);
        this.identity = PoolIdentity.of(records, config.name());
        Catalog catalog = Catalog.open(records);
        try (Directory ofSnapshots = PoolFolder.ofRecords(records, "snapshots")) {
            SnapshotCatalog snapshotCatalog = SnapshotCatalog.open(ofSnapshots);
            GroupCatalog groupCatalog = PoolGroups.catalog(ofSnapshots);
            this.parts = new PoolParts(
                    new PoolFolder(config, root, records, realRoot, catalog, calls()),
                    records,
                    new VolumeLocks(config.name(), records),
                    new SourceClaims(records),
                    new Trash(records),
                    new Room(config, root, new Promised(catalog, snapshotCatalog)),
                    new Formats(root, realRoot, identity.uuid()),
                    new Rungs(config.name(), records),
                    new CrashedCopies(records));
            this.snapshots = new PoolSnapshots(parts, ofSnapshots, snapshotCatalog, groupCatalog);
            this.groups = new PoolGroups(groupCatalog, parts.locks(), snapshots);
        }
        this.nodes = new Nodes(records, catalog, parts.locks());
        this.volumes = new PoolVolumes(parts, records, catalog, nodes);
    }

    /**
     * Opens a pool, making its records' folder when it has none.
     *
     * @throws Fault FAILED_PRECONDITION when the folder is missing, cannot be written or is another pool's, UNAVAILABLE
     *     when the file system that it awaits is not mounted
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
            AwaitedMount.problem(config, root).ifPresent(problem -> {
                throw new Fault(Fault.Kind.UNAVAILABLE, "pool " + config.name() + " cannot be used: " + problem);
            });
            Path realRoot = nfs.isPresent() ? config.root() : config.root().toRealPath();
            if (make && root.mkdir(VolumePath.RECORDS, 0700)) {
                requireRoot(config, root);
                root.fsync();
                warnOfLostRecords(config, root);
            }
            Directory records = root.openDirectory(VolumePath.RECORDS)
                    .orElseThrow(() -> unusable(config, "holds no volumes yet; berth serve makes it a pool"));
            try {
                Pool pool = new Pool(config, nfs, root, records, realRoot);
                if (make) {
                    pool.identity.keep(records);
                }
                return pool;
            } catch (RuntimeException e) {
                records.close();
                throw e;
            }
        } catch (SystemCallException e) {
            root.close();
            boolean squashed = nfs.isPresent() && (e.errno() == Errno.EACCES || e.errno() == Errno.EPERM);
            throw unusable(
                    config, e.getMessage() + (squashed ? "; export it with rw,no_root_squash to this client" : ""));
        } catch (IOException e) {
            root.close();
            throw unusable(config, config.root() + ": " + Fault.reason(e));
        } catch (RuntimeException e) {
            root.close();
            throw e;
        }
    }

    /** Folders that are named as a new pool's volumes had records once. */
    private static void warnOfLostRecords(PoolConfig config, Directory root) {
        List<String> volumes = new ArrayList<>();
        root.forEachEntry(entry -> VolumeId.parse(entry.name())
                .filter(id -> id.pool().equals(config.name()) && volumes.size() < MOST_NAMED)
                .ifPresent(id -> volumes.add(entry.name())));
        if (!volumes.isEmpty()) {
            LOG.warn(
                    "pool {}: new records were begun in {}, where folders named as its volumes lie, such as {}: bring {}"
                            + " back from a backup, or make them volumes again by berth volumes adopt",
                    config.name(),
                    config.root(),
                    String.join(", ", volumes),
                    VolumePath.RECORDS);
        }
    }

    /** What was just made in a pool's folder is root's, unless its server takes root for another. */
    private static void requireRoot(PoolConfig config, Directory root) {
        boolean ours = root.status(VolumePath.RECORDS)
                .filter(status -> status.uid() == Linux.geteuid())
                .isPresent();
        if (!ours) {
            root.rmdir(VolumePath.RECORDS);
            throw unusable(
                    config,
                    "root is another user there (root_squash), so others could write what Berth does; export it with"
                            + " no_root_squash to this client");
        }
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

    /** The folder that its volumes lie in. */
    public PoolFolder folder() {
        return parts.folder();
    }

    public PoolVolumes volumes() {
        return volumes;
    }

    public PoolSnapshots snapshots() {
        return snapshots;
    }

    public PoolGroups groups() {
        return groups;
    }

    /** How copies are made in this pool. */
    public Rungs rungs() {
        return parts.rungs();
    }

    /** The copies during which a process ended. */
    public CrashedCopies crashed() {
        return parts.crashed();
    }

    public Trash trash() {
        return parts.trash();
    }

    public Nodes nodes() {
        return nodes;
    }

    /**
     * False when its path leads elsewhere than when it was opened, even if that is a mount of the same: then it is to be
     * opened anew. A server is asked only after a call has met a file that it knows no more.
     */
    boolean isInPlace() {
        if (nfs.isEmpty()) {
            return folder().isInPlace();
        }
        Bulkhead calls = nfs.get().calls();
        if (!calls.takeDoubt() || (folder().isKnownToServer() && !parts.locks().isBroken())) {
            return true;
        }
        calls.doubt();
        return false;
    }

    /** Who else may change what lies in its folder; see {@link PoolAccess#writers}. */
    public Optional<String> writers() {
        return PoolAccess.writers(folder().root());
    }

    /** Who else may change what lies in its folder, or enter it, and what to do; empty when nobody. */
    Optional<String> others() {
        return writers().or(() -> PoolAccess.visitors(folder().root()));
    }

    /** Why volumes cannot be made or used now, if so. */
    public Optional<Fault> problem() {
        return folder().health(MountTable.read()).map(problem -> unusable(config, problem.message()));
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
        config.lostOption(options)
                .ifPresent(option -> LOG.warn(
                        "volume {}: mount option {} {}", volume.id(), Fault.quote(option), config.lost(option)));
        try (NfsMount mount = NfsMount.mount(
                        new NfsShare(own.export(), options.ofFileSystem().over(own.options())));
                Directory export = Directory.open(mount.path(), Optional.of(mount.calls()));
                Directory data = export.openBeneath(volume.path().toPath())
                        .orElseThrow(() -> new Fault(
                                Fault.Kind.NOT_FOUND,
                                "volume " + volume.id() + ": its folder " + volume.path() + " is gone"))) {
            Mounts.bind(data, target, config.over(options.mount()));
        }
    }

    /** How a volume is held. */
    public VolumeFormat format(Volume volume) {
        return formats().of(volume);
    }

    /** The formats of its volumes. */
    public Formats formats() {
        return parts.formats();
    }

    /**
     * The format of a new volume; see {@link Formats#choose}.
     *
     * @param sized whether a size is asked for
     */
    public Format chooseFormat(VolumeParameters parameters, boolean sized) {
        return formats().choose(parameters, sized, config.limitOfSized());
    }

    /**
     * Makes durable what a killed process left undurable, settles every volume that a crash left unfinished and that no other
     * process is working on, and counts what is promised. A volume that cannot be settled is reported and left as it is.
     */
    public void recover() {
        trash().sync();
        volumes.recover();
        groups.recover();
        snapshots.recover();
        crashed().forgetOld();
        parts.room().recount();
        LimitsAtStart.restore(this);
        limitUpkeep.watch();
        limitUpkeep.expectSomethingLeft();
        limitUpkeep.giveBackIfDue();
        nodes.recover();
        volumes.recoverEach();
        keepSpareIfPossible();
    }

    /** Without it only deletes on a full disk fail; housekeeping tries again. */
    private void keepSpareIfPossible() {
        try {
            keepSpare();
        } catch (Fault e) {
            LOG.warn("pool {}: no room is kept for deletes on a full disk: {}", config.name(), e.getMessage());
        }
    }

    /** Removes some of what is in the trash; see {@link Trash#reap}. */
    Trash.Reaped reap(int max) {
        Trash.Reaped reaped = trash().reap(max);
        if (reaped.removed() > 0) {
            limitUpkeep.expectSomethingLeft();
        } else {
            limitUpkeep.giveBackIfDue();
        }
        return reaped;
    }

    /**
     * Does work that gives space back, or needs none in the end, on a file system that is full too: with the room that is
     * kept for it. The work may be done twice.
     */
    public <T> T evenWhenFull(Supplier<T> work) {
        return spare.orGiveUp(work);
    }

    /** As {@link #evenWhenFull(Supplier)}. */
    public void evenWhenFull(Runnable work) {
        spare.orGiveUp(() -> {
            work.run();
            return true;
        });
    }

    /** Keeps room for {@link #evenWhenFull}, when there is room to keep. */
    public void keepSpare() {
        spare.keep();
    }

    /** Looks whether limits hold, and begins to mend them where they do not; see {@link LimitUpkeep#watch}. */
    void watchLimits() {
        limitUpkeep.watch();
    }

    /** Bytes promised to volumes so far. */
    public long promisedBytes() {
        return parts.room().promisedBytes();
    }

    /** Bytes of the pool: what was configured, else the file system's. */
    public long sizeBytes() {
        return parts.room().sizeBytes();
    }

    public FileSystemStatus fileSystem() {
        return folder().root().fileSystem();
    }

    /** Bytes that one more volume could have: what is not promised yet, and never more than what is free. */
    public long availableBytes() {
        return parts.room().availableBytes();
    }

    /** The largest size that one volume of a format can have here, whatever room there is; empty when only room ends it. */
    public OptionalLong largest(Format format) {
        return format instanceof Format.Image ? fileSystem().largestFile() : OptionalLong.empty();
    }

    /** Counts again what other processes may have promised; does nothing when nothing changed or it is too soon. */
    void recountIfStale() {
        parts.room().recountIfStale();
    }

    @Override
    public void close() {
        nfs.ifPresent(NfsMount::close);
        volumes.close();
        snapshots.close();
        groups.close();
        nodes.close();
        parts.close();
    }
}
