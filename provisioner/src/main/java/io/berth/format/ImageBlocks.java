package io.berth.format;

import io.berth.linux.RegularFile;
import io.berth.volume.BlockRange;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The blocks of a snapshot's image that hold data, or that differ from an earlier one's: those that both have in one place
 * on the device are the same without a look, others are compared. Memory does not grow with the image. One thread's.
 */
public final class ImageBlocks implements AutoCloseable {
    /** What is compared at once, and where a range may begin or end that was compared. */
    private static final int BLOCK = 4096;

    private static final int BUFFER_BYTES = 64 * BLOCK;
    /** How much is compared, and how many runs are looked at, by one call of {@link #next}. */
    private static final int MAX_LOOKS = 256;

    private final ImageData image;
    private final Optional<ImageData> base;
    private long at;
    /** Made when it is first needed. */
    private ByteBuffer ours = ByteBuffer.allocateDirect(0);

    private ByteBuffer theirs = ByteBuffer.allocateDirect(0);

    private ImageBlocks(ImageData image, Optional<ImageData> base, long from) {
        this.image = image;
        this.base = base;
        this.at = from;
    }

    /**
     * The blocks of an image.
     *
     * @param base empty: those that hold data; else those that differ from this image's
     * @param from where to begin, bytes
     * @throws io.berth.fault.Fault NOT_FOUND when an image is gone
     */
    public static ImageBlocks of(DataSource image, Optional<DataSource> base, long from) {
        RegularFile file = Images.open(image.directory());
        try {
            return new ImageBlocks(
                    new ImageData(file), base.map(source -> new ImageData(Images.open(source.directory()))), from);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** How large the image is, bytes. */
    public long size() {
        return image.size();
    }

    /** Whether {@link #next} has told all. */
    public boolean done() {
        return at >= size();
    }

    /**
     * The next ranges, in order. It looks at so much only, so there may be none though more follow.
     *
     * @param max how many at most, 1 or more
     */
    public List<BlockRange> next(int max) {
        Ranges ranges = new Ranges(max);
        for (int looks = 0; looks < MAX_LOOKS && !done() && !ranges.full; looks++) {
            look(ranges);
        }
        return ranges.list;
    }

    private void look(Ranges ranges) {
        ImageData.Run run = image.at(at);
        long end = Math.min(run.end(), size());
        if (base.isEmpty()) {
            pass(end, run.data(), ranges);
            return;
        }
        ImageData.Run before = base.get().at(at);
        end = Math.min(end, before.end());
        boolean zeros = !run.data() && !before.data();
        boolean shared = run.data()
                && before.data()
                && run.place().isPresent()
                && run.place().equals(before.place());
        if (zeros || shared) {
            pass(end, false, ranges);
        } else {
            compare(base.get(), (int) Math.min(end - at, BUFFER_BYTES - at % BLOCK), ranges);
        }
    }

    /** Goes on to an offset; what is passed is one of the ranges or not. */
    private void pass(long end, boolean counts, Ranges ranges) {
        if (!counts || ranges.add(at, end)) {
            at = end;
        }
    }

    private void compare(ImageData other, int length, Ranges ranges) {
        if (ours.capacity() == 0) {
            ours = ByteBuffer.allocateDirect(BUFFER_BYTES);
            theirs = ByteBuffer.allocateDirect(BUFFER_BYTES);
        }
        image.read(ours.clear().limit(length), at);
        other.read(theirs.clear().limit(length), at);
        long begin = at;
        while (at < begin + length && !ranges.full) {
            int from = (int) (at - begin);
            int bytes = (int) Math.min(BLOCK - at % BLOCK, length - from);
            boolean differs = ours.slice(from, bytes).mismatch(theirs.slice(from, bytes)) >= 0;
            pass(at + bytes, differs, ranges);
        }
    }

    /** Ranges, those that touch made one. */
    private static final class Ranges {
        private final List<BlockRange> list = new ArrayList<>();
        private final int max;
        private boolean full;

        Ranges(int max) {
            this.max = max;
        }

        /** False when it would be one too many. */
        boolean add(long from, long end) {
            if (!list.isEmpty() && list.getLast().end() == from) {
                BlockRange last = list.removeLast();
                return list.add(new BlockRange(last.offset(), end - last.offset()));
            }
            full = list.size() == max;
            return !full && list.add(new BlockRange(from, end - from));
        }
    }

    @Override
    public void close() {
        image.close();
        base.ifPresent(ImageData::close);
    }
}
