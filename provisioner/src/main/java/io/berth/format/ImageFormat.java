package io.berth.format;

import io.berth.copy.Copied;
import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.linux.DetachedMount;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.LoopDevice;
import io.berth.linux.PathHandle;
import io.berth.mount.Freeze;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.volume.FileSystemType;
import io.berth.volume.Format;
import io.berth.volume.HealthProblem;
import io.berth.volume.Ownership;
import io.berth.volume.Usage;
import io.berth.volume.Volume;
import io.berth.volume.VolumeChange;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A volume that is a file system in a file: it holds as much as the file is long, whatever the pool's own file system can
 * do. Its loop device comes with the first mount and goes by itself with the last, so a crash leaves none behind.
 */
public final class ImageFormat implements VolumeFormat {
    private static final Logger LOG = LoggerFactory.getLogger(ImageFormat.class);
    /** How long writers wait for a copy that shares no blocks. */
    private static final Duration LONGEST_FREEZE = Duration.ofSeconds(10);

    private static final Path FILE_SYSTEM_ROOT = Path.of("/");

    private final Images images;

    ImageFormat(Images images) {
        this.images = images;
    }

    /** What this machine lacks to have images with this file system, each with its cure. Changes nothing. */
    public static List<String> problems(FileSystemType type) {
        List<String> problems = new ArrayList<>(LoopDevice.problem().stream().toList());
        problems.addAll(DeviceFileSystem.problems(type));
        return problems;
    }

    /** Why such images cannot be expanded on this machine, with the cure; empty when they can. */
    public static Optional<String> growthProblem(FileSystemType type) {
        return DeviceFileSystem.growthProblem(type);
    }

    @Override
    public boolean create(Volume volume) {
        if (!images.create(volume)) {
            return false;
        }
        try (LoopDevice device = attach(volume)) {
            DeviceFileSystem fileSystem = new DeviceFileSystem(type(volume), device);
            fileSystem.make();
            try (DetachedMount mount = fileSystem.mount();
                    Directory root = mount.root()) {
                root.rmdir(DeviceFileSystem.LOST_AND_FOUND);
                own(root, volume.ownership());
            }
        }
        return true;
    }

    private static void own(Directory root, Ownership ownership) {
        root.chown((int) ownership.uid(), (int) ownership.gid());
        root.chmod(ownership.mode()); // after chown, which clears setuid and setgid bits
        root.syncfs();
    }

    @Override
    public Copied copy(DataSource source, Directory parent, String name, Progress progress) {
        return frozen(source, progress, writers -> images.copy(source.directory(), parent, name, writers, progress));
    }

    /**
     * Copies something while nothing is written to a volume, if it is mounted.
     *
     * @param source of a snapshot there is nothing to freeze
     * @param copy is told whether the volume was frozen
     * @throws Fault FAILED_PRECONDITION when the copy takes longer than writers can wait
     */
    <T> T frozen(DataSource source, Progress progress, Function<Images.Writers, T> copy) {
        Optional<Volume> volume = source.volume();
        Optional<LoopDevice> mounted = volume.flatMap(used -> Images.attachedTo(source.directory()));
        if (mounted.isEmpty()) {
            return copy.apply(Images.Writers.NONE);
        }
        try (LoopDevice device = mounted.get();
                DetachedMount mount = new DeviceFileSystem(type(volume.get()), device).mount();
                Directory root = mount.root()) {
            return frozen(root, volume.get(), progress, () -> copy.apply(Images.Writers.FROZEN));
        }
    }

    private static <T> T frozen(Directory root, Volume volume, Progress progress, Supplier<T> copy) {
        try (Freeze freeze = Freeze.of(root, LONGEST_FREEZE, progress::cancel)) {
            try {
                T copied = copy.get();
                if (freeze.thaw()) {
                    return copied;
                }
            } catch (CancellationException e) {
                if (freeze.thaw()) {
                    throw e; // by somebody else
                }
            }
        }
        throw new Fault(
                Fault.Kind.FAILED_PRECONDITION,
                "volume " + volume.id() + " is mounted and the copy takes more than " + LONGEST_FREEZE.toSeconds()
                        + " s, longer than its writers can wait: the pool's file system shares no blocks between"
                        + " files; unmount the volume, or use a pool on XFS or btrfs");
    }

