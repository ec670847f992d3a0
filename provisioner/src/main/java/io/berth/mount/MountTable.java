package io.berth.mount;

import io.berth.fault.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is mounted, at one moment, as this process sees it. Paths are absolute and without symbolic links, as the kernel's
 * are. A mount whose path cannot be a {@link Path} (it is not UTF-8) is left out: no path that one can ask for lies on it.
 * Immutable.
 */
public final class MountTable {
    private static final Path MOUNTINFO = Path.of("/proc/self/mountinfo");
    private static final Path ROOT = Path.of("/");

    /** What a mount lies on: the kernel lets no two lie on one place. */
    private record Place(int parentId, Path target) {
        /** Written out: what a record has by itself is built at its first use, which takes 5 ms of every start. */
        @Override
        public int hashCode() {
            return 31 * parentId + target.hashCode();
        }
    }

    private final List<MountPoint> mounts;
    private final Map<Place, MountPoint> byPlace;
    private final List<MountPoint> atRoot = new ArrayList<>();

    private MountTable(List<MountPoint> mounts) {
        this.mounts = List.copyOf(mounts);
        byPlace = HashMap.newHashMap(mounts.size());
        for (MountPoint mount : mounts) {
            byPlace.put(new Place(mount.parentId(), mount.target()), mount);
            if (mount.target().equals(ROOT)) {
                atRoot.add(mount);
            }
        }
    }

    /** Reads the kernel's table. */
    public static MountTable read() {
        try {
            return parse(Files.readAllBytes(MOUNTINFO));
        } catch (IOException e) {
            throw new Fault(Fault.Kind.UNAVAILABLE, "cannot read " + MOUNTINFO + ": " + Fault.reason(e), e);
        }
    }

    static MountTable parse(byte[] mountinfo) {
        return new MountTable(new MountInfo(mountinfo).read());
    }

    /**
     * A path as it is spelled here: the folder it lies in without symbolic links. What is at its end is not looked at, for
     * that is never followed; and where there is no such folder, nothing is mounted by any spelling.
     *
     * @param path absolute, and not /
     * @throws Fault FAILED_PRECONDITION when what is above it is no folder, or cannot be looked at
     */
    public static Path spelled(Path path) {
        Path above = Optional.ofNullable(path.getParent()).orElse(path);
        try {
            return above.toRealPath().resolve(path.getFileName());
        } catch (NoSuchFileException e) {
            return path;
        } catch (IOException e) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "the folder of " + path + " cannot be found: " + Fault.reason(e),
                    e);
        }
    }

    /** All of them, in the kernel's order. */
    public List<MountPoint> mounts() {
        return mounts;
    }

    /** The mount of this number; empty when it is mounted no more. */
    public Optional<MountPoint> byId(int id) {
        return mounts.stream().filter(mount -> mount.id() == id).findFirst();
    }

    /** The topmost mount that is exactly there, or empty when none is, or none that a path can reach. */
    public Optional<MountPoint> at(Path target) {
        return Optional.of(containing(target)).filter(mount -> mount.target().equals(target));
    }

    /** The mount that one comes to by walking the path, whether or not there is a file at its end. */
    public MountPoint containing(Path path) {
        Path prefix = ROOT;
        MountPoint reached = climb(bottom(), prefix);
        for (Path component : path) {
            prefix = prefix.resolve(component);
            reached = climb(reached, prefix);
        }
        return reached;
    }

    /**
     * What a path shows, whichever mount it lies on.
     *
     * @param device of the file system, {@code major:minor}
     * @param path in the file system
     */
    public record Origin(String device, Path path) {
        /** Where below this a mount begins; empty when it shows nothing of it. */
        public Optional<Path> relativize(MountPoint mount) {
            return mount.device().equals(device) && mount.root().startsWith(path)
                    ? Optional.of(path.relativize(mount.root()))
                    : Optional.empty();
        }
    }

    /** What is at a path, as a place in its file system. */
    public Origin origin(Path path) {
        MountPoint around = containing(path);
        return new Origin(around.device(), around.root().resolve(around.target().relativize(path)));
    }

    /** Where a file or directory of a file system is mounted, everywhere. */
    public List<MountPoint> of(Origin origin) {
        return mounts.stream()
                .filter(mount -> mount.device().equals(origin.device())
                        && mount.root().equals(origin.path())
                        && !mount.rootRemoved())
                .toList();
    }

    /** What is mounted at / as the process sees it; empty in a root of its own that is no mount (chroot(2)). */
    Optional<Origin> root() {
        return atRoot.stream().findFirst().map(mount -> new Origin(mount.device(), mount.root()));
    }

    /** The place in a file system that a mount of this table covers; empty when that is outside of the process's root. */
    Optional<Origin> below(MountPoint mount) {
        return byId(mount.parentId())
                .filter(parent -> mount.target().startsWith(parent.target()))
                .map(parent -> new Origin(
                        parent.device(), parent.root().resolve(parent.target().relativize(mount.target()))));
    }

    /** Whether a mount of this table lies on one at /. */
    boolean liesOnRoot(MountPoint mount) {
        return byId(mount.parentId())
                .filter(parent -> parent.target().equals(ROOT))
                .isPresent();
    }

    /** The mount at / that lies on none of the others. */
    private MountPoint bottom() {
        return atRoot.stream()
                .filter(mount -> atRoot.stream().noneMatch(other -> liesOn(mount, other)))
                .findFirst()
                .orElseThrow(() -> new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        MOUNTINFO + " has no mount at /; run Berth in its own mount namespace, not in a chroot"));
    }

    private static boolean liesOn(MountPoint mount, MountPoint other) {
        return mount.parentId() == other.id() && mount.id() != other.id();
    }

    /** From a mount to the topmost of those that lie on it at one path. */
    private MountPoint climb(MountPoint from, Path target) {
        MountPoint top = from;
        MountPoint above = byPlace.get(new Place(top.id(), target));
        while (above != null && liesOn(above, top)) {
            top = above;
            above = byPlace.get(new Place(top.id(), target));
        }
        return top;
    }
}
