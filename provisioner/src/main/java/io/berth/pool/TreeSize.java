package io.berth.pool;

import io.berth.copy.Names;
import io.berth.copy.Trail;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import io.berth.linux.RegularFile;
import io.berth.linux.SystemCallException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Adds up what a tree takes on the disk. However deep it is, one directory is open, and memory does not grow with the tree.
 * A file with several names counts at each of them for its share, so once in all where all of them are in the tree. No
 * symbolic link is followed and no mount entered.
 */
public final class TreeSize {
    /** From the root down, so many directories keep some names in memory; those below them keep their place alone. */
    private static final int KEPT_LEVELS = 32;

    /** The place in its names, and the inode and the device of a directory. */
    private static final int MARK = 3;

    /** Those between the root and the open one, the deepest first; where {@link #left} has any, they are the deepest. */
    private final Deque<Level> levels = new ArrayDeque<>();

    private final Trail left;
    private Directory at;
    private long bytes;
    /** Of files with several names. */
    private double shares;

    /** A directory that the walk is in, and what of it is still to come. */
    private record Level(long inode, long device, Names names) {
        static Level of(FileStatus status) {
            return new Level(status.inode(), device(status), new Names());
        }

        static Level of(long[] mark) {
            return new Level(mark[1], mark[2], new Names(mark[0]));
        }

        boolean is(FileStatus status) {
            return status.inode() == inode && device(status) == device;
        }

        private static long device(FileStatus status) {
            return (long) status.deviceMajor() << Integer.SIZE | Integer.toUnsignedLong(status.deviceMinor());
        }
    }

    private TreeSize(Directory root, Supplier<RegularFile> file) {
        at = root;
        left = new Trail(MARK, file);
    }

    /**
     * The bytes that the tree takes, with its directories.
     *
     * @param file makes a file that the walk of a very deep tree needs
     * @throws Fault UNAVAILABLE when a directory was moved elsewhere while it was looked at
     */
    public static long bytes(Directory root, Supplier<RegularFile> file) {
        TreeSize size = new TreeSize(root.again(), file);
        try (size.left) {
            return size.walk();
        } finally {
            size.at.close();
        }
    }

    private long walk() {
        enter(at.status());
        while (true) {
            Optional<Listing.Entry> entry = levels.element().names().next(at);
            if (entry.isPresent()) {
                visit(entry.get());
                continue;
            }
            levels.pop();
            if (left.depth() > 0) {
                levels.push(Level.of(left.pop()));
            }
            if (levels.isEmpty()) {
                return bytes + Math.round(shares);
            }
            goUp();
        }
    }

    private void enter(FileStatus status) {
        bytes += status.allocated();
        if (levels.size() >= KEPT_LEVELS) {
            Level above = levels.pop();
            left.push(above.names().cookie(), above.inode(), above.device());
        }
        levels.push(Level.of(status));
    }

    private void visit(Listing.Entry entry) {
        if (entry.type() == FileType.DIRECTORY) {
            goDown(entry.name());
        } else {
            at.status(entry.name()).ifPresent(this::add);
        }
    }

    private void add(FileStatus file) {
        if (file.links() <= 1) {
            bytes += file.allocated();
        } else {
            shares += (double) file.allocated() / file.links();
        }
    }

    private void goDown(String name) {
        try {
            at.openSameMount(name).ifPresent(below -> {
                at.close();
                at = below;
                levels.element().names().shrink();
                enter(at.status());
            });
        } catch (SystemCallException e) {
            // Something is mounted on it, or it is no directory any more.
            if (e.errno() != Errno.EXDEV && e.errno() != Errno.ENOTDIR && e.errno() != Errno.ELOOP) {
                throw e;
            }
        }
    }

    private void goUp() {
        Directory below = at;
        at = below.openParent();
        below.close();
        if (!levels.element().is(at.status())) {
            throw new Fault(Fault.Kind.UNAVAILABLE, below.path() + " was moved while it was added up; try again");
        }
    }
}
