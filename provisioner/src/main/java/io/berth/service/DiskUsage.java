package io.berth.service;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.pool.Pool;
import io.berth.pool.Pools;
import io.berth.pool.TreeSize;
import io.berth.volume.Format;
import io.berth.volume.Volume;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/** How much of their pools volumes take. Thread-safe. */
public final class DiskUsage {
    private final Pools pools;

    public DiskUsage(Pools pools) {
        this.pools = pools;
    }

    /** Who knows how much it is. */
    public enum By {
        QUOTA,
        IMAGE,
        WALK;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Bytes on the disk; those that are shared with a snapshot or a clone count for each. */
    public record Used(long bytes, By by) {}

    /**
     * How much a volume takes; empty for a directory of which the file system does not know.
     *
     * @param walk whether to add up the files of such a directory, which takes its time
     * @throws Fault NOT_FOUND when the data is gone
     */
    public Optional<Used> of(Volume volume, boolean walk) {
        Pool pool = pools.get(volume.id().pool());
        if (volume.format() instanceof Format.Image) {
            return Optional.of(new Used(walk(pool, volume), By.IMAGE)); // a folder with one file
        }
        OptionalLong known = pool.formats().usedBytes(volume);
        if (known.isPresent()) {
            return Optional.of(new Used(known.getAsLong(), By.QUOTA));
        }
        return walk ? Optional.of(new Used(walk(pool, volume), By.WALK)) : Optional.empty();
    }

    private static long walk(Pool pool, Volume volume) {
        try (Directory data = pool.folder()
                .openData(volume)
                .orElseThrow(() -> new Fault(
                        Fault.Kind.NOT_FOUND,
                        "the data of " + volume.id().described() + " is gone: " + volume.path() + " in "
                                + pool.config().root()))) {
            return TreeSize.bytes(data, pool.trash()::namelessFile);
        }
    }
}
