package io.berth.copy;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.Listing;
import io.berth.linux.SystemCallException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * Walks the source depth first, makes its directories in the copy, and hands out its other files. However deep the tree,
 * few directories are open; however wide, a page of names for each thread is in memory. Thread-safe.
 */
final class TreeWalk implements AutoCloseable {
    /** From the root down; below them only the deepest is open. */
    private static final int OPEN_LEVELS = 32;

    private final Attributes attributes;
    private final Progress progress;
    private final Level root;
    /** The deepest first. */
    private final Deque<Level> levels = new ArrayDeque<>();
    /** What has been handed out and may not be done. */
    private final List<Batch> underWay = new ArrayList<>();

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

    /**
     * Files to copy, in a level that its receiver has entered and must leave. Those of one directory go together, so that
     * threads work in different ones: a file system has locks for each directory, and often one part of the disk too.
     *
     * <p>One that is asked for when the walk has ended shares what another has not copied yet. Empty when there is no more.
     */
    synchronized Optional<Batch> next() {
        underWay.removeIf(Batch::isEmpty);
        while (!levels.isEmpty()) {
            progress.check();
            Level level = levels.element();
            Deque<Listing.Entry> files = level.files();
            if (files.isEmpty()) {
                files = step(level);
            }
            if (!files.isEmpty()) {
                Batch batch = new Batch(level, files);
                underWay.add(batch);
                level.enter();
                return Optional.of(batch);
            }
        }
        return underWay.stream().filter(batch -> batch.level().tryEnter()).findFirst();
    }

    /** Goes on from a directory where no file comes next; gives what was a directory when it was listed, and is none. */
    private Deque<Listing.Entry> step(Level level) {
        Optional<Listing.Entry> directory = level.next();
        if (directory.isEmpty()) {
            goUp();
        } else if (!goDown(level, directory.get().name())) {
            return new ArrayDeque<>(List.of(directory.get()));
        }
        return new ArrayDeque<>();
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
