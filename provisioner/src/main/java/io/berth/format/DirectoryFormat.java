package io.berth.format;

import io.berth.copy.Copied;
import io.berth.copy.Progress;
import io.berth.copy.Rung;
import io.berth.copy.TreeCopy;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.PathHandle;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.volume.Format;
import io.berth.volume.HealthProblem;
import io.berth.volume.Limit;
import io.berth.volume.Ownership;
import io.berth.volume.Usage;
import io.berth.volume.Volume;
import io.berth.volume.VolumeChange;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * A volume that is a folder, on btrfs a subvolume, mounted by a bind mount. Whether its capacity is a limit, its record
 * says; the limit is a quota of the pool's file system.
 */
public final class DirectoryFormat implements VolumeFormat {
    /** The owner or group that chown(2) leaves as it is. */
    private static final int AS_IT_IS = -1;

    private final Directory root;
    private final Path realRoot;
    private final DirectoryLimits limits;

    /**
     * Of the pool with this root.
     *
     * @param realRoot its path without symbolic links
     */
    DirectoryFormat(Directory root, Path realRoot, DirectoryLimits limits) {
        this.root = root;
        this.realRoot = realRoot;
        this.limits = limits;
    }

    @Override
    public boolean create(Volume volume) {
        try (Directory parent = ParentFolder.make(root, volume.path())) {
            if (!limits.mkdir(parent, volume.path().name())) {
                return false;
            }
            finish(volume, parent, volume.path().name());
            parent.fsync();
            return true;
        }
    }

    private void finish(Volume volume, Directory parent, String name) {
        try (Directory data = open(parent, name)) {
            holdToLimit(volume, data, volume.capacityBytes());
            Ownership ownership = volume.ownership();
            giveTo(ownership, data);
            data.chmod(ownership.mode()); // after chown, which clears setuid and setgid bits
            data.fsync();
        }
    }

    private void giveTo(Ownership owner, Directory data) {
        FileStatus made = data.status();
        if (made.uid() == owner.uid() && made.gid() == owner.gid()) {
            return;
        }
        try {
            data.chown((int) owner.uid(), (int) owner.gid());
        } catch (SystemCallException e) {
            if (e.errno() == Errno.EPERM && isOnServer()) {
                throw new Fault(
                        e.kind(),
                        "the NFS server lets nobody own " + data + " but uid " + made.uid()
                                + ", because root is another user there (root_squash); export it with no_root_squash"
                                + " to this client",
                        e);
            }
            throw e;
        }
    }

    @Override
    public Copied copy(DataSource source, Directory parent, String name, Progress progress) {
        Copied copied = tree(source, parent, name, progress).run(limits::mkdir);
        if (copied.rung() != Rung.SNAPSHOT) {
            return copied;
        }
        try (Directory data = open(parent, name)) {
            return new Copied(Rung.SNAPSHOT, 0, 0, limits.usedBytes(data), 0);
        }
    }

    /** Whether the folders lie on an NFS server. */
    private boolean isOnServer() {
        return limits instanceof LimitsOfServer;
    }

    private TreeCopy tree(DataSource source, Directory parent, String name, Progress progress) {
        int threads = isOnServer() ? TreeCopy.NETWORK_THREADS : TreeCopy.DEFAULT_THREADS;
        return new TreeCopy(source.directory(), parent, name, threads, progress);
    }

    @Override
    public Optional<Copied> create(Volume volume, DataSource source, Directory scratch, Progress progress) {
        String name = volume.id().toString();
        Copied copied = tree(source, scratch, name, progress).run((parent, made) -> {
            if (!limits.mkdir(parent, made)) {
                return false;
            }
            try (Directory data = open(parent, made)) {
                holdToLimit(volume, data, volume.capacityBytes()); // files get their project when they are made
            }
            return true;
        });
        finish(volume, scratch, name);
        try (Directory parent = ParentFolder.make(root, volume.path())) {
            if (parent.status(volume.path().name()).isPresent()) {
                return Optional.empty();
            }
            scratch.rename(name, parent, volume.path().name());
            parent.syncAfterMove(scratch);
            return Optional.of(copied);
        }
    }

