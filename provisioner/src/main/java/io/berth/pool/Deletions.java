package io.berth.pool;

import io.berth.catalog.Catalog;
import io.berth.volume.Volume;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;

/**
 * Volumes that this process has deleted and whose intents to delete are still there.
 *
 * <p>A delete is done when its intent is on disk: from then on nobody finds the volume, and whoever opens the pool carries
 * the intent out. So the call need not wait until the move of the data to the trash is on disk too; the intent does. It
 * goes only after that, or a crash could bring back data that nobody knows of. One wait is for all that were moved
 * before it. Thread-safe.
 */
final class Deletions {
    /** With more, the next delete waits for them. */
    private static final int MOST = 1000;

    private final Catalog catalog;
    private final Trash trash;
    private final VolumeLocks locks;
    private final Queue<Volume> moved = new ArrayDeque<>();

    Deletions(Catalog catalog, Trash trash, VolumeLocks locks) {
        this.catalog = catalog;
        this.trash = trash;
        this.locks = locks;
    }

    /** Leaves the intent of a volume to {@link #finish}, once its data has been moved. */
    void add(Volume volume) {
        if (enqueue(volume) > MOST) {
            finish();
        }
    }

    private synchronized int enqueue(Volume volume) {
        moved.add(volume);
        return moved.size();
    }

    private synchronized Queue<Volume> take() {
        Queue<Volume> taken = new ArrayDeque<>(moved);
        moved.clear();
        return taken;
    }

    /**
     * Waits until what was moved is on disk, and forgets the intents. When the disk does not answer they are kept for the
     * next time; one that cannot be forgotten, for the next start.
     */
    void finish() {
        Queue<Volume> taken = take();
        if (taken.isEmpty()) {
            return;
        }
        try {
            trash.fsync();
            while (!taken.isEmpty()) {
                forget(taken.remove());
            }
        } finally {
            giveBack(taken);
        }
    }

    private synchronized void giveBack(Queue<Volume> left) {
        while (!left.isEmpty() && moved.size() < MOST) {
            moved.add(left.remove());
        }
    }

    private void forget(Volume volume) {
        Optional<VolumeLocks.Held> lock = locks.tryLock(volume.id());
        if (lock.isEmpty()) {
            var unused = enqueue(volume); // somebody works on a volume of this id
            return;
        }
        try (VolumeLocks.Held held = lock.get()) {
            // Not that of a later volume of this id, whose move may not be on disk.
            if (catalog.deleting(volume.id()).filter(volume::equals).isPresent()) {
                catalog.finishDelete(volume.id());
            }
        }
    }
}
