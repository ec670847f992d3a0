package io.berth.format;

import io.berth.linux.Errno;
import io.berth.linux.Extent;
import io.berth.linux.RegularFile;
import io.berth.linux.SystemCallException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.OptionalLong;

/**
 * Where the data of an image is that nobody writes to, asked from its beginning to its end. A few hundred extents are held
 * at a time. One thread's.
 */
final class ImageData implements AutoCloseable {
    private static final int PAGE = 256;

    private final RegularFile file;
    private final long size;
    private final Deque<Extent> ahead = new ArrayDeque<>();
    private boolean tellsPlaces = true;

    /** Takes over the open file. */
    ImageData(RegularFile file) {
        this.file = file;
        this.size = file.status().size();
    }

    /** Bytes. */
    long size() {
        return size;
    }

    /**
     * A run that is of one kind.
     *
     * @param end where it ends, bytes; {@link Long#MAX_VALUE} after the last data
     * @param data whether it holds data; else it reads as zeros
     * @param place where on the device its beginning is, if that is known: what is in one place is the same
     */
    record Run(long end, boolean data, OptionalLong place) {}

    /** The run around an offset, which is no less than in the call before. */
    Run at(long offset) {
        while (!ahead.isEmpty() && end(ahead.element()) <= offset) {
            ahead.remove();
        }
        if (ahead.isEmpty()) {
            fetch(offset);
        }
        Extent next = ahead.peek();
        if (next == null) {
            return new Run(Long.MAX_VALUE, false, OptionalLong.empty());
        }
        if (next.offset() > offset) {
            return new Run(next.offset(), false, OptionalLong.empty());
        }
        return new Run(
                end(next),
                !next.unwritten(),
                next.placed() ? OptionalLong.of(next.physical() + offset - next.offset()) : OptionalLong.empty());
    }

    private static long end(Extent extent) {
        return extent.offset() + extent.length();
    }

    private void fetch(long offset) {
        if (tellsPlaces) {
            try {
                ahead.addAll(file.fiemap(offset, PAGE));
                return;
            } catch (SystemCallException e) {
                if (e.errno() != Errno.EOPNOTSUPP) {
                    throw e;
                }
                tellsPlaces = false; // as tmpfs, which knows its holes all the same
            }
        }
        file.seekData(offset).ifPresent(data -> {
            long hole = file.seekHole(data).orElse(size);
            ahead.add(new Extent(data, 0, hole - data, false, false, false));
        });
    }

    /** Fills the buffer with what is at an offset, and with zeros after the end. */
    void read(ByteBuffer buffer, long offset) {
        int begin = buffer.position();
        while (buffer.hasRemaining() && file.pread(buffer, offset + buffer.position() - begin) >= 0) {
            // once is nearly always enough
        }
        while (buffer.hasRemaining()) {
            buffer.put((byte) 0);
        }
    }

    @Override
    public void close() {
        file.close();
    }
}
