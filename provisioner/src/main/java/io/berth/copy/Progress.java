package io.berth.copy;

import io.berth.fault.Fault;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/** What the threads of one copy count, and whether they go on. Thread-safe. */
public final class Progress {
    private static final Optional<Throwable> NONE = Optional.empty();
    /** What a file system has for a file beside its data: ext4 256 bytes, XFS 512, btrfs some hundred. */
    private static final long INODE_BYTES = 512;

    private static final long BETWEEN_REPORTS = Duration.ofSeconds(1).toNanos();

    final LongAdder files = new LongAdder();
    final LongAdder bytes = new LongAdder();
    private final LongAdder metadata = new LongAdder();
    final LongAdder lostXattrs = new LongAdder();
    private final AtomicReference<Rung> rung = new AtomicReference<>(Rung.CLONE);
    private final AtomicReference<Optional<Throwable>> failure = new AtomicReference<>(NONE);
    private final long maxBytes;
    private final long maxFiles;
    private final Consumer<Progress> report;
    private final AtomicLong reported = new AtomicLong(System.nanoTime());
    private volatile boolean stopped;

    /** Of a copy that may become as large as it will. */
    public Progress() {
        this(Long.MAX_VALUE, Long.MAX_VALUE, progress -> {});
    }

    /**
     * Of a copy that has a bound and is watched.
     *
     * @param maxBytes what it may count for, shared or copied; with more it fails with RESOURCE_EXHAUSTED
     * @param maxFiles how many files it may make; with more it fails likewise
     * @param report called about once a second by one of the threads that copy; the copy fails when it throws
     */
    public Progress(long maxBytes, long maxFiles, Consumer<Progress> report) {
        this.maxBytes = maxBytes;
        this.maxFiles = maxFiles;
        this.report = report;
    }

    /** How many files of every type have been copied by now. */
    public long files() {
        return files.sum();
    }

    /** How many bytes of data have been copied or shared by now. */
    public long bytes() {
        return bytes.sum();
    }

    /** Counts a file that was made like this one of the source: its inode, and what a directory has for its names. */
    void made(FileStatus status) {
        files.increment();
        metadata.add(INODE_BYTES + (status.type() == FileType.DIRECTORY ? status.allocated() : 0));
    }

    /** How many bytes of the disk the copy counts for: its data, its directories, and something for each file. */
    private long taken() {
        return bytes.sum() + metadata.sum();
    }

    /** Makes the copy end soon with a CancellationException; without effect when it has ended. */
    public void cancel() {
        stop();
    }

    @Override
    public String toString() {
        return files() + " files, " + bytes() + " bytes";
    }

    void used(Rung one) {
        rung.accumulateAndGet(one, Rung::orLower);
    }

    private void stop() {
        stopped = true;
    }

    /** Stops all threads; only the first failure counts. */
    void fail(Throwable reason) {
        failure.compareAndSet(NONE, Optional.of(reason));
        stop();
    }

    void throwFailure() {
        failure.get().ifPresent(reason -> {
            if (reason instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) reason;
        });
    }

    /**
     * Asked between any two steps that could take long.
     *
     * @throws CancellationException when the copy is to end
     * @throws Fault RESOURCE_EXHAUSTED when it is larger than it may be
     */
    public void check() {
        if (stopped || Thread.currentThread().isInterrupted()) {
            throw new CancellationException("the copy was cancelled");
        }
        if (taken() > maxBytes) {
            throw new Fault(
                    Fault.Kind.RESOURCE_EXHAUSTED,
                    "there is room for " + maxBytes + " bytes, and what is copied needs more, with " + INODE_BYTES
                            + " for each of its files");
        }
        if (files() > maxFiles) {
            throw new Fault(
                    Fault.Kind.RESOURCE_EXHAUSTED,
                    "there are inodes for " + maxFiles + " files more, and what is copied has more");
        }
        long now = System.nanoTime();
        long last = reported.get();
        if (now - last >= BETWEEN_REPORTS && reported.compareAndSet(last, now)) {
            report.accept(this);
        }
    }

    Copied result() {
        return new Copied(rung.get(), files.sum(), bytes.sum(), taken(), lostXattrs.sum());
    }
}
