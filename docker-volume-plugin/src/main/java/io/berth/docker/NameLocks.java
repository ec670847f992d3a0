package io.berth.docker;

import io.berth.fault.Fault;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/** One lock for each name that somebody works on. Thread-safe. */
final class NameLocks {
    private final Duration patience;
    private final Map<String, Entry> entries = new HashMap<>();

    /** Locks that are waited for no longer than this. */
    NameLocks(Duration patience) {
        this.patience = patience;
    }

    private static final class Entry {
        final ReentrantLock lock = new ReentrantLock();
        int users;
    }

    /** A name's lock, held until it is closed. */
    final class Held implements AutoCloseable {
        private final String name;
        private final Entry entry;

        private Held(String name, Entry entry) {
            this.name = name;
            this.entry = entry;
        }

        @Override
        public void close() {
            entry.lock.unlock();
            leave(name, entry);
        }
    }

    /**
     * Takes a name's lock. The name is checked before anything is done by it, for it becomes a path.
     *
     * @throws Fault INVALID_ARGUMENT when it is no name, BUSY when another call works on it for too long
     */
    Held lock(String name) {
        VolumeNames.check(name);
        Entry entry = enter(name);
        try {
            if (entry.lock.tryLock(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                return new Held(name, entry);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        leave(name, entry);
        throw new Fault(
                Fault.Kind.BUSY, "another call has been working on volume " + name + " for too long; try again");
    }

    private synchronized Entry enter(String name) {
        Entry entry = entries.computeIfAbsent(name, unused -> new Entry());
        entry.users++;
        return entry;
    }

    private synchronized void leave(String name, Entry entry) {
        entry.users--;
        if (entry.users == 0) {
            entries.remove(name);
        }
    }
}
