package io.berth.catalog;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.Listing;
import io.berth.linux.SystemCallException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * A folder of records of one state. What is created or moved here is durable when the method returns. When it throws, the
 * change may be there and not be durable, so whoever finds a record that it did not write calls {@link #confirm} before it
 * tells anybody. Thread-safe.
 */
final class RecordFolder implements AutoCloseable {
    private static final String SUFFIX = ".json";
    private static final int MODE = 0600;
    private static final int PAGE = 1000;

    private final Directory directory;

    /** Whether a sync failed: the kernel may have given up what was changed before it, and a later sync does not say so. */
    private volatile boolean lostChanges;

    private RecordFolder(Directory directory) {
        this.directory = directory;
    }

    static RecordFolder open(Directory parent, String name) {
        return new RecordFolder(openDirectory(parent, name));
    }

    /** Opens a folder, made when it is missing. */
    static Directory openDirectory(Directory parent, String name) {
        Optional<Directory> there = parent.openDirectory(name);
        if (there.isPresent()) {
            return there.get();
        }
        parent.mkdir(name, 0700);
        parent.fsync();
        return parent.openDirectory(name)
                .orElseThrow(() -> new Fault(
                        Fault.Kind.UNAVAILABLE, parent.path().resolve(name) + " vanished while it was opened"));
    }

    Directory directory() {
        return directory;
    }

    /**
     * The record of this name; empty when there is none.
     *
     * @throws Fault FAILED_PRECONDITION when others may have written it
     */
    Optional<byte[]> read(String name) {
        return directory.readOurs(name + SUFFIX, RecordText.MAX_BYTES);
    }

    /** Writes a new record; false when there is one of this name. */
    boolean create(String name, byte[] record) {
        if (!directory.create(name + SUFFIX, record, MODE)) {
            return false;
        }
        sync();
        return true;
    }

    /** Waits until every record that came or went is on disk as it is now. */
    void sync() {
        try {
            directory.fsync();
        } catch (SystemCallException e) {
            lostChanges = true;
            throw e;
        }
    }

    /**
     * Makes sure that the record of this name, or that there is none, is on disk. Whoever wrote it may have been killed
     * before its sync, or its sync may have failed.
     *
     * @param tmp as in {@link #replace}; callers hold a lock
     */
    void confirm(String name, RecordFolder tmp) {
        Optional<byte[]> record = lostChanges ? read(name) : Optional.empty();
        if (record.isPresent()) {
            replace(name, record.get(), tmp);
        } else {
            sync();
        }
    }

    /**
     * Rewrites a record: the old one or the new one is there at any moment.
     *
     * @param tmp where it is written first; what a crash left there is removed, so callers hold a lock
     */
    void replace(String name, byte[] record, RecordFolder tmp) {
        tmp.remove(name);
        tmp.directory.create(name + SUFFIX, record, MODE);
        if (tmp.directory.rename(name + SUFFIX, directory, name + SUFFIX)) {
            sync(); // a name in tmp that a power cut brings back is removed by the next call
        }
    }

    /** Moves a record: after a power cut it is here or there. Does nothing when it is not here. */
    void move(String name, RecordFolder to) {
        if (directory.rename(name + SUFFIX, to.directory, name + SUFFIX)) {
            syncMove(to);
        }
    }

    /**
     * As {@link #move(String, RecordFolder)}, to another name, which may be one of the same file already: then the name here
     * goes.
     */
    void move(String name, RecordFolder to, String newName) {
        if (isSame(name, to, newName)) {
            remove(name); // rename(2) does nothing then
        } else {
            directory.rename(name + SUFFIX, to.directory, newName + SUFFIX);
        }
        syncMove(to);
    }

    private void syncMove(RecordFolder to) {
        to.sync();
        if (!directory.keepsOrderOfNames()) {
            sync();
        }
    }

    /** Whether there is a record of this name, whatever it holds. */
    boolean has(String name) {
        return status(name).isPresent();
    }

    /** Whether a record here and one in another folder are two names of one file. */
    boolean isSame(String name, RecordFolder other, String otherName) {
        Optional<FileStatus> there = other.status(otherName);
        return there.isPresent() && status(name).filter(there.get()::isSameFile).isPresent();
    }

    private Optional<FileStatus> status(String name) {
        return directory.status(name + SUFFIX);
    }

    /** Removes a record, which a crash may bring back. */
    void remove(String name) {
        directory.unlink(name + SUFFIX);
    }

    /**
     * The names of some records.
     *
     * @param next where the next page begins; empty on the last
     */
    record Page(List<String> names, OptionalLong next) {}

    /** Reads a page; see {@link Directory#list}. */
    Page list(long from, int max) {
        Listing listing = directory.list(from, max);
        return new Page(
                listing.entries().stream()
                        .map(Listing.Entry::name)
                        .filter(name -> name.endsWith(SUFFIX))
                        .map(name -> name.substring(0, name.length() - SUFFIX.length()))
                        .toList(),
                listing.next());
    }

    void forEach(Consumer<String> action) {
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            Page page = list(next.getAsLong(), PAGE);
            page.names().forEach(action);
            next = page.next();
        }
    }

    /** When a record last came or went, by whomever. */
    Instant changed() {
        return directory.status().modified();
    }

    @Override
    public void close() {
        directory.close();
    }
}
