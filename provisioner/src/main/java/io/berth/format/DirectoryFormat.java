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
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A volume that is a folder, mounted by a bind mount. Its capacity is a promise, not a limit. */
public final class DirectoryFormat implements VolumeFormat {
    private final Directory root;
    private final Path realRoot;

    /**
     * Of the pool with this root.
     *
     * @param realRoot its path without symbolic links
     */
    public DirectoryFormat(Directory root, Path realRoot) {
        this.root = root;
        this.realRoot = realRoot;
    }

    @Override
    public boolean create(Volume volume) {
        try (Directory parent = ParentFolder.make(root, volume.path())) {
            if (!parent.mkdir(volume.path().name(), 0700)) {
                return false;
            }
            try (Directory data = open(parent, volume)) {
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
        // A folder has the room its file system has.
    }

    @Override
    public void mount(Volume volume, Path target, Set<MountOption> options) {
        Directory data = root.openBeneath(volume.path().toPath())
                .orElseThrow(() -> new Fault(
                        Fault.Kind.NOT_FOUND,
                        "volume " + volume.id() + ": its folder "
                                + root.path().resolve(volume.path().toPath()) + " is gone"));
        try (data) {
            Mounts.bind(data, target, options);
        }
    }

    @Override
    public boolean growsOnNode() {
        return false;
    }

    @Override
    public void grow(Volume volume) {
        // A folder has the room its file system has.
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
        return Usage.of(at.fileSystem());
    }

    private static Directory open(Directory parent, Volume volume) {
        return parent.openDirectory(volume.path().name())
                .orElseThrow(() -> new Fault(
                        Fault.Kind.UNAVAILABLE, "the folder of volume " + volume.id() + " vanished while it was made"));
    }
}
