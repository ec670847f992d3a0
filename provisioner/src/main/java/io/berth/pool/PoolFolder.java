package io.berth.pool;

import io.berth.catalog.ArchiveName;
import io.berth.catalog.Catalog;
import io.berth.fault.Fault;
import io.berth.linux.Bulkhead;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import io.berth.linux.PathHandle;
import io.berth.mount.MountTable;
import io.berth.volume.Format;
import io.berth.volume.HealthProblem;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** The folder that a pool's volumes lie in, and whatever else lies there. Thread-safe. */
public final class PoolFolder {
    private final PoolConfig config;
    private final Directory root;
    private final Path realPath;
    private final Catalog catalog;
    private final Optional<Bulkhead> calls;

    PoolFolder(PoolConfig config, Directory root, Path realPath, Catalog catalog, Optional<Bulkhead> calls) {
        this.config = config;
        this.root = root;
        this.realPath = realPath;
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

    /** Whether its path leads to it still, by the mount it was opened by. */
    boolean isInPlace() {
        return PathHandle.open(config.root()).filter(this::isThis).isPresent();
    }

    private boolean isThis(PathHandle path) {
        try (path) {
            FileStatus there = path.status();
            FileStatus here = root.status();
            return there.mountId() == here.mountId() && there.isSameFile(here);
        }
    }

    /** What is wrong with the place the pool lies in, if so. */
    public Optional<HealthProblem> health(MountTable table) {
        try (Directory now = Directory.open(config.root(), calls)) {
            if (!now.status().isSameFile(root.status())) {
                return Optional.of(new HealthProblem(
                        HealthProblem.Reason.POOL_UNREACHABLE,
                        config.root() + " is another folder than at the start; restart Berth"));
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
}
