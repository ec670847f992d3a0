package io.berth.service;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One lock for each key that somebody works on, so nobody waits for another key. A thread may take a lock that it holds once
 * more. Thread-safe.
 */
public final class KeyLocks<K> {
    private final Map<K, Entry> entries = new HashMap<>();

    private static final class Entry {
        final ReentrantLock lock = new ReentrantLock();
        int users;
    }

    /** A lock, held until it is closed by the thread that took it. */
    public static final class Held implements AutoCloseable {
        private final Runnable release;

        private Held(Runnable release) {
            this.release = release;
        }

        @Override
        public void close() {
            release.run();
        }
    }

    /** Takes a key's lock; empty when another thread holds it for longer than this, or the wait is interrupted. */
    public Optional<Held> lock(K key, Duration patience) {
        Entry entry = enter(key);
        try {
            if (entry.lock.tryLock(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                return Optional.of(new Held(() -> {
                    entry.lock.unlock();
                    leave(key, entry);
                }));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        leave(key, entry);
        return Optional.empty();
    }

    private synchronized Entry enter(K key) {
        Entry entry = entries.computeIfAbsent(key, unused -> new Entry());
        entry.users++;
        return entry;
    }

    private synchronized void leave(K key, Entry entry) {
        entry.users--;
        if (entry.users == 0) {
            entries.remove(key);
        }
    }
}
