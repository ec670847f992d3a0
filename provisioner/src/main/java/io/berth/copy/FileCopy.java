package io.berth.copy;

import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import io.berth.linux.OpenFile;
import io.berth.linux.PathHandle;
import io.berth.linux.RegularFile;
import io.berth.linux.SystemCallException;
import java.util.Optional;
import java.util.function.Supplier;

/** Copies one file that is no directory after another. One thread's. */
final class FileCopy {
    /** The data of a file up to this size, in bytes, is copied at one go with all else. */
    private static final long SMALL = 1 << 20;

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

    /** A file and its copy, which is empty where that was a link to one that is there already. */
    private record Pair(OpenFile from, FileStatus status, Optional<OpenFile> to) implements AutoCloseable {
        @Override
        public void close() {
            to.ifPresent(OpenFile::close);
            from.close();
        }
    }

    /** Copies what has the name now, and nothing when it is gone. */
    void copy(Level level, Listing.Entry entry) {
        Directory source = level.source();
        Optional<Pair> opened = source.together(() -> open(level, entry), late -> late.ifPresent(Pair::close));
        if (opened.isEmpty()) {
            return;
        }
        try (Pair pair = opened.get()) {
            if (pair.status().size() > SMALL) {
                copyData(pair);
            }
            boolean unused = source.together(() -> finish(pair), late -> {});
        }
    }

    private Optional<Pair> open(Level level, Listing.Entry entry) {
        Optional<Source> found = open(level.source(), entry);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        OpenFile from = found.get().file();
        try {
            FileStatus status = found.get().status();
            if (status.type() == FileType.DIRECTORY) {
                from.close(); // the file that was listed is gone, and a directory took its name
                return Optional.empty();
            }
            Supplier<Optional<OpenFile>> maker = () -> make(from, status, level.target(), entry.name());
            return Optional.of(new Pair(
                    from, status, status.links() > 1 ? links.make(status, level, entry.name(), maker) : maker.get()));
        } catch (RuntimeException | Error e) {
            from.close();
            throw e;
        }
    }

    private void copyData(Pair pair) {
        if (pair.from() instanceof RegularFile source
                && pair.to().isPresent()
                && pair.to().get() instanceof RegularFile target) {
            data.copy(source, pair.status(), target);
        }
    }

    private boolean finish(Pair pair) {
        try (pair) {
            if (pair.status().size() <= SMALL) {
                copyData(pair);
            }
            pair.to().ifPresent(to -> attributes.copy(pair.from(), pair.status(), to));
        }
        progress.files.increment();
        return true;
    }

    /** A file of the source, and its status. */
    private record Source(OpenFile file, FileStatus status) {}

    /** Regular files for reading; all others, whose opening could have effects, as handles. */
    private static Optional<Source> open(Directory directory, Listing.Entry entry) {
        try {
            if (entry.type() == FileType.REGULAR) {
                Optional<RegularFile.Found> found = RegularFile.look(directory, entry.name());
                if (found.isPresent()) {
                    return found.map(file -> new Source(file.file(), file.status()));
                }
            }
            return PathHandle.open(directory, entry.name()).map(FileCopy::regularOrHandle);
        } catch (SystemCallException e) {
            if (e.errno() == Errno.EXDEV) {
                return Optional.empty(); // something is mounted on the file, which so cannot be reached
            }
            throw e;
        }
    }

    /** A regular file can have taken another's name. */
    private static Source regularOrHandle(PathHandle handle) {
        FileStatus status = handle.status();
        if (status.type() != FileType.REGULAR) {
            return new Source(handle, status);
        }
        try (handle) {
            return new Source(RegularFile.open(handle), status);
        }
    }

    /** Empty when the name is taken: one made anew during the listing can be listed twice. */
    private static Optional<OpenFile> make(OpenFile from, FileStatus status, Directory target, String name) {
        if (from instanceof RegularFile) {
            // With its mode, as nobody reaches a file of a tree whose root has not got its mode yet.
            return RegularFile.create(target, name, status.mode() & 0777).map(OpenFile.class::cast);
        }
        boolean made = (status.type() == FileType.SYMLINK && from instanceof PathHandle link)
                ? target.symlink(link.readlink(), name)
                : target.mknod(name, status.type(), status.rdevMajor(), status.rdevMinor());
        return made ? PathHandle.open(target, name).map(OpenFile.class::cast) : Optional.empty();
    }
}
