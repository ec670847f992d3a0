package io.berth.copy;

import io.berth.linux.Directory;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The names in a directory, one after another: however many they are, a page of them is in memory at most. One thread's.
 */
public final class Names {
    private static final int PAGE = 256;

    /** What a directory keeps of its page that waits until the walk comes back; the others are read again then. */
    private static final int KEPT = 32;

    private final Deque<Listing.Entry> page = new ArrayDeque<>();
    private OptionalLong nextPage;
    private long cookie;

    /** From the first name on. */
    public Names() {
        this(0);
    }

    /** From where {@link #cookie} was on. */
    public Names(long cookie) {
        this.cookie = cookie;
        this.nextPage = OptionalLong.of(cookie);
    }

    /** The next name, which stays the next; empty at the end. */
    public Optional<Listing.Entry> peek(Directory directory) {
        while (page.isEmpty() && nextPage.isPresent()) {
            Listing listing = directory.list(nextPage.getAsLong(), PAGE);
            page.addAll(listing.entries());
            nextPage = listing.next();
        }
        return Optional.ofNullable(page.peek());
    }

    /** The next name; empty at the end. */
    public Optional<Listing.Entry> next(Directory directory) {
        Optional<Listing.Entry> next = peek(directory);
        next.ifPresent(entry -> {
            page.remove();
            cookie = entry.cookie();
        });
        return next;
    }

    /** The next names, at most a page, up to the next directory; empty when that, or the end, comes next. */
    Deque<Listing.Entry> files(Directory directory) {
        Deque<Listing.Entry> files = new ArrayDeque<>();
        Optional<Listing.Entry> next = peek(directory);
        while (next.filter(entry -> entry.type() != FileType.DIRECTORY).isPresent()) {
            files.add(page.remove());
            cookie = files.getLast().cookie();
            next = Optional.ofNullable(page.peek());
        }
        return files;
    }

    /** Where the name after the last one begins. */
    public long cookie() {
        return cookie;
    }

    /** Gives back most of the memory, for the walk goes into another directory. */
    public void shrink() {
        if (page.size() > KEPT) {
            while (page.size() > KEPT) {
                page.removeLast();
            }
            nextPage = OptionalLong.of(page.getLast().cookie());
        }
    }
}
