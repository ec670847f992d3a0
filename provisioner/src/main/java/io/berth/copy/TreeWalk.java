package io.berth.copy;

import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileStatus;
import io.berth.linux.Listing;
import io.berth.linux.SystemCallException;
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
    /** The status of the copy's root. */
    private final FileStatus root;
    /** Those that the walk has open, the deepest first. */
    private final Deque<Level> levels = new ArrayDeque<>();
    /** Those between the deepest that is open and the others. */
    private final Trail suspended;
    /** Those of them that threads still had open when the walk left them. */
    private final Deque<Left> left = new ArrayDeque<>();
    /** What has been handed out and may not be done. */
    private final List<Batch> underWay = new ArrayList<>();

    /** A level that the walk left when it had left so many before. */
    private record Left(long depth, Level level) {}

    /** Opens both directories for itself; the copy's root gets its attributes from somebody else. */
    TreeWalk(Directory source, Directory target, Scratch scratch, Attributes attributes, Progress progress) {
        this.attributes = attributes;
        this.progress = progress;
        this.root = target.status();
        this.suspended = new Trail(Level.MARK, scratch::file);
        FileStatus status = source.status();
        Directory from = source.again();
        try {
            levels.push(new Level(Optional.empty(), from, status, target.again()));
        } catch (RuntimeException | Error e) {
            from.close();
            throw e;
        }
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
            if (suspended.depth() > 0) {
                levels.push(resume(done));
            }
        } finally {
            done.finish();
        }
    }

    /** Leaves the deepest level for a while. */
    private void suspend() {
        Level level = levels.pop();
        suspended.push(level.mark());
        level.leave();
        left.removeIf(other -> !other.level().isEntered());
        if (level.isEntered()) {
            left.push(new Left(suspended.depth(), level));
        }
    }

    /** The last that was left, entered again from what is in it. */
    private Level resume(Level below) {
        Optional<Level> open = Optional.ofNullable(left.peek())
                .filter(last -> last.depth() == suspended.depth())
                .map(Left::level);
        open.ifPresent(level -> left.pop());
        long[] mark = suspended.pop();
        return open.filter(Level::tryEnter).orElseGet(() -> Level.again(Optional.of(attributes), mark, below));
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
        if (source.isPresent()) {
            enter(above, name, source.get());
        }
        return true;
    }

    private void makeMountPoint(Level above, String name) {
        if (above.target().mkdir(name, 0755)) {
            progress.files.increment();
        }
    }

    private void enter(Level above, String name, Directory source) {
        Optional<Level> below;
        try {
            below = level(above, name, source);
        } catch (RuntimeException | Error e) {
            source.close();
            throw e;
        }
        if (below.isEmpty()) {
            source.close();
            return;
        }
        above.goBelow();
        if (levels.size() >= OPEN_LEVELS) {
            suspend();
        }
        levels.push(below.get());
    }

    /** Makes the copy of a directory; empty when there is one, or the directory is the whole copy. */
    private Optional<Level> level(Level above, String name, Directory source) {
        FileStatus status = source.status();
        // A copy may be made below its source, and a name made anew during the listing can be listed twice.
        if (status.isSameFile(root) || !above.target().mkdir(name, 0700)) {
            return Optional.empty();
        }
        progress.made(status);
        Directory target = above.target()
                .openDirectory(name)
                .orElseThrow(
                        () -> new SystemCallException("openat2", above.target().path() + "/" + name, Errno.ENOENT));
        return Optional.of(new Level(Optional.of(attributes), source, status, target));
    }

    /** Leaves what a walk that ended early is in; the copies of these directories do not get their attributes. */
    @Override
    public synchronized void close() {
        levels.forEach(Level::leave);
        levels.clear();
        suspended.close();
    }
}
