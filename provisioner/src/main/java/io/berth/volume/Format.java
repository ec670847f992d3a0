package io.berth.volume;

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
    }

    /**
     * A file of the volume's capacity that is a block device where the volume is used.
     *
     * @param fileSystem what it was formatted with; empty: nothing, its user gets the raw blocks
     */
    record Image(Optional<FileSystemType> fileSystem) implements Format {}

    /** The format's name in parameters and records. */
    default FormatName name() {
        return switch (this) {
            case Directory directory -> FormatName.DIRECTORY;
            case Image image -> FormatName.IMAGE;
        };
    }
}
