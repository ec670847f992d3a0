package io.berth.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * The bytes of a disk, and what happened to them: each write, discard and flush, in their order. From that the states are
 * made in which a loss of power can leave it. Thread-safe.
 */
final class Disk implements FuseFile.Content {
    private static final int BLOCK = 4096;
    /** What a disk writes whole or not at all. The super blocks of ext4 and btrfs, of up to 4096 bytes, bear no less. */
    private static final int SECTOR = 4096;

    private static final byte[] ZEROS = new byte[BLOCK];

    private final long size;
    /** A block is never changed, but replaced. */
    private byte[][] blocks;

    private final List<Event> log = new ArrayList<>();

    /** What happened to the disk. */
    private sealed interface Event {}

    private static final class Write implements Event {
        final long offset;
        final byte[] bytes;

        Write(long offset, byte[] bytes) {
            this.offset = offset;
            this.bytes = bytes;
        }
    }

    private record Clear(long offset, long length) implements Event {}

    private record Flush() implements Event {}

    /** The bytes of a disk at some moment. */
    static final class State {
        private final byte[][] blocks;

        private State(byte[][] blocks) {
            this.blocks = blocks;
        }

        /** Writes it to a new file, which can be mounted. */
        void save(Path image) {
            try (FileChannel file = FileChannel.open(image, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                for (int i = 0; i < blocks.length; i++) {
                    if (!Arrays.equals(blocks[i], ZEROS) || i == blocks.length - 1) {
                        file.write(ByteBuffer.wrap(blocks[i]), (long) i * BLOCK);
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    Disk(long size) {
        this.size = size;
        this.blocks = new byte[(int) (size / BLOCK)][];
        Arrays.fill(blocks, ZEROS);
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public synchronized void read(long offset, ByteBuffer into) {
        for (long at = offset; into.hasRemaining(); ) {
            int within = (int) (at % BLOCK);
            int length = Math.min(into.remaining(), BLOCK - within);
            into.put(blocks[(int) (at / BLOCK)], within, length);
            at += length;
        }
    }

    @Override
    public synchronized void write(long offset, ByteBuffer from) {
        byte[] bytes = new byte[from.remaining()];
        from.get(bytes);
        Write write = new Write(offset, bytes);
        log.add(write);
        apply(write, blocks);
    }

    @Override
    public synchronized void clear(long offset, long length) {
        Clear clear = new Clear(offset, length);
        log.add(clear);
        apply(clear, blocks);
    }

    @Override
    public synchronized void flush() {
        log.add(new Flush());
    }

    /** How much has happened since the log began; what is durable by then is durable in all states after that. */
    synchronized int now() {
        return log.size();
    }

    /** Forgets what happened; the log begins anew. */
    synchronized State beginLog() {
        log.clear();
        return new State(blocks.clone());
    }

    /** The disk is now as this state. Nothing may have it open. */
    synchronized void become(State state) {
        blocks = state.blocks.clone();
        log.clear();
    }

    /** What happened so far, to make states of it while the disk goes on. */
    synchronized Log log() {
        return new Log(List.copyOf(log));
    }

    /** What may be left of the writes after the last flush. */
    enum Left {
        NONE,
        ALL,
        SOME,
        /** Some, and of those one in four only in part. */
        TORN
    }

    /** What happened to a disk since a state of it. */
    static final class Log {
        private final List<Event> events;

        private Log(List<Event> events) {
            this.events = events;
        }

        int size() {
            return events.size();
        }

        /** How much had happened at the last flush before this moment; 0 when there was none. */
        int lastFlush(int moment) {
            int at = moment;
            while (at > 0 && !(events.get(at - 1) instanceof Flush)) {
                at--;
            }
            return at;
        }

        /** What is on the disk when the power fails at this moment. */
        State stateAt(State begin, int moment, Left left, Random random) {
            byte[][] blocks = begin.blocks.clone();
            int flushed = lastFlush(moment);
            events.subList(0, flushed).forEach(event -> apply(event, blocks));
            for (Event event : events.subList(flushed, moment)) {
                if (left == Left.ALL || (left != Left.NONE && random.nextBoolean())) {
                    if (left == Left.TORN && event instanceof Write write && random.nextInt(4) == 0) {
                        tear(write, blocks, random);
                    } else {
                        apply(event, blocks);
                    }
                }
            }
            return new State(blocks);
        }

        /** A sector is written whole or not at all. */
        private static void tear(Write write, byte[][] blocks, Random random) {
            int end;
            for (int at = 0; at < write.bytes.length; at = end) {
                end = (int) Math.min(SECTOR - (write.offset + at) % SECTOR + at, write.bytes.length);
                if (random.nextBoolean()) {
                    apply(new Write(write.offset + at, Arrays.copyOfRange(write.bytes, at, end)), blocks);
                }
            }
        }
    }

    private static void apply(Event event, byte[][] blocks) {
        switch (event) {
            case Write write -> write(write.offset, write.bytes, blocks);
            case Clear clear -> clear(clear.offset, clear.length, blocks);
            case Flush flush -> {}
        }
    }

    private static void write(long offset, byte[] bytes, byte[][] blocks) {
        for (int done = 0; done < bytes.length; ) {
            int within = (int) ((offset + done) % BLOCK);
            int part = Math.min(bytes.length - done, BLOCK - within);
            int index = (int) ((offset + done) / BLOCK);
            byte[] block = blocks[index].clone();
            System.arraycopy(bytes, done, block, within, part);
            blocks[index] = block;
            done += part;
        }
    }

    private static void clear(long offset, long length, byte[][] blocks) {
        for (long done = 0; done < length; ) {
            int within = (int) ((offset + done) % BLOCK);
            int part = (int) Math.min(length - done, BLOCK - within);
            int index = (int) ((offset + done) / BLOCK);
            if (part == BLOCK) {
                blocks[index] = ZEROS;
            } else {
                byte[] block = blocks[index].clone();
                Arrays.fill(block, within, within + part, (byte) 0);
                blocks[index] = block;
            }
            done += part;
        }
    }
}
