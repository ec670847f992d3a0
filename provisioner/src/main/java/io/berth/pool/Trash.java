package io.berth.pool;

import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import io.berth.linux.RegularFile;
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
 * taken apart by moving those up into the trash, so any depth is emptied with two open folders, as fast as the same in one
 * folder, and with no state that a crash could lose; and a folder on which something is mounted is never entered, for such a folder cannot be moved. A btrfs
 * subvolume goes by one call with all that is in it, after those that were made in it.
 *
 * <p>Several processes may reap at once: what is gone already is as good as removed. Thread-safe.
 */
public final class Trash implements AutoCloseable {
    private static final int PAGE = 256;
    private static final int MOST_SUBVOLUMES = 10_000;

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
            boolean unused = rename(parent, name, id + "@" + randomName());
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

    /** False when it is gone. */
    private boolean rename(Directory parent, String name, String trashName) {
        try {
            return parent.rename(name, folder, trashName);
        } catch (SystemCallException e) {
            if (e.errno() != Errno.EROFS || !makeWritable(parent, name)) {
                throw e;
            }
            return parent.rename(name, folder, trashName);
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
     * @param more whether it ended because it had done as much as it may, and there may be more to do
     * @param stuck what could not be removed, for example an immutable file
     * @param firstStuck why the first of them could not
     */
    public record Reaped(int removed, boolean more, int stuck, Optional<SystemCallException> firstStuck) {}

    /** Removes files and folders, or moves folders up to remove them later, at most about {@code max} in all. */
    public Reaped reap(int max) {
        Step step = new Step(max);
        int before;
        do { // what a round moved up may have a place in the listing that the round had left behind
            before = step.done();
            step.round();
        } while (step.hasBudget() && step.done() > before);
        return new Reaped(step.removed, !step.hasBudget(), step.stuck, step.firstStuck);
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

    /** A file for whoever needs one for a while; it has no name, and if a crash leaves it one, it is trash. */
    public RegularFile namelessFile() {
        return RegularFile.createNameless(folder);
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
        private int moved;
        private int stuck;
        private Optional<SystemCallException> firstStuck = Optional.empty();

        Step(int max) {
            this.max = max;
        }

        int done() {
            return removed + moved;
        }

        boolean hasBudget() {
            return done() < max;
        }

        /** Goes once over all that is in the trash. */
        void round() {
            stuck = 0;
            firstStuck = Optional.empty();
            OptionalLong next = OptionalLong.of(0);
            while (next.isPresent() && hasBudget()) {
                Listing page = folder.list(next.getAsLong(), PAGE);
                page.entries().forEach(entry -> reap(entry.name(), entry.type()));
                next = page.next();
            }
        }

        /** Removes one thing, and of a folder that is taken apart, what was moved up last, and so on to the deepest. */
        private void reap(String name, FileType type) {
            try {
                Optional<String> next = Optional.of(name);
                FileType is = type;
                while (next.isPresent() && hasBudget()) {
                    String one = next.get();
                    next = removeFileOrEmptyFolder(folder, one, is) ? Optional.empty() : empty(one);
                    is = FileType.DIRECTORY;
                }
            } catch (SystemCallException e) {
                stuck(e);
            }
        }

        /** Empties a folder, and removes it; the answer is the last of what was moved up from it. */
        private Optional<String> empty(String name) {
            Optional<Directory> opened = folder.openDirectory(name);
            Optional<String> last = Optional.empty();
            if (opened.isEmpty()) {
                return last;
            }
            try (Directory tree = opened.get()) {
                if (Btrfs.isSubvolume(tree)) {
                    destroy(tree);
                    return last;
                }
                OptionalLong next = OptionalLong.of(0);
                while (next.isPresent() && hasBudget()) {
                    Listing page = tree.list(next.getAsLong(), PAGE);
                    for (Listing.Entry child : page.entries()) {
                        Optional<String> taken = takeOut(tree, child);
                        last = taken.isPresent() ? taken : last;
                    }
                    next = page.next();
                }
            }
            boolean unused = removeFileOrEmptyFolder(folder, name, FileType.DIRECTORY);
            return last;
        }

        /**
         * Removes a subvolume after those in it, wherever in it they are and however deep. Where they are many, those that it
         * has on its way down and forgets again are found anew by the next step.
         */
        private void destroy(Directory subvolume) {
            Deque<Long> chain = new ArrayDeque<>(List.of(Btrfs.subvolumeId(subvolume)));
            while (!chain.isEmpty() && hasBudget()) {
                while (chain.size() > MOST_SUBVOLUMES) {
                    chain.removeFirst();
                }
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

        /** Removes it, or moves it up; then the answer is its name there. */
        private Optional<String> takeOut(Directory tree, Listing.Entry child) {
            try {
                if (hasBudget() && !removeFileOrEmptyFolder(tree, child.name(), child.type())) {
                    String name = randomName();
                    if (rename(tree, child.name(), name)) {
                        moved++;
                        return Optional.of(name);
                    }
                }
            } catch (SystemCallException e) {
                stuck(e);
            }
            return Optional.empty();
        }

        /** False when it is a folder with something in it. */
        private boolean removeFileOrEmptyFolder(Directory parent, String name, FileType type) {
            try {
                if (type == FileType.DIRECTORY) {
                    parent.rmdir(name);
                } else {
                    parent.unlink(name);
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