    @Override
    public void undo(Volume volume) {
        Optional<Directory> parent = ParentFolder.open(root, volume.path());
        if (parent.isEmpty()) {
            return;
        }
        try (Directory folder = parent.get()) {
            folder.rmdir(volume.path().name());
        } catch (SystemCallException e) {
            // What was made is an empty folder: anything else is not of this create.
            if (e.errno() != Errno.ENOTEMPTY && e.errno() != Errno.ENOTDIR) {
                throw e;
            }
        }
    }

    @Override
    public void expand(Volume volume, long bytes) {
        try (Directory data = open(volume)) {
            holdToLimit(volume, data, bytes);
        }
    }

    private void holdToLimit(Volume volume, Directory data, long bytes) {
        inodesOfEnforced(volume).ifPresent(inodes -> limits.set(data, volume.id(), bytes, inodes));
    }

    /** How many files a limited volume may have, if limited; empty when the volume is not limited at all. */
    private static Optional<OptionalLong> inodesOfEnforced(Volume volume) {
        return volume.format() instanceof Format.Directory directory && directory.limit() == Limit.ENFORCED
                ? Optional.of(directory.inodes())
                : Optional.empty();
    }

    /**
     * Whether the volume is held to what its record says. A limit is lost when quotas are switched off, or were when it
     * was set, and when the pool was moved by a copy of its files.
     *
     * @throws Fault NOT_FOUND when the data is gone
     */
    boolean isHeldToLimit(Volume volume) {
        Optional<OptionalLong> inodes = inodesOfEnforced(volume);
        if (inodes.isEmpty()) {
            return true;
        }
        try (Directory data = open(volume)) {
            return isOnServer()
                    || (limits.problem(false).isEmpty()
                            && limits.isSet(data, volume.id(), volume.capacityBytes(), inodes.get()));
        }
    }

    /** How many bytes the volume takes, if its file system keeps count of them. */
    OptionalLong usedBytes(Volume volume) {
        try (Directory data = open(volume)) {
            if (inodesOfEnforced(volume).isPresent() && volume.capacityBytes() > 0 && isHeldToLimit(volume)) {
                return OptionalLong.of(limits.usage(data, data.fileSystem()).usedBytes());
            }
            long counted = limits.usedBytes(data);
            return counted > 0 ? OptionalLong.of(counted) : OptionalLong.empty();
        }
    }

    /**
     * Holds the volume to what its record says.
     *
     * @throws Fault NOT_FOUND when the data is gone, FAILED_PRECONDITION with reason and cure when its file system cannot
     */
    void holdToLimit(Volume volume) {
        try (Directory data = open(volume)) {
            holdToLimit(volume, data, volume.capacityBytes());
        }
    }

    @Override
    public void mount(Volume volume, Path target, Set<MountOption> options) {
        boolean unused = root.together(
                () -> {
                    try (Directory data = open(volume)) {
                        Mounts.bind(data, target, options);
                        return true;
                    }
                },
                late -> Mounts.unmount(target));
    }

    private Directory open(Volume volume) {
        return root.openBeneath(volume.path().toPath()).orElseThrow(() -> gone(volume));
    }

    @Override
    public boolean growsOnNode() {
        return false;
    }

    @Override
    public boolean grow(Volume volume) {
        return true; // its limit was raised when it was expanded
    }

    @Override
    public List<MountPoint> mounts(Volume volume, MountTable table) {
        return origins(volume, table).stream()
                .flatMap(origin -> table.of(origin).stream())
                .toList();
    }

    @Override
    public Set<MountTable.Origin> origins(Volume volume, MountTable table) {
        return Set.of(table.origin(realRoot.resolve(volume.path().toPath())));
    }

    @Override
    public boolean isAt(Volume volume, PathHandle at) {
        FileStatus shown = at.status();
        return root.openBeneath(volume.path().toPath())
                .filter(data -> {
                    try (data) {
                        FileStatus own = data.status();
                        return own.isSameFile(shown)
                                || (own.inode() == shown.inode() && isMountedBySomeOptions(volume, at.path()));
                    }
                })
                .isPresent();
    }

