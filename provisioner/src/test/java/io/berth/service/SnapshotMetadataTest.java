package io.berth.service;

import static io.berth.TestFileSystem.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.pool.Pools;
import io.berth.volume.BlockRange;
import io.berth.volume.CapacityRange;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which blocks of snapshots hold data and which differ, held against a plain comparison of the files. */
@Timeout(120)
class SnapshotMetadataTest {
    private static final int MIB = 1 << 20;
    private static final int SIZE = 24 * MIB + 3 * 512; // no whole number of blocks of 4 KiB
    private static final Duration LONG = Duration.ofSeconds(60);

    private Optional<TestFileSystem> fileSystem = Optional.empty();
    private Path folder = Path.of("/");
    private Pools pools = Pools.serving(List.of());
    private Volumes volumes = new Volumes(pools, Clock.systemUTC());
    private Snapshots snapshots = new Snapshots(pools, Clock.systemUTC());
    private SnapshotMetadata metadata = new SnapshotMetadata(pools);

    private void open(String type) throws IOException {
        TestFileSystem made = TestFileSystem.mount(type, 512L << 20);
        fileSystem = Optional.of(made);
        folder = made.root();
        pools = Pools.serving(List.of(TemporaryPool.config(folder, "fast", "local", "")));
        volumes = new Volumes(pools, Clock.systemUTC());
        snapshots = new Snapshots(pools, Clock.systemUTC());
        metadata = new SnapshotMetadata(pools);
    }

    @AfterEach
    void close() {
        pools.close();
        fileSystem.ifPresent(TestFileSystem::close);
    }

    private Volume raw(String name) {
        return volumes.create(new Volumes.Wanted(
                name,
                CapacityRange.atLeast(SIZE),
                VolumeParameters.parse(Map.of()),
                false,
                true,
                Optional.empty(),
                Optional.empty()));
    }

    private Path image(Volume volume) {
        return volumes.location(volume).resolve("volume.img");
    }

    private void snapshot(String name, String source) {
        snapshots.create(new Snapshots.Wanted(name, source, Map.of()), LONG);
    }

    private Path data(String snapshot) {
        return folder.resolve("fast/.berth/snapshots/data/" + snapshot + "/volume.img");
    }

