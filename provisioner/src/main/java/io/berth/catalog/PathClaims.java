package io.berth.catalog;

import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import io.berth.linux.SystemCallException;
import io.berth.volume.Id;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Who has which path, for volumes that name one. Each claim is a file at the volume's path below one folder, so the file
 * system itself refuses two volumes of one path and a volume inside another: a file has no children, and a folder with
 * children gives no room to a file.
 */
final class PathClaims {
    private static final int ATTEMPTS = 16;

    private final Directory claims;
    private final Directory tmp;

    /**
     * The claims of a pool.
     *
     * @param claims the folder that mirrors the paths
     * @param tmp where a claim is written before it gets its name, so that one is never seen half written
     */
    PathClaims(Directory claims, Directory tmp) {
        this.claims = claims;
        this.tmp = tmp;
    }

    /** Claims the path; durable when it returns. True when it is the volume's, now or since before. */
    boolean claim(VolumePath path, VolumeId id) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try {
                Optional<Directory> parent = makeParent(path);
                if (parent.isPresent()) {
                    try (Directory folder = parent.get()) {
                        return claim(folder, path.name(), id);
                    }
                }
            } catch (SystemCallException e) {
                switch (e.errno()) {
                    case Errno.ENOENT -> {} // a release has just removed the empty folder: make it again
                    case Errno.ENOTDIR, Errno.ELOOP -> {
                        return false; // inside the path of another volume
                    }
                    default -> throw e;
                }
            }
        }
        return false;
    }

    /** Gives the path back, durable when it returns; when it is not the volume's, only waits until that is durable. */
    void release(VolumePath path, VolumeId id) {
        tmp.unlink(unnamed(id)); // left by a crash
        Optional<Directory> parent = findParent(path);
        if (parent.isEmpty()) {
            return;
        }
        try (Directory folder = parent.get()) {
            if (isOurs(folder, path.name(), id)) {
                folder.unlink(path.name());
            }
            folder.fsync(); // also when an earlier call gave it back: that may have failed here
        }
        path.parent().ifPresent(this::removeWhileEmpty);
    }

    /** Whether the path is the volume's. */
    boolean has(VolumePath path, VolumeId id) {
        return findParent(path)
                .filter(folder -> {
                    try (folder) {
                        return isOurs(folder, path.name(), id);
                    }
                })
                .isPresent();
    }

    /** Whether the path is some volume's, lies in one's, or one may lie in it. */
    boolean isTaken(VolumePath path) {
        try (Directory folder = openParent(path.parent()).orElse(null)) {
            return folder != null && folder.status(path.name()).isPresent();
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ENOTDIR) {
                return true;
            }
            throw e;
        }
    }

    /** Whose path this is, or lies in; empty when it is no volume's. */
    Optional<VolumeId> owner(Path path) {
        for (int depth = 1; depth <= path.getNameCount(); depth++) {
            Path prefix = path.subpath(0, depth);
            String name = prefix.getName(depth - 1).toString();
            try (Directory folder =
                    openParent(Optional.ofNullable(prefix.getParent())).orElse(null)) {
                Optional<FileType> found =
                        folder == null ? Optional.empty() : folder.status(name).map(FileStatus::type);
                if (folder == null || found.isEmpty()) {
                    return Optional.empty();
                }
                if (found.get() != FileType.DIRECTORY) {
                    return readFile(folder, name).flatMap(VolumeId::parse);
                }
            }
        }
        return Optional.empty();
    }

    /**
     * The volume that has the path, in whose path it lies, or one of those that lie in it; empty when none does, or what
     * stands there was not made by Berth.
     */
    Optional<VolumeId> holder(VolumePath path) {
        try {
            Optional<VolumeId> owner = owner(path.toPath());
            return owner.isPresent() ? owner : anyIn(path);
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ENOTDIR || e.errno() == Errno.ELOOP) {
                return Optional.empty(); // it changed meanwhile
            }
            throw e;
        }
    }

    /** Each folder has a claim in it, so there is no need to look at more than the first of each. */
    private Optional<VolumeId> anyIn(VolumePath path) {
        Optional<Directory> opened = claims.openBeneath(path.toPath());
        for (int depth = 0; opened.isPresent() && depth <= VolumePath.MAX_COMPONENTS; depth++) {
            try (Directory folder = opened.get()) {
                Optional<Listing.Entry> first =
                        folder.list(0, 1).entries().stream().findFirst();
                if (first.isEmpty()) {
                    return Optional.empty();
                }
                if (first.get().type() != FileType.DIRECTORY) {
                    return readFile(folder, first.get().name()).flatMap(VolumeId::parse);
                }
                opened = folder.openDirectory(first.get().name());
            }
        }
        return Optional.empty();
    }

    /** Hands over every claim, and the path of what is none. */
    void forEach(BiConsumer<VolumePath, VolumeId> action, Consumer<Path> strange) {
        walk(claims, List.of(), action, strange);
    }

    private static void walk(
            Directory folder, List<String> above, BiConsumer<VolumePath, VolumeId> action, Consumer<Path> strange) {
        if (above.size() >= VolumePath.MAX_COMPONENTS) {
            strange.accept(folder.path());
            return;
        }
        folder.forEachEntry(entry -> {
            List<String> path = new ArrayList<>(above);
            path.add(entry.name());
            if (entry.type() == FileType.DIRECTORY) {
                folder.openDirectory(entry.name()).ifPresent(child -> {
                    try (child) {
                        walk(child, path, action, strange);
                    }
                });
            } else {
                Optional<VolumeId> id = readFile(folder, entry.name()).flatMap(VolumeId::parse);
                if (id.isPresent() && VolumePath.isPath(path)) {
                    action.accept(new VolumePath(path), id.get());
                } else {
                    strange.accept(folder.path().resolve(entry.name()));
                }
            }
        });
    }

    private static String unnamed(VolumeId id) {
        return id + ".claim";
    }

    private boolean claim(Directory folder, String name, VolumeId id) {
        String unnamed = unnamed(id);
        tmp.unlink(unnamed); // left by a crash; the volume's lock is ours
        if (folder.status(name).isPresent()) {
            if (isOurs(folder, name, id)) {
                folder.fsync(); // whoever claimed it may not have come to that
                return true;
            }
            if (!removeEmpty(folder, name)) {
                return false;
            }
        }
        tmp.create(unnamed, id.toString().getBytes(StandardCharsets.UTF_8), 0600);
        boolean claimed = tmp.link(unnamed, folder, name);
        tmp.unlink(unnamed);
        if (!claimed) {
            return false;
        }
        folder.fsync();
        return true;
    }

    private static boolean isOurs(Directory folder, String name, VolumeId id) {
        return folder.status(name)
                        .filter(status -> status.size() <= Id.MAX_BYTES)
                        .isPresent()
                && readFile(folder, name)
                        .filter(text -> text.equals(id.toString()))
                        .isPresent();
    }

    /** What a claim says; empty for what a hand may have left: a folder, a link, a pipe, a file too long to be one. */
    private static Optional<String> readFile(Directory folder, String name) {
        try {
            return folder.read(name, Id.MAX_BYTES).map(bytes -> new String(bytes, StandardCharsets.UTF_8));
        } catch (SystemCallException e) {
            return switch (e.errno()) {
                case Errno.EISDIR, Errno.EINVAL, Errno.ELOOP, Errno.EFBIG, Errno.ENXIO -> Optional.empty();
                default -> throw e;
            };
        }
    }

    /** The folder that holds a claim, each missing one made and durable; empty when one vanished meanwhile. */
    private Optional<Directory> makeParent(VolumePath path) {
        Optional<Path> parent = path.parent();
        if (parent.isEmpty()) {
            return openParent(parent);
        }
        Path so = Path.of("");
        for (Path component : parent.get()) {
            Optional<Directory> folder =
                    openParent(Optional.of(so).filter(p -> !p.toString().isEmpty()));
            if (folder.isEmpty()) {
                return Optional.empty();
            }
            try (Directory open = folder.get()) {
                if (open.mkdir(component.toString(), 0700)) {
                    open.fsync();
                }
            }
            so = so.resolve(component);
        }
        return openParent(parent);
    }

    /** The folder that holds a claim; empty when there is none, for instance because another volume is claimed there. */
    private Optional<Directory> findParent(VolumePath path) {
        try {
            return openParent(path.parent());
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ENOTDIR) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private Optional<Directory> openParent(Optional<Path> parent) {
        return claims.openBeneath(parent.orElse(Path.of(".")));
    }

    private void removeWhileEmpty(Path folder) {
        for (@Nullable Path at = folder; at != null; at = at.getParent()) {
            Optional<Directory> parent = openParent(Optional.ofNullable(at.getParent()));
            if (parent.isEmpty()) {
                return;
            }
            try (Directory open = parent.get()) {
                if (!removeEmpty(open, String.valueOf(at.getFileName()))) {
                    return;
                }
            }
        }
    }

    private static boolean removeEmpty(Directory folder, String name) {
        try {
            return folder.rmdir(name);
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ENOTEMPTY || e.errno() == Errno.ENOTDIR) {
                return false;
            }
            throw e;
        }
    }
}
