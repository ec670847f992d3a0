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
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * The paths of the host that may be mounted: those at or below the allowed ones, none by default. There is a list for
 * PersistentVolumes and Docker, whose paths an administrator writes, and one for inline volumes, whose paths anybody does
 * who may make a pod. Below an allowed path no symbolic link is followed, so nobody who may write there can point elsewhere;
 * and nothing is opened that would show something of a pool. Thread-safe.
 */
public final class HostPaths {
    private static final int DIRECTORY_MODE = 0755;
    private static final int FILE_MODE = 0644;

    private final AllowList allowed;
    private final AllowList allowedInline;
    private final PoolBoundary boundary;
    /** Where allowed folders were when they were last opened: to look where they are could wait for a server. */
    private final Map<Path, Path> real = new ConcurrentHashMap<>();

    /** Folders, the longest first so that the most exact one is opened, and the setting that names them. */
    private record AllowList(String setting, String what, List<Path> folders) {
        AllowList {
            folders = folders.stream()
                    .sorted(Comparator.comparingInt(Path::getNameCount).reversed())
                    .toList();
        }
    }

    /** Paths at or below these, of inline volumes too, where the settings name no pool. */
    public HostPaths(List<Path> allowed) {
        this(allowed, List::of);
    }

    /** As {@link #HostPaths(List, List, Supplier)}, for a door to which only administrators come: one list serves all. */
    public HostPaths(List<Path> allowed, Supplier<List<Path>> pools) {
        this.allowed = new AllowList("--allow-host-path", "host path", allowed);
        this.allowedInline = this.allowed;
        this.boundary = new PoolBoundary(pools);
    }

    /**
     * Paths at or below these.
     *
     * @param allowed absolute paths; symbolic links in them are the administrator's and are followed
     * @param allowedInline those for inline volumes
     * @param pools the folders of the pools in the settings, without symbolic links
     */
    public HostPaths(List<Path> allowed, List<Path> allowedInline, Supplier<List<Path>> pools) {
        this.allowed = new AllowList("--allow-host-path", "host path", allowed);
        this.allowedInline = new AllowList("--allow-inline-host-path", "host path of an inline volume", allowedInline);
        this.boundary = new PoolBoundary(pools);
    }

    /**
     * Opens what is at the path, making it where the type says so.
     *
     * @throws Fault FAILED_PRECONDITION when the path is not allowed, a symbolic link is in the way, something else is
     *     there, or it is, holds or lies in a pool; NOT_FOUND when nothing is; UNAVAILABLE when it awaits a file system
     *     that is not mounted
     */
    public PathHandle open(HostPath wanted) {
        return open(wanted, allowed);
    }

    /** As {@link #open}, of a path that an inline volume names. */
    public PathHandle openInline(HostPath wanted) {
        return open(wanted, allowedInline);
    }

    private PathHandle open(HostPath wanted, AllowList list) {
        Path prefix = list.folders().stream()
                .filter(path -> wanted.path().startsWith(path))
                .findFirst()
                .orElseThrow(() -> new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        list.what() + " " + wanted.path() + " is not allowed: "
                                + (list.folders().isEmpty() ? "none is" : "allowed are " + list.folders())
                                + "; the administrator of this node allows one with " + list.setting()));
        Path below = prefix.relativize(wanted.path());
        AwaitedFileSystem.require(wanted);
        try (Directory base = Directory.open(prefix)) {
            real.put(prefix, base.realPath());
            if (below.toString().isEmpty()) {
                return open(wanted, base, Path.of("."));
            }
            make(wanted, base, below);
            Path parent = Optional.ofNullable(below.getParent()).orElse(Path.of("."));
            try (Directory folder = base.openBeneath(parent).orElseThrow(() -> nothing(wanted))) {
                return open(wanted, folder, below.getFileName());
            }
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

    private static Fault nothing(HostPath wanted) {
        return new Fault(
                Fault.Kind.NOT_FOUND,
                "host path " + wanted.path() + ": nothing is there; mount the disk that has it, or make it");
    }

    private PathHandle open(HostPath wanted, Directory folder, Path name) {
        PathHandle handle = PathHandle.openBeneath(folder, name).orElseThrow(() -> nothing(wanted));
        try {
            check(wanted, handle);
            AwaitedFileSystem.require(wanted, handle);
            if (handle.status().type() == FileType.DIRECTORY) {
                refuse(wanted, boundary.shownBy(handle));
            } else {
                requireOutsidePools(wanted, folder);
            }
            return handle;
        } catch (RuntimeException e) {
            handle.close();
            throw e;
        }
    }

    private void requireOutsidePools(HostPath wanted, Directory folder) {
        try (PathHandle handle = PathHandle.openBeneath(folder, Path.of(".")).orElseThrow(() -> nothing(wanted))) {
            refuse(wanted, boundary.around(handle));
        }
    }

    private static void refuse(HostPath wanted, Optional<String> why) {
        why.ifPresent(text -> {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "host path " + wanted.path() + " " + text + ", whose volumes are used by their ids; name a folder"
                            + " beside the pool");
        });
    }

