package io.berth.copy;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A directory of the source and its copy, open as long as somebody uses them: the walk while it is near, a thread while
 * it copies a file in them. Once the walk has finished with it and the last user leaves, the copy gets the directory's
 * attributes.
 *
 * <p>{@link #leave} is for any thread, all else is the walk's; who has entered may use source and target.
 */
final class Level {
    private static final int PAGE = 256;

    private final Attributes attributes;
    private final Place place;
    private final FileStatus status;
    private final FileStatus targetStatus;
    private Directory source;
    private Directory target;
    private int users = 1;
    private boolean suspended;
    private boolean finished;

    private final Deque<Listing.Entry> page = new ArrayDeque<>();
    private OptionalLong nextPage = OptionalLong.of(0);
    private long position;

    /** The walk enters it, so both directories are closed with it. */
    Level(Attributes attributes, Place place, Directory source, Directory target) {
        this.attributes = attributes;
        this.place = place;
        this.source = source;
        this.target = target;
        status = source.status();
        targetStatus = target.status();
    }

    synchronized Directory source() {
        return source;
    }

    synchronized Directory target() {
        return target;
    }

    Place place() {
        return place;
    }

    boolean isTarget(FileStatus directory) {
        return directory.isSameFile(targetStatus);
    }

    /** The next name in the source's directory; empty at the end. */
    Optional<Listing.Entry> next() {
        fillPage();
        Optional<Listing.Entry> next = Optional.ofNullable(page.poll());
        next.ifPresent(entry -> position = entry.cookie());
        return next;
    }

    /** The files, at most a page, before the next directory; empty when that, or the end, comes next. */
    Deque<Listing.Entry> files() {
        fillPage();
        Deque<Listing.Entry> files = new ArrayDeque<>();
        while (!page.isEmpty() && page.element().type() != FileType.DIRECTORY) {
            Listing.Entry file = page.remove();
            position = file.cookie();
            files.add(file);
        }
        return files;
    }

    private void fillPage() {
        while (page.isEmpty() && nextPage.isPresent()) {
            Listing listing = source().list(nextPage.getAsLong(), PAGE);
            page.addAll(listing.entries());
            nextPage = listing.next();
        }
    }

    synchronized void enter() {
        users++;
    }

    /** Enters it unless nobody is in it, for then it may be closed. */
    synchronized boolean tryEnter() {
        if (users > 0) {
            users++;
            return true;
        }
        return false;
    }

    synchronized void leave() {
        users--;
        if (users == 0) {
            try (Directory from = source;
                    Directory to = target) {
                if (finished) {
                    attributes.copy(from, status, to);
                }
            }
        }
    }

    /** The walk leaves it with nothing more to come. */
    synchronized void finish() {
        finished = true;
        leave();
    }

    /** The walk leaves it for a while, and its place in the list is all that is kept. */
    synchronized void suspend() {
        suspended = true;
        page.clear();
        nextPage = OptionalLong.of(position);
        leave();
    }

    boolean isSuspended() {
        return suspended;
    }

    /**
     * The walk enters it again, from a directory in it.
     *
     * @throws Fault UNAVAILABLE when that directory was moved elsewhere since
     */
    synchronized void resume(Level child) {
        if (users == 0) {
            source = reopen(child.source(), status);
            try {
                target = reopen(child.target(), targetStatus);
            } catch (Fault e) {
                source.close();
                throw e;
            }
        }
        users++;
        suspended = false;
    }

    private static Directory reopen(Directory child, FileStatus expected) {
        Directory parent = child.openParent();
        try {
            if (parent.status().isSameFile(expected)) {
                return parent;
            }
            throw new Fault(Fault.Kind.UNAVAILABLE, child.path() + " was moved while it was copied; copy once more");
        } catch (Fault e) {
            parent.close();
            throw e;
        }
    }
}
