package io.berth.copy;

import io.berth.linux.RegularFile;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What a walk needs to know of the directories above it when it comes back to them: some numbers for each, the last first.
 * A tree can be deeper than memory is large, so beyond some hundred they are in a file. One thread's.
 */
public final class Trail implements AutoCloseable {
    /** How many marks go to the file, and come back, at once. */
    private static final int BLOCK = 512;

    private final int width;
    private final Supplier<RegularFile> maker;
    private long[] marks;
    /** How many numbers of {@link #marks} count; those before them are in the file. */
    private int used;

    private long inFile;
    private Optional<RegularFile> file = Optional.empty();

    /**
     * Of nothing yet.
     *
     * @param width how many numbers a mark has
     * @param maker makes the file, when one is needed; it is closed with this
     */
    public Trail(int width, Supplier<RegularFile> maker) {
        this.width = width;
        this.maker = maker;
        this.marks = new long[0];
    }

    /** How many marks there are. */
    public long depth() {
        return inFile + used / width;
    }

    /** Leaves a mark. */
    public void push(long... mark) {
        if (mark.length != width) {
            throw new IllegalArgumentException("a mark of " + mark.length + " numbers: " + width + " are needed");
        }
        if (used == 2 * BLOCK * width) {
            toFile();
        }
        if (used == marks.length) {
            marks = Arrays.copyOf(marks, Math.min(2 * BLOCK * width, Math.max(16 * width, 2 * used)));
        }
        System.arraycopy(mark, 0, marks, used, width);
        used += width;
    }

    /**
     * Takes the last mark.
     *
     * @throws IllegalStateException when there is none
     */
    public long[] pop() {
        if (used == 0) {
            fromFile();
        }
        used -= width;
        return Arrays.copyOfRange(marks, used, used + width);
    }

    private long blockBytes() {
        return (long) BLOCK * width * Long.BYTES;
    }

    private void toFile() {
        if (file.isEmpty()) {
            file = Optional.of(maker.get());
        }
        ByteBuffer block = ByteBuffer.allocate((int) blockBytes());
        block.asLongBuffer().put(marks, 0, BLOCK * width);
        file.get().pwrite(block, inFile / BLOCK * blockBytes());
        System.arraycopy(marks, BLOCK * width, marks, 0, BLOCK * width);
        used -= BLOCK * width;
        inFile += BLOCK;
    }

    private void fromFile() {
        if (inFile == 0) {
            throw new IllegalStateException("no mark was left");
        }
        ByteBuffer block = ByteBuffer.allocate((int) blockBytes());
        long at = (inFile - BLOCK) / BLOCK * blockBytes();
        while (block.hasRemaining() && file.orElseThrow().pread(block, at + block.position()) > 0) {}
        if (block.hasRemaining()) {
            throw new IllegalStateException("the file of a walk's marks was cut short");
        }
        block.flip().asLongBuffer().get(marks, 0, BLOCK * width);
        used = BLOCK * width;
        inFile -= BLOCK;
    }

    @Override
    public void close() {
        file.ifPresent(RegularFile::close);
    }
}
