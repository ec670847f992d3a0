package io.berth.pool;

import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.RegularFile;
import io.berth.linux.SystemCallException;
import io.berth.linux.Xattrs;
import io.berth.volume.VolumePath;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;

/**
 * Room that is kept on a pool's file system for the calls that give space back: the file {@code .berth/spare}. A delete
 * renames a record and a detach rewrites one, which may need a block where none is free. Then the file is removed and the
 * work is done once more; {@link #keep} makes the file again when there is room. Thread-safe, among processes too.
 */
final class Spare {
    private static final String FILE = "spare";
    private static final String PART = "spare.part";

    private static final int BYTES = 1 << 20;
    /**
     * What btrfs may lack is room for its trees. It begins to rename only when it could have a new block on each level of
     * each tree that it may change, which is about 3 MiB.
     */
    private static final long LEAST_TREE_BYTES = 3 << 20;

    private static final long MOST_TREE_BYTES = 16 << 20;
    /** As an extended attribute of btrfs this fills a block of its trees, which have 16 KiB. */
    private static final int ATTRIBUTE_BYTES = 16_000;

    /** Of what is free, the file takes one part in so many at most: to make it must not be what fills the file system. */
    private static final long PART_OF_FREE = 8;

    private final Directory root;

    Spare(Directory root) {
        this.root = root;
    }

    /** Makes the file where it is missing and there is room enough. */
    void keep() {
        Optional<Directory> opened = root.openDirectory(VolumePath.RECORDS);
        if (opened.isEmpty()) {
            return;
        }
        try (Directory records = opened.get()) {
            if (records.status(FILE).isPresent() || root.fileSystem().availableBytes() / PART_OF_FREE < BYTES) {
                return;
            }
            long ofTrees = Btrfs.isBtrfs(root) ? Btrfs.freeTreeBytes(root) / PART_OF_FREE : 0;
            if (!Btrfs.isBtrfs(root) || ofTrees >= LEAST_TREE_BYTES) {
                make(records, Math.min(ofTrees, MOST_TREE_BYTES));
            }
        }
    }

    private static void make(Directory records, long treeBytes) {
        records.unlink(PART); // left by a crash
        Optional<RegularFile> created = RegularFile.create(records, PART, 0600);
        if (created.isEmpty()) {
            return; // another process makes it now
        }
        try (RegularFile file = created.get()) {
            file.pwrite(ByteBuffer.wrap(random(BYTES)), 0);
            for (int i = 0; i < treeBytes / ATTRIBUTE_BYTES; i++) {
                Xattrs.set(file, "user.spare" + i, random(ATTRIBUTE_BYTES));
            }
            file.fsync();
            records.rename(PART, records, FILE);
        } catch (SystemCallException e) {
            records.unlink(PART);
            if (!isFull(e)) {
                throw e;
            }
        }
    }

    /** A file system may compress other bytes to nothing. */
    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        ThreadLocalRandom.current().nextBytes(bytes);
        return bytes;
    }

    /**
     * Does work that gives space back, or needs none in the end. Where the file system is full, gives up the file and does
     * the work once more, which so has to be repeatable.
     */
    <T> T orGiveUp(Supplier<T> work) {
        try {
            return work.get();
        } catch (SystemCallException e) {
            if (!isFull(e) || !gaveUp(e)) {
                throw e;
            }
        }
        return work.get();
    }

    private boolean gaveUp(SystemCallException full) {
        try {
            return giveUp();
        } catch (SystemCallException e) {
            full.addSuppressed(e); // it is no file, as a hand may have left it
            return false;
        }
    }

    private boolean giveUp() {
        boolean gone = root.openDirectory(VolumePath.RECORDS)
                .filter(records -> {
                    try (records) {
                        return records.unlink(FILE);
                    }
                })
                .isPresent();
        if (gone && Btrfs.isBtrfs(root)) {
            root.syncfs(); // only then are its blocks free
        }
        return gone;
    }

    private static boolean isFull(SystemCallException e) {
        return e.errno() == Errno.ENOSPC || e.errno() == Errno.EDQUOT;
    }
}
