package io.berth.pool;

import io.berth.catalog.ArchiveName;
import io.berth.catalog.Catalog;
import io.berth.fault.Fault;
import io.berth.linux.Bulkhead;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import io.berth.linux.PathHandle;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountTable;
import io.berth.volume.Format;
import io.berth.volume.HealthProblem;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** The folder that a pool's volumes lie in, and whatever else lies there. Thread-safe. */
public final class PoolFolder {
    private static final int FOLDER_MODE = 0755;

    private final PoolConfig config;
    private final Directory root;
    private final Directory records;
    private final FileStatus rootAtOpening;
    private final FileStatus recordsAtOpening;
    private final Path realPath;
    private final MountTable.Origin origin;
    private final Catalog catalog;
    private final Optional<Bulkhead> calls;

    /**
     * The folder of an open pool.
     *
     * @param root the caller closes it, and {@code records}
     */
    PoolFolder(
            PoolConfig config,
            Directory root,
            Directory records,
            Path realPath,
            Catalog catalog,
            Optional<Bulkhead> calls) {
        this.config = config;
        this.root = root;
        this.records = records;
        this.rootAtOpening = root.status();
        this.recordsAtOpening = records.status();
        this.realPath = realPath;
        this.origin = MountTable.read().origin(realPath);
        this.catalog = catalog;
        this.calls = calls;
    }

    PoolConfig config() {
        return config;
    }

    /** Where it is without symbolic links, as the mount table shows it. */
    public Path realPath() {
        return realPath;
    }

    /** Which folder of which file system it is, whatever is mounted at its path by now. */
    public MountTable.Origin origin() {
        return origin;
    }

    /**
     * Whose folder this is, or lies in, as the records have it; empty when it is no volume's.
     *
     * @param below a path below the root, which need not be there
     * @throws Fault when the records cannot be read
     */
    public Optional<VolumeId> owner(Path below) {
        Optional<VolumeId> named = named(below).filter(id -> catalog.find(id).isPresent());
        return named.isPresent() ? named : catalog.claimant(below);
    }

    /** The volume whose folder this is, or lies in, if it lies where its id puts it; no record is read. */
    public Optional<VolumeId> named(Path below) {
        return VolumeId.parse(below.getName(0).toString())
                .filter(id -> id.pool().equals(config.name()));
    }

    Directory root() {
        return root;
    }

    /** Whether something lies at a path of the pool. */
    public Optional<FileStatus> at(VolumePath path) {
        return root.together(
                () -> parent(path).flatMap(parent -> {
                    try (parent) {
                        return parent.status(path.name());
                    }
                }),
                late -> {});
    }

    /** The folder that holds a volume, or empty when that is gone, and the volume with it. */
    Optional<Directory> parent(VolumePath path) {
        return root.openBeneath(path.parent().orElse(Path.of(".")));
    }

    /** The root folder of a directory volume, or empty when its data is gone. The caller closes it. */
    public Optional<Directory> openData(Volume volume) {
        return root.openBeneath(volume.path().toPath());
    }

    /** Makes a folder that is no volume's, and those above it, where they are missing. */
    public void make(VolumePath path) {
        Directory at = root.again();
        for (String component : path.components()) {
            try (Directory parent = at) {
                if (parent.mkdir(component, FOLDER_MODE)) {
                    parent.fsync();
                }
                at = parent.openDirectory(component)
                        .orElseThrow(() -> new Fault(
                                Fault.Kind.UNAVAILABLE,
                                parent.path().resolve(component) + " vanished while it was made"));
            }
        }
        at.close();
    }

    /** Whether a name in the root is one that Berth gives itself: to volumes without a path of their own, and archives. */
    public boolean isNamedByBerth(String name) {
        return name.startsWith(config.name() + ".") || name.startsWith(ArchiveName.PATH_PREFIX);
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

    /** Opens a folder of the records, made when it is missing. */
    static Directory ofRecords(Directory records, String name) {
        if (records.mkdir(name, 0700)) {
            records.fsync();
        }
        return records.openDirectory(name)
                .orElseThrow(() -> new Fault(
                        Fault.Kind.UNAVAILABLE, records.path().resolve(name) + " vanished while it was opened"));
    }

    /** Whether it lies elsewhere than a volume lies whose parameters name no path. */
    static boolean hasOwnPath(Volume volume) {
        return !volume.path().equals(VolumePath.of(volume.id()));
    }

    Fault pathTaken(Volume volume, String why) {
        return new Fault(
                Fault.Kind.ALREADY_EXISTS,
                "volume " + volume.id() + ": its path "
                        + config.root().resolve(volume.path().toPath()) + " " + why);
    }

    /**
     * Refuses a volume below something that is mounted in the pool's folder: nothing can be moved there from the pool, nor
     * from there to the trash.
     *
     * @throws Fault FAILED_PRECONDITION with the cure
     */
    void requireOneFileSystem(Volume volume) {
        mountOnTheWay(volume).ifPresent(mounted -> {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume " + volume.id() + ": its path " + volume.path() + " lies on another file system than pool "
                            + config.name() + ", which is mounted at " + mounted + "; make that a pool of its own");
        });
    }

