package io.berth.copy;

import io.berth.fault.Fault;
import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileStatus;
import io.berth.linux.Linux;
import io.berth.linux.Project;
import io.berth.linux.SystemCallException;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BiPredicate;

/**
 * One copy of a directory tree into a new directory, by the highest {@link Rung} that the kernel will climb.
 *
 * <p>Kept are owners, modes, times to the nanosecond, ACLs and extended attributes, hard links within the tree, holes,
 * symbolic links, FIFOs, sockets, devices, and project ids where both file systems have them; not the immutable flag
 * and its like. No symbolic link is followed and no mount entered: a directory on which something is mounted becomes an
 * empty one, a file on which something is mounted is left out.
 *
 * <p>The source may change meanwhile. What vanishes is left out, what comes may be; a file that is being written is
 * copied as it is found. Only a SNAPSHOT is of one point in time.
 *
 * <p>Memory does not grow with the tree: what would be for a deep tree, and for files with several names, is in a folder in
 * the copy ({@link Scratch}) until it is whole. No more than about 80 files are open for two threads, six more for each
 * further thread.
 *
 * <p>{@link #run} is called once; the other methods are for any thread.
 */
public final class TreeCopy {
    /** Enough to have one copy small files while another is at a large one. */
    public static final int DEFAULT_THREADS = 2;

    /** Over a network a thread waits for answers most of its time. Fewer than a bulkhead has, so that others go on. */
    public static final int NETWORK_THREADS = 6;

    private final Directory source;
    private final Directory parent;
    private final String name;
    private final int threads;
    private final Progress progress;

    /**
     * Prepares a copy; both directories stay the caller's, and open until {@link #run} returns.
     *
     * @param parent where the copy is made; nobody but the caller should reach the copy before it is whole
     * @param name of the copy in {@code parent}
     * @param threads how many copy at once, 1 or more
     */
    public TreeCopy(Directory source, Directory parent, String name, int threads) {
        this(source, parent, name, threads, new Progress());
    }

    /** Prepares a copy whose progress the caller watches. */
    public TreeCopy(Directory source, Directory parent, String name, int threads, Progress progress) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads " + threads + ": at least 1");
        }
        this.source = source;
        this.parent = parent;
        this.name = name;
        this.threads = threads;
        this.progress = progress;
    }

    /**
     * Copies. When it returns, the copy is whole and on disk; when it throws, what has been made so far is left under the
     * copy's name, for the caller to remove. Interrupting the calling thread cancels the copy.
     *
     * @throws Fault ALREADY_EXISTS when something has the name; RESOURCE_EXHAUSTED when the file system is full
     * @throws CancellationException when it was cancelled
     */
    public Copied run() {
        return run((directory, called) -> directory.mkdir(called, 0700) && keepProject());
    }

    /** The directory that the copy is made in may have given it its own. */
    private boolean keepProject() {
        try (Directory root = open()) {
            Project.of(source)
                    .filter(project -> !Project.of(root).equals(Optional.of(project)))
                    .ifPresent(project -> project.set(root));
        }
        return true;
    }

    /**
     * As {@link #run()}, in a directory that the caller makes; the project of the source's root becomes that of this one.
     *
     * @param mkdir makes the empty directory of the copy, where it is not a snapshot; false when something has the name
     */
    public Copied run(BiPredicate<Directory, String> mkdir) {
        if (parent.status(name).isPresent()) {
            throw taken();
        }
        if (snapshot()) {
            return new Copied(Rung.SNAPSHOT, 0, 0, 0, 0);
        }
        if (!mkdir.test(parent, name)) {
            throw taken();
        }
        try (Directory root = open()) {
            progress.made(root.status());
            Attributes attributes = new Attributes(source, root, progress);
            copyTree(root, attributes);
            root.syncfs();
        }
        return progress.result();
    }

    private Directory open() {
        return parent.openDirectory(name)
                .orElseThrow(() -> new SystemCallException("openat2", parent.path() + "/" + name, Errno.ENOENT));
    }

    private Fault taken() {
        return new Fault(Fault.Kind.ALREADY_EXISTS, "there is a " + Fault.quote(name) + " in " + parent.path());
    }

    /** A snapshot is on disk when it is made. */
    private boolean snapshot() {
        return Btrfs.isSubvolume(source)
                && !Btrfs.hasSubvolumes(source)
                && Btrfs.createSnapshot(source, parent, name, false);
    }

    private void copyTree(Directory root, Attributes attributes) {
        FileStatus status = source.status();
        try (Scratch scratch = new Scratch(root)) {
            try (TreeWalk walk = new TreeWalk(source, root, scratch, attributes, progress)) {
                run(walk, new HardLinks(scratch), attributes);
            }
            progress.throwFailure();
            progress.check();
            scratch.remove(progress);
        }
        attributes.copy(source, status, root);
    }

    private void run(TreeWalk walk, HardLinks links, Attributes attributes) {
        // Closing waits until all threads are done, and interrupts them when it is interrupted itself.
        try (ExecutorService executor = Executors.newFixedThreadPool(threads, this::thread)) {
            for (int i = 0; i < threads; i++) {
                executor.execute(() -> copyFiles(walk, new FileCopy(links, attributes, progress)));
            }
        } catch (Error e) {
            progress.fail(e); // a thread that cannot be had
        }
    }

    private Thread thread(Runnable work) {
        return new Thread(work, "copy");
    }

    private void copyFiles(TreeWalk walk, FileCopy files) {
        Linux.clearUmask();
        try {
            for (Optional<Batch> batch = walk.next(); batch.isPresent(); batch = walk.next()) {
                copy(batch.get(), files);
            }
        } catch (RuntimeException | Error e) {
            progress.fail(e);
        }
    }

    private static void copy(Batch batch, FileCopy files) {
        try {
            files.copy(batch);
        } finally {
            batch.level().leave();
        }
    }

    /** Makes {@link #run} throw soon; without effect when it has returned. */
    public void cancel() {
        progress.cancel();
    }

    /** How many files of every type have been copied by now. */
    public long files() {
        return progress.files();
    }

    /** How many bytes of data have been copied or shared by now. */
    public long bytes() {
        return progress.bytes();
    }
}
