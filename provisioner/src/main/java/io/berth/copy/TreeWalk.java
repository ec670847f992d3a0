package io.berth.copy;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import io.berth.linux.SystemCallException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * Walks the source depth first, makes its directories in the copy, and hands out its other files one by one. However
 * deep the tree, few directories are open; however wide, a page of names is in memory. Thread-safe.
 */
final class TreeWalk implements AutoCloseable {
    /** From the root down; below them only the deepest is open. */
    private static final int OPEN_LEVELS = 32;

    private final Attributes attributes;
    private final Progress progress;
    private final Level root;
    /** The deepest first. */
    private final Deque<Level> levels = new ArrayDeque<>();

    /** Opens both directories for itself. */
    TreeWalk(Directory source, Directory target, Attributes attributes, Progress progress) {
        this.attributes = attributes;
        this.progress = progress;
        Directory from = again(source);
        try {
            root = level(from, again(target), new Place(Optional.empty(), ""));
        } catch (Fault e) {
            from.close();
            throw e;
        }
        levels.push(root);
    }

    private static Directory again(Directory directory) {
        return directory
                .openBeneath(Path.of("."))
                .orElseThrow(() ->
                        new SystemCallException("openat2", directory.path().toString(), Errno.ENOENT));
    }

    /** A file to copy, in a level that its receiver has entered and must leave. */
    record Task(Level level, Listing.Entry entry) {}

    /** The next file that was no directory's when it was listed; empty when there is no more. */
    synchronized Optional<Task> next() {
        while (!levels.isEmpty()) {
            progress.check();
            Level level = levels.element();
            Optional<Listing.Entry> entry = level.next();
            if (entry.isEmpty()) {
                goUp();
            } else if (entry.get().type() != FileType.DIRECTORY
                    || !goDown(level, entry.get().name())) {
                level.enter();
                return Optional.of(new Task(level, entry.get()));
            }
        }
        return Optional.empty();
    }

    private void goUp() {
        Level done = levels.pop();
        try {
            if (!levels.isEmpty() && levels.element().isSuspended()) {
                levels.element().resume(done);
            }
        } finally {
            done.finish();
        }
    }

    /** False when it is no directory any more. */
    private boolean goDown(Level above, String name) {
        Optional<Directory> source;
        try {
            source = above.source().openSameMount(name);
        } catch (SystemCallException e) {
            switch (e.errno()) {
                case Errno.EXDEV -> makeMountPoint(above, name);
                case Errno.ENOTDIR, Errno.ELOOP -> {
                    return false;
                }
                default -> throw e;
            }
            return true;
        }
        source.ifPresent(found -> enter(above, name, found));
        return true;
    }

    private void makeMountPoint(Level above, String name) {
        if (above.target().mkdir(name, 0755)) {
            progress.files.increment();
        }
    }

    private void enter(Level above, String name, Directory source) {
        try {
            // A copy may be made below its source, and a name made anew during the listing can be listed twice.
            if (root.isTarget(source.status()) || !above.target().mkdir(name, 0700)) {
                source.close();
                return;
            }
            progress.files.increment();
            Directory target = above.target()
                    .openDirectory(name)
                    .orElseThrow(() ->
                            new SystemCallException("openat2", above.target().path() + "/" + name, Errno.ENOENT));
            Level below = level(source, target, new Place(Optional.of(above.place()), name));
            if (levels.size() >= OPEN_LEVELS) {
                above.suspend();
            }
            levels.push(below);
        } catch (Fault e) {
            source.close();
            throw e;
        }
    }

    /** Takes over both directories. */
    private Level level(Directory source, Directory target, Place place) {
        try {
            return new Level(attributes, place, source, target);
        } catch (Fault e) {
            source.close();
            target.close();
            throw e;
        }
    }

    /** Leaves what a walk that ended early is in; the copies of these directories do not get their attributes. */
    @Override
    public synchronized void close() {
        levels.stream().filter(level -> !level.isSuspended()).forEach(Level::leave);
        levels.clear();
    }
}
