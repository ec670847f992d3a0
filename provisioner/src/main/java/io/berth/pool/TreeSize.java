package io.berth.pool;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import io.berth.linux.SystemCallException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Adds up what a tree takes on the disk. However deep it is, one directory is open and a page of names in memory for each
 * level; a file with several names is counted once. No symbolic link is followed and no mount entered.
 */
public final class TreeSize {
    private static final int PAGE = 256;

    private final Set<Long> linked = new HashSet<>();
    private final Deque<Level> levels = new ArrayDeque<>();
    private Directory at;
    private long bytes;

    /** A directory that the walk is in, and what of it is still to come. */
    private static final class Level {
        final FileStatus status;
        Iterator<Listing.Entry> page = List.<Listing.Entry>of().iterator();
        OptionalLong nextPage = OptionalLong.of(0);

        Level(FileStatus status) {
            this.status = status;
        }

        Optional<Listing.Entry> next(Directory directory) {
            while (!page.hasNext() && nextPage.isPresent()) {
                Listing listing = directory.list(nextPage.getAsLong(), PAGE);
                page = listing.entries().iterator();
                nextPage = listing.next();
            }
            return page.hasNext() ? Optional.of(page.next()) : Optional.empty();
        }
    }

    private TreeSize(Directory root) {
        at = root;
    }

    /**
     * The bytes that the tree takes, with its directories.
     *
     * @throws Fault UNAVAILABLE when a directory was moved elsewhere while it was looked at
     */
    public static long bytes(Directory root) {
        TreeSize size = new TreeSize(again(root));
        try {
            return size.walk();
        } finally {
            size.at.close();
        }
    }

    private static Directory again(Directory directory) {
        return directory.openBeneath(Path.of(".")).orElseThrow();
    }

    private long walk() {
        enter();
        while (true) {
            Optional<Listing.Entry> entry = levels.element().next(at);
            if (entry.isPresent()) {
                visit(entry.get());
                continue;
            }
            levels.pop();
            if (levels.isEmpty()) {
                return bytes;
            }
            goUp();
        }
    }

    private void enter() {
        FileStatus status = at.status();
        bytes += status.allocated();
        levels.push(new Level(status));
    }

    private void visit(Listing.Entry entry) {
        if (entry.type() == FileType.DIRECTORY) {
            goDown(entry.name());
        } else {
            at.status(entry.name()).filter(this::isFirst).ifPresent(status -> bytes += status.allocated());
        }
    }

    private boolean isFirst(FileStatus file) {
        return file.links() <= 1 || linked.add(file.inode());
    }

    private void goDown(String name) {
        try {
            at.openSameMount(name).ifPresent(below -> {
                at.close();
                at = below;
                enter();
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
        if (!at.status().isSameFile(levels.element().status)) {
            throw new Fault(Fault.Kind.UNAVAILABLE, below.path() + " was moved while it was added up; try again");
        }
    }
}
