package io.berth.pool;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.Listing;
import io.berth.linux.PathHandle;
import io.berth.volume.GroupSnapshotId;
import io.berth.volume.Id;
import io.berth.volume.SnapshotId;
import io.berth.volume.VolumeId;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The copies during which a process ended. Each may be what ended it, and whoever wants it asks again for ever: so one is
 * tried once more, and then not by a driver until a day is over or a person has made it by a command. A symbolic link for
 * each says how often a process ended; it is not synced, for what it is about is no power cut. Thread-safe.
 */
public final class CrashedCopies implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CrashedCopies.class);
    /** After how many ends a copy is refused; a test that kills drivers, or a machine that resets often, sets more. */
    private static final int MOST = Integer.getInteger("berth.copies.tries", 2);

    private static final Duration REMEMBERED = Duration.ofDays(1);

    private final Directory folder;
    private final Set<Id> failed = ConcurrentHashMap.newKeySet();

    CrashedCopies(Directory records) {
        folder = PoolFolder.ofRecords(records, "crashed");
    }

    /** Notes that a copy was found half made, whose process is gone; after it was undone, so that it is counted once. */
    void add(Id id) {
        if (failed.remove(id)) {
            return;
        }
        try {
            int count = count(id) + 1;
            folder.unlink(name(id));
            folder.symlink(Integer.toString(count), name(id));
        } catch (Fault e) {
            notNoted(id, e);
        }
    }

    /** What helps later must not fail what is done now. */
    private static void notNoted(Id id, Fault why) {
        LOG.warn("how often a process ended during the copy to {} is not noted: {}", id.described(), why.getMessage());
    }

    /** A copy has failed and could not be undone: who finds it half made must not take it for one that ended a process. */
    void failed(Id id) {
        failed.add(id);
    }

    /**
     * Refuses a copy during which processes ended.
     *
     * @throws Fault FAILED_PRECONDITION naming what makes it nevertheless
     */
    public void requireFew(Id id) {
        int count = count(id);
        if (count >= MOST) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    id.described() + " is not tried again before tomorrow: " + count
                            + " times a process of Berth ended while it was copied; look for the reason in the log,"
                            + " or make it at once by " + command(id));
        }
    }

    private static String command(Id id) {
        return switch (id) {
            case VolumeId volume -> "berth snapshots restore, or berth volumes clone";
            case SnapshotId snapshot -> "berth snapshots create";
            case GroupSnapshotId group -> "berth snapshots create for each of its volumes";
        };
    }

    private int count(Id id) {
        if (folder.status(name(id)).filter(CrashedCopies::isRecent).isEmpty()) {
            return 0;
        }
        Optional<String> count = PathHandle.open(folder, name(id)).map(link -> {
            try (link) {
                return link.readlink();
            }
        });
        return count.filter(text -> text.matches("[0-9]{1,9}"))
                .map(Integer::parseInt)
                .orElse(0);
    }

    private static boolean isRecent(FileStatus link) {
        return Duration.between(link.modified(), Instant.now()).abs().compareTo(REMEMBERED) < 0;
    }

    /** It was made, or is not wanted any more. */
    public void forget(Id id) {
        try {
            folder.unlink(name(id));
        } catch (Fault e) {
            notNoted(id, e);
        }
    }

    /** Forgets what nobody asked for again. */
    void forgetOld() {
        folder.forEachEntry(this::forgetIfOld);
    }

    private void forgetIfOld(Listing.Entry entry) {
        if (folder.status(entry.name()).filter(link -> !isRecent(link)).isPresent()) {
            folder.unlink(entry.name());
        }
    }

    private static String name(Id id) {
        String kind = switch (id) {
            case VolumeId volume -> "volume@";
            case SnapshotId snapshot -> "snapshot@";
            case GroupSnapshotId group -> "group@";
        };
        return kind + id;
    }

    @Override
    public void close() {
        folder.close();
    }
}
