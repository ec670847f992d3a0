package io.berth.copy;

import io.berth.linux.Listing;
import java.util.Deque;
import java.util.Optional;

/** Files of one directory that are to be copied, each by whoever asks first. Thread-safe. */
final class Batch {
    private final Level level;
    private final Deque<Listing.Entry> files;

    /** Takes over the files. */
    Batch(Level level, Deque<Listing.Entry> files) {
        this.level = level;
        this.files = files;
    }

    Level level() {
        return level;
    }

    /** The next file; empty when there is no more. */
    synchronized Optional<Listing.Entry> next() {
        return Optional.ofNullable(files.poll());
    }

    synchronized boolean isEmpty() {
        return files.isEmpty();
    }
}
