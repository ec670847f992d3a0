package io.berth.copy;

import io.berth.linux.FileStatus;
import io.berth.linux.RegularFile;
import java.nio.ByteBuffer;
import java.util.OptionalLong;

/**
 * Copies the data of one regular file after another, as much as each has when it is begun: a file that grows meanwhile
 * is not followed, one that shrinks ends early. One thread's.
 */
public final class DataCopy {
    private static final int BUFFER_BYTES = 256 << 10;
    /** How much is copied between two looks at whether to go on. */
    private static final long STEP_BYTES = 16 << 20;

    private final Progress progress;
    /** Made when it is first needed, which it seldom is. */
    private ByteBuffer buffer = ByteBuffer.allocateDirect(0);

    private Rung rung = Rung.CLONE;

    public DataCopy(Progress progress) {
        this.progress = progress;
    }

    /**
     * Copies one, by the highest rung that the kernel has for the two files; a clone is of one point in time.
     *
     * @param status of {@code from}
     * @param to empty
     * @throws java.util.concurrent.CancellationException when it was cancelled
     */
    public void copy(RegularFile from, FileStatus status, RegularFile to) {
        if (status.size() == 0) {
            return;
        }
        if (to.ficlone(from)) {
            progress.bytes.add(Math.min(status.size(), status.allocated()));
            return;
        }
        rung = Rung.COPY_FILE_RANGE;
        long size = status.size();
        long end = status.allocated() < size ? copyExtents(from, to, size) : copyRange(from, to, 0, size);
        to.ftruncate(end);
        progress.used(rung);
    }

    /** The lowest rung that any file needed so far. */
    public Rung rung() {
        return rung;
    }

    /** Leaves out the holes; the answer is how long the copy is to be. */
    private long copyExtents(RegularFile from, RegularFile to, long size) {
        OptionalLong data = from.seekData(0);
        while (data.isPresent() && data.getAsLong() < size) {
            // Empty only when the file was cut meanwhile.
            long hole = Math.min(from.seekHole(data.getAsLong()).orElse(size), size);
            long end = copyRange(from, to, data.getAsLong(), hole);
            if (end < hole) {
                return end;
            }
            data = from.seekData(hole);
        }
        return size;
    }

    /** Copies up to {@code end} or the source's end; the answer is which. */
    private long copyRange(RegularFile from, RegularFile to, long start, long end) {
        long at = start;
        while (at < end) {
            progress.check();
            long count = step(from, to, at, Math.min(end - at, STEP_BYTES));
            if (count == 0) {
                return at;
            }
            at += count;
            progress.bytes.add(count);
        }
        return at;
    }

    private long step(RegularFile from, RegularFile to, long at, long length) {
        if (rung == Rung.COPY_FILE_RANGE) {
            OptionalLong count = to.copyFileRange(from, at, length);
            // Some file systems answer 0 for what they cannot copy; reading tells if it is the end.
            if (count.isPresent() && count.getAsLong() > 0) {
                return count.getAsLong();
            }
        }
        if (buffer.capacity() == 0) {
            buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
        }
        buffer.clear().limit((int) Math.min(length, BUFFER_BYTES));
        int count = from.pread(buffer, at);
        if (count <= 0) {
            return 0;
        }
        rung = Rung.READ_WRITE;
        to.pwrite(buffer.flip(), at);
        return count;
    }
}
