package io.berth.pool;

import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import io.berth.linux.SystemCallException;
import io.berth.volume.Id;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Where deleted data goes by one rename, to be removed later in small steps. A folder with folders in it is
 * taken apart by moving those up into the trash, so any depth is emptied with two open folders and no state that a crash
 * could lose; and a folder on which something is mounted is never entered, for such a folder cannot be moved. A btrfs
 * subvolume goes by one call with all that is in it, after those that were made in it.
 *
 * <p>Several processes may reap at once: what is gone already is as good as removed. Thread-safe.
 */
public final class Trash implements AutoCloseable {
    private static final int PAGE = 256;

    private final Directory folder;

    Trash(Directory records) {
        if (records.mkdir("trash", 0700)) {
            records.fsync();
        }
        folder = records.openDirectory("trash").orElseThrow();
    }

    /**
     * Moves {@code parent/name} here, or away at once; durable when it returns. When it is gone, only waits until that is
     * durable: an earlier call may have failed, or was killed, before it was.
     */
    void put(Directory parent, String name, Id id) {
        if (destroyReadOnly(parent, name)) {
            parent.fsync();
        } else {
            rename(parent, name, id + "@" + randomName());
            folder.syncAfterMove(parent);
        }
    }

    /** Waits until what was moved here is here after a power cut too. */
    void sync() {
        folder.fsync();
    }

    /**
     * Removes a subvolume that nobody can write to, such as a snapshot: to move it, it must first be made writable, which is
     * one more commit of the file system to wait for. False when it is none, or there are others in it.
     */
    private static boolean destroyReadOnly(Directory parent, String name) {
        if (!Btrfs.isSubvolume(parent, name)) {
            return false;
        }
        Optional<Directory> opened = parent.openDirectory(name);
        if (opened.isEmpty()) {
            return false;
        }
        try (Directory subvolume = opened.get()) {
            if (!Btrfs.isReadOnly(subvolume) || Btrfs.hasSubvolumes(subvolume)) {
                return false;
            }
        }
        return Btrfs.destroySubvolume(parent, name);
    }

    private void rename(Directory parent, String name, String trashName) {
        try {
            parent.rename(name, folder, trashName);
        } catch (SystemCallException e) {
            if (e.errno() != Errno.EROFS || !makeWritable(parent, name)) {
                throw e;
            }
            parent.rename(name, folder, trashName);
        }
    }

    /** A subvolume that nobody can write to, cannot be moved either. False when it is none. */
    private static boolean makeWritable(Directory parent, String name) {
        Optional<Directory> opened = parent.openDirectory(name);
        if (opened.isEmpty()) {
            return false;
        }
        try (Directory directory = opened.get()) {
            if (!Btrfs.isSubvolume(directory) || !Btrfs.isReadOnly(directory)) {
                return false;
            }
            Btrfs.setReadOnly(directory, false);
            return true;
        }
    }

    /**
     * What one step of reaping did.
     *
     * @param removed files and folders that are gone
     * @param stuck what could not be removed, for example an immutable file
     * @param firstStuck why the first of them could not
     */
    public record Reaped(int removed, int stuck, Optional<SystemCallException> firstStuck) {}

    /** Removes at most about {@code max} files and folders; fewer mean that nothing more can be removed now. */
    public Reaped reap(int max) {
        Step step = new Step(max);
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent() && step.hasBudget()) {
            Listing page = folder.list(next.getAsLong(), PAGE);
            page.entries().forEach(entry -> step.reap(entry));
            next = page.next();
        }
        return new Reaped(step.removed, step.stuck, step.firstStuck);
    }

    /** How many things wait to be removed here; those inside them are not counted. Reads the whole folder. */
    public long count() {
        long count = 0;
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            Listing page = folder.list(next.getAsLong(), 1000);
            count += page.entries().size();
            next = page.next();
        }
        return count;
    }

    /** As {@link #count}, but counts no further than this, so it costs no more either. */
    public int countUpTo(int most) {
        return folder.list(0, most).entries().size();
    }

    private static String randomName() {
        return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    }

    @Override
    public void close() {
        folder.close();
    }

    private final class Step {
        private final int max;
        private int removed;
        private int stuck;
        private Optional<SystemCallException> firstStuck = Optional.empty();

        Step(int max) {
            this.max = max;
        }

        boolean hasBudget() {
            return removed < max;
        }

        void reap(Listing.Entry entry) {
            if (!hasBudget()) {
                return;
            }
            try {
                if (!removeFileOrEmptyFolder(folder, entry)) {
                    empty(entry);
                }
            } catch (SystemCallException e) {
                stuck(e);
            }
        }

        private void empty(Listing.Entry entry) {
            Optional<Directory> opened = folder.openDirectory(entry.name());
            if (opened.isEmpty()) {
                return;
            }
            try (Directory tree = opened.get()) {
                if (Btrfs.isSubvolume(tree)) {
                    destroy(tree);
                    return;
                }
                OptionalLong next = OptionalLong.of(0);
                while (next.isPresent() && hasBudget()) {
                    Listing page = tree.list(next.getAsLong(), PAGE);
                    page.entries().forEach(child -> takeOut(tree, child));
                    next = page.next();
                }
            }
            removeFileOrEmptyFolder(folder, entry);
        }

        /** Removes a subvolume after those in it, wherever in it they are and however deep. */
        private void destroy(Directory subvolume) {
            Deque<Long> chain = new ArrayDeque<>(List.of(Btrfs.subvolumeId(subvolume)));
            while (!chain.isEmpty() && hasBudget()) {
                long id = chain.getLast();
                Optional<Directory> opened = Btrfs.openSubvolume(folder, id);
                if (opened.isEmpty()) {
                    return; // somebody else has just removed it
                }
                try (Directory last = opened.get()) {
                    List<Long> inner = Btrfs.subvolumesIn(last);
                    if (!inner.isEmpty()) {
                        Btrfs.setReadOnly(last, false); // else nothing can be removed from it
                        chain.addAll(inner);
                        continue;
                    }
                }
                Btrfs.destroySubvolume(folder, id);
                removed++;
                chain.removeLast();
            }
        }

        private void takeOut(Directory tree, Listing.Entry child) {
            try {
                if (!removeFileOrEmptyFolder(tree, child)) {
                    rename(tree, child.name(), randomName());
                }
            } catch (SystemCallException e) {
                stuck(e);
            }
        }

        /** False when it is a folder with something in it. */
        private boolean removeFileOrEmptyFolder(Directory parent, Listing.Entry entry) {
            try {
                if (entry.type() == FileType.DIRECTORY) {
                    parent.rmdir(entry.name());
                } else {
                    parent.unlink(entry.name());
                }
                removed++;
                return true;
            } catch (SystemCallException e) {
                if (e.errno() == Errno.ENOTEMPTY || e.errno() == Errno.EEXIST) {
                    return false;
                }
                throw e;
            }
        }

        private void stuck(SystemCallException e) {
            stuck++;
            if (firstStuck.isEmpty()) {
                firstStuck = Optional.of(e);
            }
        }
    }
}