    /**
     * Refuses to move away a volume that lies there since an older version.
     *
     * @throws Fault FAILED_PRECONDITION with the cure
     */
    void requireMovable(Volume volume) {
        mountOnTheWay(volume).filter(mounted -> at(volume.path()).isPresent()).ifPresent(mounted -> {
            Path data = config.root().resolve(volume.path().toPath());
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume " + volume.id() + " lies on another file system than pool " + config.name()
                            + ", which is mounted at " + mounted + ", so it cannot be moved away at once; remove "
                            + data + " by hand, or move it to where it is to be kept, then the same call succeeds");
        });
    }

    /** Where a file system is mounted between the root and a volume, or at that. */
    private Optional<Path> mountOnTheWay(Volume volume) {
        Path path = volume.path().toPath();
        if (!hasOwnPath(volume) || !root.crossesMount(path)) {
            return Optional.empty();
        }
        int depth = 1;
        while (depth < path.getNameCount() && !root.crossesMount(path.subpath(0, depth))) {
            depth++;
        }
        return Optional.of(config.root().resolve(path.subpath(0, depth)));
    }

    /** Whether its path leads to it still, by the mount it was opened by, and its records lie in it still. */
    boolean isInPlace() {
        return PathHandle.open(config.root()).filter(this::isThis).isPresent() && isAtRealPath() && holdsItsRecords();
    }

    /** A folder that was moved, with a link to it in its place, is shown at another path by the mount table. */
    private boolean isAtRealPath() {
        try {
            return realPath.equals(config.root().toRealPath());
        } catch (IOException e) {
            return false; // moved away this moment
        }
    }

    private boolean isThis(PathHandle path) {
        try (path) {
            FileStatus there = path.status();
            return there.mountId() == rootAtOpening.mountId() && there.isSameFile(rootAtOpening);
        }
    }

    private boolean holdsItsRecords() {
        return root.status(VolumePath.RECORDS)
                .filter(recordsAtOpening::isSameFile)
                .isPresent();
    }

    /** As {@link #isInPlace}, of an export: whether its server knows what was opened there still. It is asked. */
    boolean isKnownToServer() {
        return root.together(
                () -> {
                    try {
                        return !root.isStale() && !records.isStale() && isInPlace();
                    } catch (SystemCallException e) {
                        if (e.errno() == Errno.ESTALE) {
                            return false;
                        }
                        throw e;
                    }
                },
                late -> {});
    }

    /** What is wrong with the place the pool lies in, if so. */
    public Optional<HealthProblem> health(MountTable table) {
        try (Directory now = Directory.open(config.root(), calls)) {
            if (!now.status().isSameFile(rootAtOpening) || !holdsItsRecords()) {
                return Optional.of(new HealthProblem(HealthProblem.Reason.POOL_UNREACHABLE, notInPlace(config)));
            }
            return root.fileSystem().readOnly() || table.containing(realPath).fileSystemReadOnly()
                    ? Optional.of(new HealthProblem(
                            HealthProblem.Reason.READ_ONLY_FILE_SYSTEM,
                            "the file system of " + config.root() + " is read-only"))
                    : Optional.empty();
        } catch (Fault e) {
            return Optional.of(new HealthProblem(HealthProblem.Reason.POOL_UNREACHABLE, e.getMessage()));
        }
    }

    /** What is the matter with a pool that was opened and lies no longer where it did, and what to do. */
    static String notInPlace(PoolConfig config) {
        return config.place() + " is another folder than Berth opened: something was mounted over it, or it or its "
                + VolumePath.RECORDS
                + " was moved or replaced; put back what was there, and it is used again; to use what"
                + " is there now as a pool of its own, end the use of this pool's volumes, then restart Berth";
    }
}
