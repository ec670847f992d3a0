package io.berth.hostpath;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileType;
import io.berth.linux.PathHandle;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The paths of the host that may be mounted: those at or below the allowed ones, none by default. Below an allowed path no
 * symbolic link is followed, so nobody who may write there can point elsewhere. Thread-safe.
 */
public final class HostPaths {
    private static final int DIRECTORY_MODE = 0755;
    private static final int FILE_MODE = 0644;

    private final List<Path> allowed;

    /**
     * Paths at or below these.
     *
     * @param allowed absolute paths; symbolic links in them are the administrator's and are followed
     */
    public HostPaths(List<Path> allowed) {
        // The longest first, so that the most exact one is opened.
        this.allowed = allowed.stream()
                .sorted(Comparator.comparingInt(Path::getNameCount).reversed())
                .toList();
    }

    /** Those that are allowed. */
    public List<Path> allowed() {
        return allowed;
    }

    /**
     * Opens what is at the path, making it where the type says so.
     *
     * @throws Fault FAILED_PRECONDITION when the path is not allowed, a symbolic link is in the way, or something else is
     *     there; NOT_FOUND when nothing is
     */
    public PathHandle open(HostPath wanted) {
        Path prefix = allowed.stream()
                .filter(path -> wanted.path().startsWith(path))
                .findFirst()
                .orElseThrow(() -> new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        "host path " + wanted.path() + " is not allowed: "
                                + (allowed.isEmpty() ? "none is" : "allowed are " + allowed)
                                + "; the administrator of this node allows one with --allow-host-path"));
        Path below = prefix.relativize(wanted.path());
        try (Directory base = Directory.open(prefix)) {
            if (!below.toString().isEmpty()) {
                make(base, below, wanted.type());
            }
            PathHandle handle = PathHandle.openBeneath(base, below.toString().isEmpty() ? Path.of(".") : below)
                    .orElseThrow(
                            () -> new Fault(Fault.Kind.NOT_FOUND, "host path " + wanted.path() + ": nothing is there"));
            check(wanted, handle);
            return handle;
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ELOOP) {
                throw new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        "host path " + wanted.path() + ": a symbolic link below " + prefix + " is not followed",
                        e);
            }
            throw e;
        }
    }

    /** Whether a mount may be one of an allowed path, as far as the mount table tells. */
    public boolean mayShow(MountPoint mount, MountTable table) {
        return allowed.stream().anyMatch(path -> {
            MountPoint around = table.containing(path);
            return mount.device().equals(around.device())
                    && mount.root()
                            .startsWith(around.root().resolve(around.target().relativize(path)));
        });
    }

    private static void check(HostPath wanted, PathHandle handle) {
        FileType found = handle.status().type();
        Optional<FileType> required = wanted.type().required();
        if (found == FileType.SYMLINK || required.filter(type -> type != found).isPresent()) {
            handle.close();
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "host path " + wanted.path() + " is " + found.described() + ", type "
                            + Fault.quote(wanted.type().toString()) + " wants another");
        }
    }

    private static void make(Directory base, Path below, HostPathType type) {
        switch (type) {
            case DIRECTORY_OR_CREATE -> makeFolders(base, below);
            case FILE_OR_CREATE -> makeFile(base, below);
            default -> {} // has to be there
        }
    }

    private static void makeFolders(Directory base, Path below) {
        for (int depth = 1; depth <= below.getNameCount(); depth++) {
            makeIn(base, below.subpath(0, depth), (parent, name) -> parent.mkdir(name, DIRECTORY_MODE));
        }
    }

    private static void makeFile(Directory base, Path below) {
        makeIn(
                base,
                below,
                (parent, name) -> parent.status(name).isEmpty() && parent.create(name, new byte[0], FILE_MODE));
    }

    private interface Maker {
        boolean make(Directory parent, String name);
    }

    private static void makeIn(Directory base, Path path, Maker maker) {
        Path parent = path.getParent();
        base.openBeneath(parent == null ? Path.of(".") : parent).ifPresent(folder -> {
            try (folder) {
                if (maker.make(folder, path.getFileName().toString())) {
                    folder.fsync();
                }
            }
        });
    }
}
