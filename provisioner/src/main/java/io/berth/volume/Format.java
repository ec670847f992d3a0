package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Optional;
import java.util.OptionalLong;

/** How a volume's bytes are held in its pool. */
public sealed interface Format {
    /**
     * A directory.
     *
     * @param limit whether the file system stops the volume at its capacity
     * @param inodes how many files and directories it may hold; empty: as many as the file system has room for
     */
    record Directory(Limit limit, OptionalLong inodes) implements Format {
        /** A directory whose capacity is a promise. */
        public static final Directory ADVISORY = new Directory(Limit.ADVISORY, OptionalLong.empty());

        @Override
        public long capacity(CapacityRange range) {
            return range.wanted().orElse(0);
        }

        @Override
        public long smallest() {
            return 1;
        }
    }

    /**
     * A file of the volume's capacity that is a block device where the volume is used.
     *
     * @param fileSystem what it was formatted with; empty: nothing, its user gets the raw blocks
     */
    record Image(Optional<FileSystemType> fileSystem) implements Format {
        /** The size of one whose size nobody named. */
        private static final long DEFAULT_BYTES = 1L << 30;

        private static final long SECTOR_BYTES = 512;
        private static final long BLOCK_BYTES = 4096;

        @Override
        public long capacity(CapacityRange range) {
            long unit = unit();
            long minimum = smallest();
            long most = (range.limitBytes() > 0 ? range.limitBytes() : Long.MAX_VALUE) / unit;
            long wanted = Math.max(range.wanted().orElse(DEFAULT_BYTES), minimum);
            long bytes = Math.min(Math.ceilDiv(wanted, unit), most) * unit;
            if (bytes < range.requiredBytes() || bytes < minimum) {
                throw new Fault(
                        Fault.Kind.OUT_OF_RANGE,
                        "capacity " + range.requiredBytes() + ".." + range.limitBytes() + ": an image "
                                + fileSystem.map(type -> "with " + type + " ").orElse("of raw blocks ")
                                + "has a multiple of " + unit + " bytes, at least " + minimum);
            }
            return bytes;
        }

        @Override
        public long smallest() {
            return fileSystem.map(FileSystemType::minimumBytes).orElse(unit());
        }

        private long unit() {
            return fileSystem.isPresent() ? BLOCK_BYTES : SECTOR_BYTES;
        }
    }

    /** Whether its user gets raw blocks instead of files. */
    default boolean isBlock() {
        return this instanceof Image image && image.fileSystem().isEmpty();
    }

    /**
     * The capacity of a volume for which this range was asked.
     *
     * @return bytes; 0 when no size was asked for and none is needed
     * @throws Fault OUT_OF_RANGE when no size in the range can be had
     */
    long capacity(CapacityRange range);

    /** The smallest capacity that can be asked for, in bytes. */
    long smallest();

    /** The format's name in parameters and records. */
    default FormatName name() {
        return switch (this) {
            case Directory directory -> FormatName.DIRECTORY;
            case Image image -> FormatName.IMAGE;
        };
    }
}
