package io.berth.format;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.PathHandle;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.volume.Format;
import io.berth.volume.Limit;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * A volume that is a folder, on btrfs a subvolume, mounted by a bind mount. Whether its capacity is a limit, its record
 * says; the limit is a quota of the pool's file system.
 */
public final class DirectoryFormat implements VolumeFormat {
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
            try (Directory data = open(parent, volume)) {
                holdToLimit(volume, data, volume.capacityBytes());
                Ownership ownership = volume.ownership();
                data.chown((int) ownership.uid(), (int) ownership.gid());
                data.chmod(ownership.mode()); // after chown, which clears setuid and setgid bits
                data.fsync();
            }
            parent.fsync();
            return true;
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
            return limits.problem(false).isEmpty()
                    && limits.isSet(data, volume.id(), volume.capacityBytes(), inodes.get());
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
        try (Directory data = open(volume)) {
            Mounts.bind(data, target, options);
        }
    }

    private Directory open(Volume volume) {
        return root.openBeneath(volume.path().toPath())
                .orElseThrow(() -> new Fault(
                        Fault.Kind.NOT_FOUND,
                        "volume " + volume.id() + ": its folder "
                                + root.path().resolve(volume.path().toPath()) + " is gone"));
    }

    @Override
    public boolean growsOnNode() {
        return false;
    }

    @Override
    public void grow(Volume volume) {
        // Its limit was raised when it was expanded.
    }

    @Override
    public List<MountPoint> mounts(Volume volume, MountTable table) {
        return table.of(table.origin(realRoot.resolve(volume.path().toPath())));
    }

    @Override
    public boolean isAt(Volume volume, PathHandle at) {
        return root.openBeneath(volume.path().toPath())
                .filter(data -> {
                    try (data) {
                        return data.status().isSameFile(at.status());
                    }
                })
                .isPresent();
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
            return limits.usage(data, at.fileSystem());
        }
    }

    private static Directory open(Directory parent, Volume volume) {
        return parent.openDirectory(volume.path().name())
                .orElseThrow(() -> new Fault(
                        Fault.Kind.UNAVAILABLE, "the folder of volume " + volume.id() + " vanished while it was made"));
    }
}