    @Override
    public Optional<Copied> create(Volume volume, DataSource source, Directory scratch, Progress progress) {
        String name = volume.id().toString();
        Copied copied = copy(source, scratch, name, progress);
        try (Directory folder = scratch.openDirectory(name).orElseThrow()) {
            Images.enlarge(folder, volume.capacityBytes());
            try (LoopDevice device = images.attach(folder, volume.id(), Set.of(LoopDevice.Flag.AUTOCLEAR))) {
                DeviceFileSystem fileSystem = new DeviceFileSystem(type(volume), device);
                fileSystem.check();
                try (DetachedMount mount = fileSystem.mount();
                        Directory root = mount.root()) {
                    FileStatus status = root.status();
                    Ownership inside = new Ownership(status.uid(), status.gid(), status.mode());
                    own(
                            root,
                            volume.ownership().over(inside, volume.parameters().keySet()));
                }
            }
        }
        return images.move(scratch, volume) ? Optional.of(copied) : Optional.empty();
    }

    private static FileSystemType type(Volume volume) {
        return ((Format.Image) volume.format()).fileSystem().orElseThrow();
    }

    private LoopDevice attach(Volume volume) {
        return images.attach(volume, Set.of(LoopDevice.Flag.AUTOCLEAR));
    }

    @Override
    public void undo(Volume volume) {
        images.undo(volume);
    }

    @Override
    public void expand(Volume volume, long bytes) {
        images.expand(volume, bytes);
    }

    @Override
    public boolean growsOnNode() {
        return true;
    }

    @Override
    public boolean grow(Volume volume) {
        Optional<LoopDevice> attached = images.attached(volume);
        attached.ifPresent(device -> {
            try (device) {
                grow(new DeviceFileSystem(type(volume), device));
            }
        });
        return attached.isPresent();
    }

    /** By a mount of its own, as those of users may be read-only. */
    private static void grow(DeviceFileSystem fileSystem) {
        try (DetachedMount mount = fileSystem.mount();
                Directory root = mount.root()) {
            fileSystem.grow(root);
        }
    }

    @Override
    public void mount(Volume volume, Path target, Set<MountOption> options) {
        images.use(volume);
        Optional<LoopDevice> mounted = images.attached(volume);
        try (LoopDevice device = mounted.orElseGet(() -> attach(volume))) {
            DeviceFileSystem fileSystem = new DeviceFileSystem(type(volume), device);
            if (mounted.isEmpty()) {
                fileSystem.check();
            }
            try (DetachedMount mount = fileSystem.mount();
                    Directory root = mount.root()) {
                growIfPossible(volume, fileSystem, root);
                Mounts.attach(mount, target, options);
            }
        }
    }

    /** A volume that is smaller than it was promised is better than none. */
    private static void growIfPossible(Volume volume, DeviceFileSystem fileSystem, Directory root) {
        try {
            fileSystem.grow(root);
        } catch (Fault e) {
            LOG.warn("volume {} is smaller than {} bytes: {}", volume.id(), volume.capacityBytes(), e.getMessage());
        }
    }

    @Override
    public List<MountPoint> mounts(Volume volume, MountTable table) {
        return origins(volume, table).stream()
                .flatMap(origin -> table.of(origin).stream())
                .toList();
    }

    @Override
    public Set<MountTable.Origin> origins(Volume volume, MountTable table) {
        return images.devices(volume).stream()
                .map(device -> new MountTable.Origin(device.device(), FILE_SYSTEM_ROOT))
                .collect(Collectors.toSet());
    }

    @Override
    public boolean isAt(Volume volume, PathHandle at) {
        FileStatus status = at.status();
        return status.mountRoot() && images.isOf(volume, status.deviceMajor(), status.deviceMinor());
    }

    @Override
    public void release(Volume volume) {
        // The device goes by itself.
    }

    @Override
    public void settle(Volume volume) {
        for (MountPoint mount : mounts(volume, MountTable.read())) {
            try (Directory root = Directory.open(mount.target())) {
                root.fithaw();
            }
        }
    }

    @Override
    public Usage usage(Volume volume, PathHandle at) {
        return VolumeFormat.usageOf(at.fileSystem());
    }

    @Override
    public void change(Volume volume, VolumeChange change) {
        // What its file system has inside is its user's.
    }

    @Override
    public List<HealthProblem> problems(Volume volume, MountTable table) {
        List<HealthProblem> problems =
                new ArrayList<>(images.problem(volume).stream().toList());
        mounts(volume, table).stream()
                .findFirst()
                .flatMap(mount -> PathHandle.open(mount.target()))
                .ifPresent(at -> {
                    try (at) {
                        usage(volume, at).nearlyFull().ifPresent(problems::add);
                    }
                });
        return problems;
    }
}