    /**
     * An export that is mounted by other options is another file system, whose files are others to stat(2), but for their
     * numbers.
     */
    private boolean isMountedBySomeOptions(Volume volume, Path path) {
        MountTable table = MountTable.read();
        return table.at(path).filter(mounts(volume, table)::contains).isPresent();
    }

    @Override
    public void release(Volume volume) {
        // A node holds nothing for a folder.
    }

    @Override
    public void settle(Volume volume) {
        // A node holds nothing for a folder.
    }

    @Override
    public Usage usage(Volume volume, PathHandle at) {
        try (Directory data = open(volume)) {
            Usage usage = limits.usage(data, at.fileSystem());
            // A quota, one that a server's driver set too, shows as the volume's own total.
            return usage.totalBytes() == root.fileSystem().totalBytes() ? usage.asShared() : usage;
        }
    }

    @Override
    public void change(Volume volume, VolumeChange change) {
        try (Directory data = open(volume)) {
            if (change.inodes().isPresent()) {
                limitInodes(volume, data);
            }
            if (change.isOfRoot()) {
                changeRoot(volume, data, change);
            }
        }
    }

    private void limitInodes(Volume volume, Directory data) {
        if (inodesOfEnforced(volume).filter(OptionalLong::isPresent).isPresent()) {
            limits.problem(true).ifPresent(problem -> {
                throw new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        "inodes: this pool cannot hold a directory to a number of files: " + problem);
            });
        }
        holdToLimit(volume, data, volume.capacityBytes());
    }

    private static void changeRoot(Volume volume, Directory data, VolumeChange change) {
        Ownership ownership = volume.ownership();
        int mode = change.mode().isPresent() ? ownership.mode() : data.status().mode();
        data.chown(
                change.uid().isPresent() ? (int) ownership.uid() : AS_IT_IS,
                change.gid().isPresent() ? (int) ownership.gid() : AS_IT_IS);
        data.chmod(mode); // after chown, which clears setuid and setgid bits
        data.fsync();
    }

    @Override
    public List<HealthProblem> problems(Volume volume, MountTable table) {
        try (PathHandle data =
                PathHandle.openBeneath(root, volume.path().toPath()).orElseThrow(() -> gone(volume))) {
            if (data.status().type() != FileType.DIRECTORY) {
                return List.of(
                        missing(data.status().type().described() + " lies where its folder was: " + data.path()));
            }
            List<HealthProblem> problems = new ArrayList<>();
            limitLost(volume).ifPresent(problems::add);
            usage(volume, data).nearlyFull().ifPresent(problems::add);
            return problems;
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ENOTDIR || e.errno() == Errno.ELOOP) {
                return List.of(missing("something else lies on the way to its folder: " + e.getMessage()));
            }
            throw e;
        } catch (Fault e) {
            if (e.kind() == Fault.Kind.NOT_FOUND) {
                return List.of(missing(e.getMessage()));
            }
            throw e;
        }
    }

    private Optional<HealthProblem> limitLost(Volume volume) {
        if (inodesOfEnforced(volume).isEmpty()) {
            return Optional.empty();
        }
        Optional<String> why = isHeldToLimit(volume) ? limits.lapse() : Optional.of(whyLimitIsLost(volume));
        return why.map(text -> new HealthProblem(HealthProblem.Reason.LIMIT_LOST, text));
    }

    private String whyLimitIsLost(Volume volume) {
        try (Directory data = open(volume)) {
            return limits.problem(data)
                    .orElseGet(() ->
                            limits.problem(false).orElse("the limit of " + volume.path() + " is not what it should be")
                                    + "; the start of the driver sets it again");
        }
    }

    private static HealthProblem missing(String message) {
        return new HealthProblem(HealthProblem.Reason.DATA_MISSING, message);
    }

    private Fault gone(Volume volume) {
        return new Fault(
                Fault.Kind.NOT_FOUND,
                "volume " + volume.id() + ": its folder "
                        + root.path().resolve(volume.path().toPath()) + " is gone");
    }

    private static Directory open(Directory parent, String name) {
        return parent.openDirectory(name)
                .orElseThrow(() ->
                        new Fault(Fault.Kind.UNAVAILABLE, parent.path().resolve(name) + " vanished while it was made"));
    }
}
