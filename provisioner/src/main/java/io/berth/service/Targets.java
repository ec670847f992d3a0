package io.berth.service;

import io.berth.fault.Fault;
import io.berth.linux.FileStatus;
import io.berth.linux.PathHandle;
import io.berth.mount.MountPoint;
import io.berth.pool.Pool;
import io.berth.pool.Pools;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/**
 * The places where volumes are mounted: one thread at a time at each, and the empty folder or file that a mount needs.
 * Only what is empty is ever removed.
 */
final class Targets {
    private static final int SHOWN_NAMES = 3;
    private static final Duration PATIENCE = Duration.ofSeconds(2);
    private static final String FOLDER_MODE = "rwxr-x---";
    private static final String FILE_MODE = "rw-r-----";

    private final KeyLocks<Path> locks = new KeyLocks<>();
    private final Pools pools;

    Targets(Pools pools) {
        this.pools = pools;
    }

    /** A pool's folders are neither mounted over nor taken for empty targets that may go. */
    void requireOutsidePools(String what, Path path) {
        for (Pool pool : pools.opened()) {
            if (path.startsWith(pool.config().root())
                    || path.startsWith(pool.folder().realPath())) {
                throw new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        what + " " + path + " lies in pool " + pool.config().name()
                                + ", whose volumes are used by their ids");
            }
        }
    }

    /** Where a volume is to be mounted lies something else. */
    static Fault occupied(MountPoint mount) {
        return new Fault(
                Fault.Kind.FAILED_PRECONDITION,
                "something else is mounted at " + mount.target() + ": " + mount.root() + " of " + mount.source());
    }

    /**
     * Takes the lock of a place, waiting up to two seconds: what is done there is usually done in milliseconds.
     *
     * @throws Fault BUSY when another call is stuck there
     */
    KeyLocks.Held lock(Path path) {
        return locks.lock(path, PATIENCE)
                .orElseThrow(() -> new Fault(
                        Fault.Kind.BUSY, "another call has been working at " + path + " for too long; try again"));
    }

    /** Makes the folder where it is missing; what it lies in is the caller's to make. */
    static void makeFolder(Path folder) {
        try {
            Files.createDirectory(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(FOLDER_MODE)));
        } catch (FileAlreadyExistsException e) {
            return; // the caller's, as usual
        } catch (NoSuchFileException e) {
            throw noParent(folder, e);
        } catch (IOException e) {
            throw cannotMake(folder, e);
        }
    }

    /** Does something that needs a folder at the target; one that was made for it goes again when it fails. */
    static void withFolder(Path target, Runnable action) {
        with(
                target,
                () -> Files.createDirectory(
                        target, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(FOLDER_MODE))),
                action);
    }

    /** Does something that needs a file at the target; see {@link #withFolder}. */
    static void withFile(Path target, Runnable action) {
        with(
                target,
                () -> Files.createFile(
                        target, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(FILE_MODE))),
                action);
    }

    private interface Maker {
        Path make() throws IOException;
    }

    private static void with(Path target, Maker maker, Runnable action) {
        boolean made = false;
        try {
            maker.make();
            made = true;
        } catch (FileAlreadyExistsException e) {
            made = false; // of an earlier call, or the caller's
        } catch (NoSuchFileException e) {
            throw noParent(target, e);
        } catch (IOException e) {
            throw cannotMake(target, e);
        }
        try {
            action.run();
        } catch (RuntimeException e) {
            if (made) {
                removeAfter(e, target);
            }
            throw e;
        }
    }

    private static void removeAfter(RuntimeException failure, Path target) {
        try {
            Files.deleteIfExists(target);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /** What is mounted in a folder of this process's own would be seen by nobody. */
    private static Fault noParent(Path target, IOException e) {
        return new Fault(
                Fault.Kind.FAILED_PRECONDITION,
                "the folder that " + target
                        + " lies in is missing here; whoever calls makes it first. In Kubernetes the"
                        + " kubelet does: if its folder is not /var/lib/kubelet, tell the chart (kubelet.folder)",
                e);
    }

    private static Fault cannotMake(Path target, IOException e) {
        return new Fault(Fault.Kind.FAILED_PRECONDITION, "cannot make " + target + ": " + Fault.reason(e), e);
    }

    /** Removes an empty file, on which a device was mounted; does nothing when it is anything else. */
    static void removeFile(Path target) {
        if (Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)) {
            remove(target);
        }
    }

    /** Removes an empty folder or an empty file; does nothing when nothing is there. */
    static void remove(Path target) {
        try {
            BasicFileAttributes found =
                    Files.readAttributes(target, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (!found.isDirectory() && !(found.isRegularFile() && found.size() == 0)) {
                throw new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        target + " is no empty folder or file, so it stays; is it a target path?");
            }
            Files.deleteIfExists(target);
        } catch (NoSuchFileException e) {
            return; // removed by an earlier call
        } catch (DirectoryNotEmptyException e) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    target + " is not empty, so it stays: files were written there while no volume was mounted ("
                            + someOf(target) + "); move them away, then the same call succeeds",
                    e);
        } catch (IOException e) {
            throw new Fault(Fault.Kind.FAILED_PRECONDITION, "cannot remove " + target + ": " + Fault.reason(e), e);
        }
    }

    /** Some names of what lies in a folder. */
    private static String someOf(Path folder) {
        try (Stream<Path> children = Files.list(folder)) {
            List<String> some = children.limit(SHOWN_NAMES + 1)
                    .map(child -> Fault.quote(child.getFileName().toString()))
                    .toList();
            return String.join(", ", some.subList(0, Math.min(SHOWN_NAMES, some.size())))
                    + (some.size() > SHOWN_NAMES ? " and more" : "");
        } catch (IOException | UncheckedIOException e) {
            return "which cannot be listed";
        }
    }

    /**
     * Whether two paths are one place. They may be spelled differently: where a folder is itself mounted in two places, as
     * the kubelet's often is, one mount is in the table twice.
     */
    static boolean isSame(Path one, Path other) {
        if (one.equals(other)) {
            return true;
        }
        Path oneParent = one.getParent();
        Path otherParent = other.getParent();
        return oneParent != null
                && otherParent != null
                && one.endsWith(other.getFileName())
                && PathHandle.open(oneParent)
                        .filter(handle -> {
                            try (handle) {
                                return isSameFile(otherParent, handle.status());
                            }
                        })
                        .isPresent();
    }

    /** Whether the file or folder that the path leads to is this one. */
    static boolean isSameFile(Path path, FileStatus status) {
        return PathHandle.open(path)
                .filter(handle -> {
                    try (handle) {
                        return handle.status().isSameFile(status);
                    }
                })
                .isPresent();
    }
}
