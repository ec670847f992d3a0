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
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** Copies files that are no directories, one after another. One thread's. */
final class FileCopy {
    /** A file up to this size, in bytes, is copied at one go with others. */
    private static final long SMALL = 1 << 20;

    /** How many files are: enough that the change of threads is nothing, and few enough that others need not wait long. */
    private static final int AT_ONE_GO = 8;

    /** A lease that is not given up is taken away by the kernel, after 45 seconds if nobody set another time. */
    private static final long PATIENCE_FOR_LEASES = TimeUnit.SECONDS.toNanos(60);

    private static final long BETWEEN_TRIES = TimeUnit.MILLISECONDS.toNanos(10);

    private final HardLinks links;
    private final Attributes attributes;
    private final Progress progress;
    private final DataCopy data;
    private final NewAcl acl = new NewAcl();
    /** How long to wait for leases yet, in all files of this copy. */
    private long forLeases = PATIENCE_FOR_LEASES;

    FileCopy(HardLinks links, Attributes attributes, Progress progress) {
        this.links = links;
        this.attributes = attributes;
        this.progress = progress;
        this.data = new DataCopy(progress);
    }

    /** A file and its copy, which is empty where that was a link to one that is there already. */
    private record Pair(OpenFile from, FileStatus status, Optional<OpenFile> to) implements AutoCloseable {
        boolean isLarge() {
            return status.size() > SMALL;
        }

        @Override
        public void close() {
            to.ifPresent(OpenFile::close);
            from.close();
        }
    }

    /** What was copied at one go: all but a file that is too large for that, if one came. */
    private record Gone(Optional<Pair> large, boolean more) {}

    /** Copies the files that a batch still has. Each is copied as what has its name now, and left out when it is gone. */
    void copy(Batch batch) {
        Directory source = batch.level().source();
        boolean more = true;
        while (more) {
            Gone gone = source.transferTogether(
                    () -> copySome(batch), late -> late.large().ifPresent(Pair::close));
            gone.large().ifPresent(pair -> copyLarge(batch.level(), pair));
            more = gone.more();
        }
    }

    private Gone copySome(Batch batch) {
        for (int i = 0; i < AT_ONE_GO; i++) {
            Optional<Listing.Entry> entry = batch.next();
            if (entry.isEmpty()) {
                return new Gone(Optional.empty(), false);
            }
            progress.check();
            Optional<Pair> pair = open(batch.level(), entry.get());
            if (pair.filter(Pair::isLarge).isPresent()) {
                return new Gone(pair, true);
            }
            pair.ifPresent(small -> finish(small, batch.level().target(), true));
        }
        return new Gone(Optional.empty(), true);
    }

    private void copyLarge(Level level, Pair opened) {
        try (Pair pair = opened) {
            copyData(pair);
            boolean unused = level.source().together(() -> finish(pair, level.target(), false), late -> {});
        }
    }

    private Optional<Pair> open(Level level, Listing.Entry entry) {
        Optional<Source> found = openUnlessLeased(level.source(), entry);
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
                    from,
                    status,
                    status.links() > 1 ? links.make(status, level.target(), entry.name(), maker) : maker.get()));
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

    private boolean finish(Pair pair, Directory target, boolean withData) {
        try (pair) { // closed here, for that is a call on the storage too
            if (withData) {
                copyData(pair);
            }
            pair.to().ifPresent(to -> attributes.copy(pair.from(), pair.status(), to, target, acl));
        }
        progress.made(pair.status());
        return true;
    }

    /** A file of the source, and its status. */
    private record Source(OpenFile file, FileStatus status) {}

    /** As {@link #open(Directory, Listing.Entry)}; waits while another process has a lease that it is to give up. */
    private Optional<Source> openUnlessLeased(Directory directory, Listing.Entry entry) {
        while (true) {
            try {
                return open(directory, entry);
            } catch (SystemCallException e) {
                if (e.errno() != Errno.EAGAIN || forLeases <= 0) {
                    throw e;
                }
            }
            progress.check();
            LockSupport.parkNanos(BETWEEN_TRIES);
            forLeases -= BETWEEN_TRIES;
        }
    }

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
        try {
            FileStatus status = handle.status();
            if (status.type() != FileType.REGULAR) {
                return new Source(handle, status);
            }
            RegularFile file = RegularFile.open(handle);
            handle.close();
            return new Source(file, status);
        } catch (RuntimeException | Error e) {
            handle.close();
            throw e;
        }
    }

    /** Empty when the name is taken: one made anew during the listing can be listed twice. */
    private static Optional<OpenFile> make(OpenFile from, FileStatus status, Directory target, String name) {
        if (from instanceof RegularFile) {
            // With its mode, as nobody reaches a file of a tree whose root has not got its mode yet.
            return RegularFile.createForWriting(target, name, status.mode() & 0777)
                    .map(OpenFile.class::cast);
        }
        boolean made = (status.type() == FileType.SYMLINK && from instanceof PathHandle link)
                ? target.symlink(link.readlink(), name)
                : target.mknod(name, status.type(), status.rdevMajor(), status.rdevMinor());
        return made ? PathHandle.open(target, name).map(OpenFile.class::cast) : Optional.empty();
    }
}