    private static void write(Path image, long offset, byte[] bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(image, StandardOpenOption.WRITE)) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                channel.write(buffer, offset + buffer.position());
            }
        }
    }

    private static byte[] noise(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private static void writeHereAndThere(Path image, Random random) throws IOException {
        for (int i = 0; i < 40; i++) {
            write(image, random.nextInt(SIZE - 20_000), noise(random, 1 + random.nextInt(20_000)));
        }
        write(image, SIZE - 5, noise(random, 5));
    }

    private static List<BlockRange> all(SnapshotMetadata.Blocks opened, int max) {
        try (opened) {
            List<BlockRange> all = new ArrayList<>();
            while (!opened.done()) {
                List<BlockRange> some = opened.next(max);
                assertThat(some).hasSizeLessThanOrEqualTo(max);
                all.addAll(some);
            }
            return all;
        }
    }

    /** They follow each other, and end within the volume. */
    private static void areInOrder(List<BlockRange> ranges, long from) {
        long end = from;
        for (BlockRange range : ranges) {
            assertThat(range.length()).isPositive();
            assertThat(range.offset()).isGreaterThanOrEqualTo(end);
            end = range.end();
        }
        assertThat(end).isLessThanOrEqualTo(SIZE);
    }

    private static boolean[] covered(List<BlockRange> ranges) {
        boolean[] covered = new boolean[SIZE];
        ranges.forEach(range -> Arrays.fill(covered, (int) range.offset(), (int) range.end(), true));
        return covered;
    }

    private static void hasEveryDifference(List<BlockRange> ranges, byte[] before, byte[] after) {
        boolean[] covered = covered(ranges);
        for (int i = 0; i < SIZE; i++) {
            if (!covered[i] && before[i] != after[i]) {
                throw new AssertionError("byte " + i + " differs and is in no range");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"xfs", "btrfs", "ext4", "tmpfs"})
    void blocksAreTheSameAsThoseOfAPlainComparison(String type) throws Exception {
        open(type);
        Random random = new Random(7);
        Path image = image(raw("v"));
        writeHereAndThere(image, random);
        snapshot("s1", "fast.v");
        writeHereAndThere(image, random);
        run("fallocate", "--punch-hole", "--offset", "4194304", "--length", "1048576", image.toString());
        // The same again, in other blocks of the device.
        byte[] same = new byte[8192];
        ByteBuffer.wrap(Files.readAllBytes(image)).get(12 * MIB, same);
        write(image, 12L * MIB, same);
        snapshot("s2", "fast.v");
        byte[] zeros = new byte[SIZE];
        byte[] first = Files.readAllBytes(data("fast.s1"));
        byte[] second = Files.readAllBytes(data("fast.s2"));

        List<BlockRange> allocated = all(metadata.allocated("fast.s1", 0), 100);
        areInOrder(allocated, 0);
        hasEveryDifference(allocated, zeros, first);
        long bytes = allocated.stream().mapToLong(BlockRange::length).sum();
        assertThat(bytes).isLessThanOrEqualTo(Files.size(data("fast.s1")) / 2);

        List<BlockRange> changed = all(metadata.changed("fast.s1", "fast.s2", 0), 100);
        areInOrder(changed, 0);
        hasEveryDifference(changed, first, second);
        assertThat(changed)
                .allSatisfy(range -> assertThat(Arrays.equals(
                                first, (int) range.offset(), (int) range.end(), second, (int) range.offset(), (int)
                                        range.end()))
                        .isFalse());
        assertThat(all(metadata.changed("fast.s2", "fast.s2", 0), 100)).isEmpty();
        assertThat(covered(all(metadata.changed("fast.s1", "fast.s2", 0), 1))).isEqualTo(covered(changed));
    }

    @ParameterizedTest
    @ValueSource(strings = {"xfs", "ext4"})
    void whatBrokeOffIsContinuedAnywhere(String type) throws Exception {
        open(type);
        Random random = new Random(8);
        Path image = image(raw("v"));
        writeHereAndThere(image, random);
        snapshot("s1", "fast.v");
        writeHereAndThere(image, random);
        snapshot("s2", "fast.v");
        boolean[] whole = covered(all(metadata.changed("fast.s1", "fast.s2", 0), 10));
        for (int from : new int[] {1, 4095, 5 * MIB + 17, SIZE - 1, SIZE}) {
            List<BlockRange> rest = all(metadata.changed("fast.s1", "fast.s2", from), 10);
            areInOrder(rest, from);
            boolean[] expected = whole.clone();
            Arrays.fill(expected, 0, from, false);
            assertThat(covered(rest)).isEqualTo(expected);
        }
    }

    @Test
    void aSnapshotOfALargerVolumeIsComparedToItsEnd() throws Exception {
        open("xfs");
        Volume volume = raw("v");
        write(image(volume), 0, noise(new Random(9), 4096));
        snapshot("s1", "fast.v");
        volumes.expand("fast.v", CapacityRange.atLeast(32L * MIB));
        write(image(volume), 30L * MIB, noise(new Random(9), 4096));
        snapshot("s2", "fast.v");
        assertThat(all(metadata.changed("fast.s1", "fast.s2", 0), 10)).containsExactly(new BlockRange(30 * MIB, 4096));
        try (SnapshotMetadata.Blocks blocks = metadata.changed("fast.s1", "fast.s2", 0)) {
            assertThat(blocks.capacityBytes()).isEqualTo(32 * MIB);
        }
    }

    @Test
    void whatCannotBeToldIsRefused() throws Exception {
        open("xfs");
        raw("v");
        raw("w");
        snapshot("v1", "fast.v");
        snapshot("v2", "fast.v");
        snapshot("w1", "fast.w");
        volumes.create(new Volumes.Wanted(
                "d",
                CapacityRange.atLeast(MIB),
                VolumeParameters.parse(Map.of("format", "directory", "limit", "advisory")),
                false,
                false,
                Optional.empty(),
                Optional.empty()));
        snapshot("d1", "fast.d");
        refused(Fault.Kind.NOT_FOUND, () -> metadata.allocated("fast.none", 0));
        refused(Fault.Kind.NOT_FOUND, () -> metadata.allocated("../x", 0));
        refused(Fault.Kind.NOT_FOUND, () -> metadata.changed("fast.v1", "none.x", 0));
        refused(Fault.Kind.FAILED_PRECONDITION, () -> metadata.allocated("fast.d1", 0));
        refused(Fault.Kind.OUT_OF_RANGE, () -> metadata.allocated("fast.v1", -1));
        refused(Fault.Kind.OUT_OF_RANGE, () -> metadata.allocated("fast.v1", SIZE + 1));
        refused(Fault.Kind.OUT_OF_RANGE, () -> metadata.changed("fast.v1", "fast.v2", SIZE + 1));
        refused(Fault.Kind.INVALID_ARGUMENT, () -> metadata.changed("fast.v1", "fast.w1", 0));
        refused(Fault.Kind.INVALID_ARGUMENT, () -> metadata.changed("fast.v2", "fast.v1", 0));
        snapshots.delete("fast.v1"); // no refusal keeps it
    }

    private static void refused(Fault.Kind kind, Runnable call) {
        Consumer<Throwable> isOfKind = thrown -> assertThat(thrown)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(kind));
        assertThatThrownBy(call::run).satisfies(isOfKind);
    }

    @Test
    void whatIsBeingToldIsNotDeleted() throws Exception {
        open("xfs");
        raw("v");
        snapshot("s", "fast.v");
        try (SnapshotMetadata.Blocks blocks = metadata.allocated("fast.s", 0)) {
            refused(Fault.Kind.BUSY, () -> snapshots.delete("fast.s"));
            assertThat(blocks.next(1)).isEmpty();
        }
        snapshots.delete("fast.s");
    }
}
