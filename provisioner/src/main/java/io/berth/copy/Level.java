package io.berth.copy;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.Listing;
import java.time.Instant;
import java.util.Deque;
import java.util.Optional;

/**
 * A directory of the source and its copy, open as long as somebody uses them: the walk while it is near, a thread while
 * it copies a file in them. Once the walk has finished with it and the last user leaves, the copy gets the directory's
 * attributes.
 *
 * <p>{@link #leave} is for any thread, all else is the walk's; who has entered may use source and target.
 */
final class Level {
    /** How many numbers {@link #mark} has. */
    static final int MARK = 6;

    private final Optional<Attributes> attributes;
    private final Directory source;
    private final FileStatus status;
    private final Directory target;
    private final Names names;
    private int users = 1;
    private boolean finished;

    /**
     * The walk enters it, so both directories are closed with it.
     *
     * @param attributes empty when the copy gets them later
     * @param status of the source
     */
    Level(Optional<Attributes> attributes, Directory source, FileStatus status, Directory target) {
        this(attributes, source, status, target, new Names());
    }

    private Level(Optional<Attributes> attributes, Directory source, FileStatus status, Directory target, Names names) {
        this.attributes = attributes;
        this.source = source;
        this.status = status;
        this.target = target;
        this.names = names;
    }

    Directory source() {
        return source;
    }

    Directory target() {
        return target;
    }

    /** The next name in the source's directory; empty at the end. */
    Optional<Listing.Entry> next() {
        return names.next(source);
    }

    /** The files, at most a page, before the next directory; empty when that, or the end, comes next. */
    Deque<Listing.Entry> files() {
        return names.files(source);
    }

    /** The walk goes into a directory in it. */
    void goBelow() {
        names.shrink();
    }

    synchronized void enter() {
        users++;
    }

    /** Enters it unless nobody is in it, for then it is closed. */
    synchronized boolean tryEnter() {
        if (users > 0) {
            users++;
            return true;
        }
        return false;
    }

    synchronized boolean isEntered() {
        return users > 0;
    }

    synchronized void leave() {
        users--;
        if (users == 0) {
            try (source;
                    target) {
                if (finished) {
                    attributes.ifPresent(copied -> copied.copy(source, status, target));
                }
            }
        }
    }

    /** The walk leaves it with nothing more to come. */
    synchronized void finish() {
        finished = true;
        leave();
    }

    /** All that is needed to go on with it when it was left and is closed. */
    long[] mark() {
        Instant accessed = status.accessed();
        return new long[] {
            names.cookie(),
            status.inode(),
            device(status),
            target.status().inode(),
            accessed.getEpochSecond(),
            accessed.getNano()
        };
    }

    private static long device(FileStatus status) {
        return (long) status.deviceMajor() << Integer.SIZE | Integer.toUnsignedLong(status.deviceMinor());
    }

    /**
     * The directory that {@link #mark} is of, entered from a directory in it.
     *
     * @throws Fault UNAVAILABLE when that directory was moved elsewhere since
     */
    static Level again(Optional<Attributes> attributes, long[] mark, Level child) {
        Directory source = child.source().openParent();
        try {
            FileStatus status = source.status();
            require(status.inode() == mark[1] && device(status) == mark[2], child.source());
            Directory target = child.target().openParent();
            try {
                require(target.status().inode() == mark[3], child.target());
            } catch (RuntimeException | Error e) {
                target.close();
                throw e;
            }
            Instant accessed = Instant.ofEpochSecond(mark[4], mark[5]);
            return new Level(attributes, source, status.withAccessed(accessed), target, new Names(mark[0]));
        } catch (RuntimeException | Error e) {
            source.close();
            throw e;
        }
    }

    private static void require(boolean same, Directory child) {
        if (!same) {
            throw new Fault(Fault.Kind.UNAVAILABLE, child.path() + " was moved while it was copied; copy once more");
        }
    }
}