    /**
     * Which allowed folders reach into a pool, how, and what to do; what is not there is passed over. May wait as long as a
     * server does.
     */
    public List<String> problems() {
        return Stream.of(allowed, allowedInline)
                .distinct()
                .flatMap(list -> list.folders().stream().flatMap(folder -> problem(list, folder).stream()))
                .toList();
    }

    private Optional<String> problem(AllowList list, Path folder) {
        try (PathHandle handle = PathHandle.open(folder).orElse(null)) {
            return Optional.ofNullable(handle)
                    .flatMap(opened -> {
                        real.put(folder, opened.realPath());
                        return boundary.shownBy(opened);
                    })
                    .map(why -> list.setting() + " " + folder + " " + why
                            + ": nothing that would show a pool is mounted; allow folders beside the pool instead");
        } catch (SystemCallException e) {
            return Optional.of(list.setting() + " " + folder + " cannot be looked at: " + e.getMessage());
        }
    }

    /** Whether a mount may be one of an allowed path, as far as the mount table tells. */
    public boolean mayShow(MountPoint mount, MountTable table) {
        return Stream.of(allowed, allowedInline)
                .flatMap(list -> list.folders().stream())
                .map(path -> real.getOrDefault(path, path))
                .anyMatch(path -> table.origin(path).relativize(mount).isPresent());
    }

    private static void check(HostPath wanted, PathHandle handle) {
        FileType found = handle.status().type();
        Optional<FileType> required = wanted.type().required();
        if (found == FileType.SYMLINK || required.filter(type -> type != found).isPresent()) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "host path " + wanted.path() + " is " + found.described() + ", type "
                            + Fault.quote(wanted.type().toString()) + " wants another");
        }
    }

    private void make(HostPath wanted, Directory base, Path below) {
        switch (wanted.type()) {
            case DIRECTORY_OR_CREATE -> {
                for (int depth = 1; depth <= below.getNameCount(); depth++) {
                    makeIn(wanted, base, below.subpath(0, depth), (parent, name) -> parent.mkdir(name, DIRECTORY_MODE));
                }
            }
            case FILE_OR_CREATE ->
                makeIn(wanted, base, below, (parent, name) -> parent.create(name, new byte[0], FILE_MODE));
            default -> {} // has to be there
        }
    }

    private interface Maker {
        boolean make(Directory parent, String name);
    }

    /** Makes what is missing; nothing in a pool. */
    private void makeIn(HostPath wanted, Directory base, Path path, Maker maker) {
        Path parent = path.getParent();
        base.openBeneath(parent == null ? Path.of(".") : parent).ifPresent(folder -> {
            try (folder) {
                String name = path.getFileName().toString();
                if (folder.status(name).isEmpty()) {
                    requireOutsidePools(wanted, folder);
                    if (maker.make(folder, name)) {
                        folder.fsync();
                    }
                }
            }
        });
    }
}
