package io.berth.copy;

import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.OpenFile;
import io.berth.linux.PathHandle;
import io.berth.linux.RegularFile;
import io.berth.linux.SystemCallException;
import java.util.Optional;

/** Copies one file that is no directory after another. One thread's. */
final class FileCopy {
    private final HardLinks links;
    private final Attributes attributes;
    private final Progress progress;
    private final DataCopy data;

    FileCopy(HardLinks links, Attributes attributes, Progress progress) {
        this.links = links;
        this.attributes = attributes;
        this.progress = progress;
        this.data = new DataCopy(progress);
    }

    /** Copies what has this name now, and nothing when it is gone. */
    void copy(Level level, String name) {
        Optional<PathHandle> found = open(level.source(), name);
        if (found.isEmpty()) {
            return;
        }
        try (PathHandle from = found.get()) {
            FileStatus status = from.status();
            if (status.type() == FileType.DIRECTORY) {
                return; // the file that was listed is gone, and a directory took its name
            }
            Optional<OpenFile> made = status.links() > 1
                    ? links.make(status, level, name, () -> make(from, status, level.target(), name))
                    : make(from, status, level.target(), name);
            if (made.isPresent()) {
                try (OpenFile to = made.get()) {
                    fill(from, status, to);
                }
            }
            progress.files.increment();
        }
    }

    private static Optional<PathHandle> open(Directory source, String name) {
        try {
            return PathHandle.open(source, name);
        } catch (SystemCallException e) {
            if (e.errno() == Errno.EXDEV) {
                return Optional.empty(); // something is mounted on the file, which so cannot be reached
            }
            throw e;
        }
    }

    /** Empty when the name is taken: one made anew during the listing can be listed twice. */
    private static Optional<OpenFile> make(PathHandle from, FileStatus status, Directory target, String name) {
        FileType type = status.type();
        return switch (type) {
            case REGULAR -> RegularFile.create(target, name, 0600).map(OpenFile.class::cast);
            case SYMLINK -> handle(target.symlink(from.readlink(), name), target, name);
            case FIFO, SOCKET, CHAR_DEVICE, BLOCK_DEVICE ->
                handle(target.mknod(name, type, status.rdevMajor(), status.rdevMinor()), target, name);
            case DIRECTORY -> throw new IllegalArgumentException("a directory: " + from.path());
        };
    }

    private static Optional<OpenFile> handle(boolean made, Directory target, String name) {
        return made ? PathHandle.open(target, name).map(OpenFile.class::cast) : Optional.empty();
    }

    private void fill(PathHandle from, FileStatus status, OpenFile to) {
        if (to instanceof RegularFile file) {
            try (RegularFile opened = RegularFile.open(from)) {
                data.copy(opened, status, file);
                attributes.copy(opened, status, file);
            }
        } else {
            attributes.copy(from, status, to);
        }
    }
}
