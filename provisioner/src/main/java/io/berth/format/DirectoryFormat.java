package io.berth.format;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileType;
import io.berth.linux.PathHandle;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.volume.HealthProblem;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import io.berth.volume.VolumeChange;
import io.berth.volume.VolumePath;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A volume that is a folder, mounted by a bind mount. Its capacity is a promise, not a limit. */
public final class DirectoryFormat implements VolumeFormat {
    private static final int PARENT_MODE = 0755;

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
        try (Directory parent = makeParent(volume.path())) {
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
        Optional<Directory> parent = root.openBeneath(volume.path().parent().orElse(Path.of(".")));
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
        try (Directory data = data(volume)) {
            Mounts.bind(data, target, options);
        }
    }

    @Override
    public boolean growsOnNode() {
        return false;
    }

    @Override
    public void grow(Volume volume, Path mountedAt) {
        // A folder has the room its file system has.
    }

    @Override
    public List<MountPoint> mounts(Volume volume, MountTable table) {
        return table.of(table.origin(realRoot.resolve(volume.path().toPath())));
    }

    @Override
    public Usage usage(Volume volume, PathHandle at) {
        return Usage.of(at.fileSystem());
    }

    @Override
    public void change(Volume volume, VolumeChange change) {
        if (!change.isOfRoot()) {
            return;
        }
        try (Directory data = data(volume)) {
            int mode = change.mode().orElse(data.status().mode());
            data.chown(id(change.uid()), id(change.gid()));
            data.chmod(mode); // after chown, which clears setuid and setgid bits
            data.fsync();
        }
    }

    /** As chown(2) has it: -1 leaves the id as it is. */
    private static int id(Optional<Long> id) {
        return id.map(Long::intValue).orElse(-1);
    }

    @Override
    public List<HealthProblem> problems(Volume volume, MountTable table) {
        try (PathHandle data =
                PathHandle.openBeneath(root, volume.path().toPath()).orElseThrow(() -> gone(volume))) {
            return data.status().type() == FileType.DIRECTORY
                    ? usage(volume, data).nearlyFull().stream().toList()
                    : List.of(missing("a " + data.status().type() + " lies where its folder was: " + data.path()));
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ENOTDIR || e.errno() == Errno.ELOOP) {
                return List.of(missing("something else lies on the way to its folder: " + e.getMessage()));
            }
            throw e;
        } catch (Fault e) {
            return List.of(missing(e.getMessage()));
        }
    }

    private static HealthProblem missing(String message) {
        return new HealthProblem(HealthProblem.Reason.DATA_MISSING, message);
    }

    private Directory data(Volume volume) {
        return root.openBeneath(volume.path().toPath()).orElseThrow(() -> gone(volume));
    }

    private Fault gone(Volume volume) {
        return new Fault(
                Fault.Kind.NOT_FOUND,
                "volume " + volume.id() + ": its folder "
                        + root.path().resolve(volume.path().toPath()) + " is gone");
    }

    private static Directory open(Directory parent, Volume volume) {
        return parent.openDirectory(volume.path().name())
                .orElseThrow(() -> new Fault(
                        Fault.Kind.UNAVAILABLE, "the folder of volume " + volume.id() + " vanished while it was made"));
    }

    /** The folder that will hold the volume; missing ones on the way are made, never removed again. */
    private Directory makeParent(VolumePath path) {
        Directory at = root.openBeneath(Path.of(".")).orElseThrow();
        for (String component : path.components().subList(0, path.components().size() - 1)) {
            try (Directory parent = at) {
                if (parent.mkdir(component, PARENT_MODE)) {
                    parent.fsync();
                }
                at = parent.openDirectory(component)
                        .orElseThrow(() -> new Fault(
                                Fault.Kind.UNAVAILABLE,
                                parent.path().resolve(component) + " vanished while it was made"));
            }
        }
        return at;
    }
}
