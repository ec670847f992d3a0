package io.berth.format;

import io.berth.copy.Copied;
import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.LoopDevice;
import io.berth.linux.PathHandle;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.volume.HealthProblem;
import io.berth.volume.Usage;
import io.berth.volume.Volume;
import io.berth.volume.VolumeChange;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A volume whose user gets the raw blocks of a file: its loop device, bind mounted on a file. The device is attached as
 * long as it is so mounted somewhere, which does not keep a device by itself: what a crash leaves is found by
 * {@link #settle}.
 */
public final class BlockFormat implements VolumeFormat {
    private final Images images;

    BlockFormat(Images images) {
        this.images = images;
    }

    @Override
    public boolean create(Volume volume) {
        return images.create(volume);
    }

    @Override
    public Copied copy(DataSource source, Directory parent, String name, Progress progress) {
        Optional<LoopDevice> used = source.volume().flatMap(volume -> Images.attachedTo(source.directory()));
        used.ifPresent(device -> {
            try (device) {
                device.fsync(); // what was written so far is in the copy
            }
        });
        Images.Writers writers = used.isPresent() ? Images.Writers.AT_WORK : Images.Writers.NONE;
        return images.copy(source.directory(), parent, name, writers, progress);
    }

    @Override
    public Optional<Copied> create(Volume volume, DataSource source, Directory scratch, Progress progress) {
        String name = volume.id().toString();
        Copied copied = copy(source, scratch, name, progress);
        try (Directory folder = scratch.openDirectory(name).orElseThrow()) {
            Images.enlarge(folder, volume.capacityBytes());
        }
        return images.move(scratch, volume) ? Optional.of(copied) : Optional.empty();
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
        attached.ifPresent(LoopDevice::close); // it has the image's size now
        return attached.isPresent();
    }

    /**
     * Makes the device appear on a file. Whether it can be written is a matter of the device, so it is the same wherever it
     * appears: the latest call decides.
     */
    @Override
    public void mount(Volume volume, Path target, Set<MountOption> options) {
        images.use(volume);
        Optional<LoopDevice> attached = images.attached(volume);
        try (LoopDevice device = attached.orElseGet(() -> images.attach(volume, Set.of()))) {
            device.setReadOnly(options.contains(MountOption.RO));
            Mounts.bind(device, target, options);
        } catch (RuntimeException e) {
            releaseAfter(e, volume);
            throw e;
        }
    }

    private void releaseAfter(RuntimeException failure, Volume volume) {
        try {
            release(volume);
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
    }

    @Override
    public List<MountPoint> mounts(Volume volume, MountTable table) {
        List<Path> names = images.devices(volume).stream()
                .map(device -> device.node().getFileName())
                .toList();
        return table.mounts().stream()
                .filter(mount -> names.contains(mount.root().getFileName()) && isAt(volume, mount.target()))
                .toList();
    }

    @Override
    public Set<MountTable.Origin> origins(Volume volume, MountTable table) {
        return Set.of();
    }

    private boolean isAt(Volume volume, Path path) {
        return PathHandle.open(path)
                .filter(handle -> {
                    try (handle) {
                        return isAt(volume, handle);
                    }
                })
                .isPresent();
    }

    @Override
    public boolean isAt(Volume volume, PathHandle at) {
        FileStatus status = at.status();
        return status.type() == FileType.BLOCK_DEVICE && images.isOf(volume, status.rdevMajor(), status.rdevMinor());
    }

    @Override
    public void release(Volume volume) {
        if (!mounts(volume, MountTable.read()).isEmpty()) {
            return;
        }
        for (LoopDevice.Attached attached : images.devices(volume)) {
            LoopDevice.open(attached).ifPresent(device -> {
                try (device) {
                    device.detach();
                }
            });
        }
    }

    @Override
    public void settle(Volume volume) {
        release(volume);
    }

    @Override
    public Usage usage(Volume volume, PathHandle at) {
        FileStatus status = at.status();
        long bytes = LoopDevice.attached(status.rdevMajor(), status.rdevMinor())
                .flatMap(LoopDevice::open)
                .map(device -> {
                    try (device) {
                        return device.size();
                    }
                })
                .orElseThrow(() -> new Fault(
                        Fault.Kind.UNAVAILABLE, "volume " + volume.id() + ": its loop device is gone; stage it again"));
        return new Usage(bytes, 0, 0, 0, 0, 0);
    }

    @Override
    public void change(Volume volume, VolumeChange change) {
        // What is in it is its user's.
    }

    @Override
    public List<HealthProblem> problems(Volume volume, MountTable table) {
        List<HealthProblem> problems =
                new ArrayList<>(images.problem(volume).stream().toList());
        if (images.devices(volume).isEmpty() && isStaged(volume, table)) {
            problems.add(new HealthProblem(
                    HealthProblem.Reason.LOOP_DEVICE_LOST,
                    "its loop device was detached from " + volume.path() + "; unpublish and stage it again"));
        }
        return problems;
    }

    /** Whether a node of a loop device is where this volume's is staged. */
    private static boolean isStaged(Volume volume, MountTable table) {
        return table.mounts().stream()
                .anyMatch(mount -> mount.target().endsWith(volume.id().toString())
                        && mount.root().getFileName() != null
                        && mount.root().getFileName().toString().startsWith(LoopDevice.NODE_PREFIX));
    }
}
