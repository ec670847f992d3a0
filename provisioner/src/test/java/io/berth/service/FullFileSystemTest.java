package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.linux.SystemCallException;
import io.berth.pool.Pool;
import io.berth.pool.PoolCheck;
import io.berth.pool.Pools;
import io.berth.volume.AccessMode;
import io.berth.volume.Attachment;
import io.berth.volume.CapacityRange;
import io.berth.volume.NodeId;
import io.berth.volume.PoolName;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A file system that is full before a copy is whole. */
class FullFileSystemTest {
    private static final NodeId HERE = new NodeId("here");
    private static final Duration LONG = Duration.ofSeconds(60);

    /** Small files, which take more of the disk than they have data, so that what is counted seems to fit. */
    private static final String MANY_SMALL_FILES = "head -c 1400000 /dev/urandom | split -b 200 -a 4 - \"$0/f\"";

    /** Writes a file until nothing more fits, root's reserve included. */
    private static final String FILL = "while dd if=/dev/zero of=ballast oflag=append conv=notrunc bs=64k count=100"
            + " 2>/dev/null; do :; done; sync";

    private static final class Place implements AutoCloseable {
        final TestFileSystem fileSystem;
        final Pools pools;
        final Volumes volumes;
        final Snapshots snapshots;

        Place(String type, long mebibytes) {
            fileSystem = TestFileSystem.mount(type, mebibytes << 20);
            pools = Pools.serving(
                    List.of(TemporaryPool.config(fileSystem.root(), "fast", "local", ",limit=advisory,overcommit=100")),
                    Optional.of(HERE));
            volumes = new Volumes(pools, Clock.systemUTC());
            snapshots = new Snapshots(pools, Clock.systemUTC());
        }

        Pool pool() {
            return pools.get(new PoolName("fast"));
        }

        Volume create(String name, Optional<Source> source) {
            return create(name, source, Map.of());
        }

        Volume create(String name, Optional<Source> source, Map<String, String> parameters) {
            return volumes.create(
                    new Volumes.Wanted(
                            name,
                            CapacityRange.atLeast(1),
                            VolumeParameters.parse(parameters),
                            false,
                            false,
                            Optional.empty(),
                            source),
                    LONG);
        }

        void shell(String script) {
            TestFileSystem.shell(fileSystem.root(), script);
        }

        void leave(long mebibytes) {
            shell(
                    "sync; free=$(stat -fc '%a*%S' .); dd if=/dev/zero of=ballast bs=1M status=none count=$(( (($free) >> 20) - "
                            + mebibytes + " )); sync");
        }

        void assertNothingLeft(long promised) {
            Path records = fileSystem.root().resolve("fast/.berth");
            assertThat(snapshots.find("fast.s")).isEmpty();
            assertThat(volumes.find("fast.r")).isEmpty();
            for (String name : List.of(
                    "creating",
                    "copying",
                    "snapshots/creating",
                    "snapshots/ready",
                    "snapshots/data",
                    "snapshots/copying",
                    "snapshots/by-source")) {
                assertThat(TemporaryPool.names(records.resolve(name))).as(name).isEmpty();
            }
            assertThat(pool().promisedBytes()).isEqualTo(promised);
            List<PoolCheck.Finding> findings = new ArrayList<>();
            PoolCheck.run(pool(), false, findings::add);
            assertThat(findings).isEmpty();
        }

        void emptyTrash() {
            while (pool().trash().reap(10_000).removed() > 0) {
                Thread.onSpinWait();
            }
            assertThat(pool().trash().count()).isZero();
        }

        @Override
        public void close() {
            pools.close();
            fileSystem.close();
        }
    }

    private static Fault isExhausted(ThrowingCallable call) {
        Fault[] thrown = new Fault[1];
        assertThatThrownBy(call).isInstanceOfSatisfying(Fault.class, fault -> {
            assertThat(fault.kind()).as("%s", fault).isEqualTo(Fault.Kind.RESOURCE_EXHAUSTED);
            assertThat(fault.getSuppressed()).isEmpty();
            thrown[0] = fault;
        });
        return thrown[0];
    }

    @Test
    void aCopyThatFillsTheFileSystemIsUndoneAndItsSpaceComesBack() throws Exception {
        try (Place place = new Place("ext4", 64)) {
            Volume volume = place.create("v", Optional.empty());
            Path data = place.volumes.location(volume);
            TestFileSystem.run("sh", "-euc", MANY_SMALL_FILES, data.toString());
            // Without root's reserve what is free is what can be had: more than is counted, less than is taken.
            place.shell("tune2fs -m 0 \"$(findmnt -nro SOURCE -T .)\" >/dev/null");
            place.leave(6);
            long free = place.pool().fileSystem().availableBytes();
            long promised = place.pool().promisedBytes();

            Fault fault =
                    isExhausted(() -> place.snapshots.create(new Snapshots.Wanted("s", "fast.v", Map.of()), LONG));
            assertThat(fault).hasCauseInstanceOf(SystemCallException.class);
            place.assertNothingLeft(promised);
            isExhausted(() -> place.create("r", Optional.of(new Source.OfVolume(volume.id()))));
            place.assertNothingLeft(promised);

            place.emptyTrash();
            assertThat(place.pool().fileSystem().availableBytes()).isGreaterThan(free - (512 << 10));
            Files.delete(place.fileSystem.root().resolve("ballast"));
            assertThat(place.snapshots
                            .create(new Snapshots.Wanted("s", "fast.v", Map.of()), LONG)
                            .ready())
                    .isTrue();
        }
    }

    @Test
    void aCopyLeavesInodesForOthers() {
        try (Place place = new Place("tmpfs", 64)) {
            place.shell("mount -o remount,nr_inodes=600 \"$PWD\"");
            Volume volume = place.create("v", Optional.empty());
            // The copy would fit, and leave fewer than a twentieth of all.
            place.shell("n=$(( $(stat -fc %d .) / 2 - 8 )); cd fast/fast.v; touch $(seq $n)");
            Fault fault =
                    isExhausted(() -> place.snapshots.create(new Snapshots.Wanted("s", "fast.v", Map.of()), LONG));
            assertThat(fault).hasMessageContaining("inodes for");
            place.assertNothingLeft(volume.capacityBytes());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ext4", "btrfs"})
    void onAFileSystemThatIsFullNothingIsBegun(String type) throws Exception {
        try (Place place = new Place(type, type.equals("btrfs") ? 128 : 32)) {
            Volume volume = place.create("v", Optional.empty());
            Files.write(place.volumes.location(volume).resolve("file"), new byte[1 << 20]);
            place.shell(FILL);
            long promised = place.pool().promisedBytes();
            Source source = new Source.OfVolume(VolumeId.parse("fast.v").orElseThrow());
            isExhausted(() -> place.create("r", Optional.of(source)));
            place.assertNothingLeft(promised);
            if (type.equals("ext4")) {
                isExhausted(() -> place.snapshots.create(new Snapshots.Wanted("s", "fast.v", Map.of()), LONG));
                place.assertNothingLeft(promised);
            }
            place.shell("rm -r ballast*; sync");
            assertThat(place.create("r", Optional.of(source)).source()).contains(source);
        }
    }

    /** Fills a file system until it has room neither for a block of data nor for one more name. */
    private static void fillToTheLastName(Path root) throws IOException {
        Path folder = Files.createDirectory(root.resolve("fill"));
        TestFileSystem.shell(root, FILL);
        String longName = "n".repeat(200);
        int failures = 0;
        for (int i = 0; failures < 20; i++) {
            try {
                Files.write(folder.resolve(longName + i), new byte[1 + i % 1500]);
            } catch (IOException e) {
                failures++;
            }
        }
    }

    private static void assertFull(Path root) {
        assertThatThrownBy(() -> Files.write(root.resolve("one-more"), new byte[1 << 16]))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("No space left");
    }

    @ParameterizedTest
    @CsvSource({"ext4,64", "xfs,320", "btrfs,350"})
    void aFullFileSystemKeepsNobodyFromGivingSpaceBack(String type, long mebibytes) throws Exception {
        try (Place place = new Place(type, mebibytes)) {
            Attachments attachments = new Attachments(place.pools, HERE, 0);
            NodeVolumes node = new NodeVolumes(
                    place.pools, place.volumes, new HostPaths(List.of()), InlineRules.DEFAULT, Optional.of(HERE));
            place.create("v", Optional.empty());
            place.create("kept", Optional.empty(), Map.of("onDelete", "archive"));
            place.create("elsewhere", Optional.empty(), Map.of("subDir", "a/b"));
            place.create("image", Optional.empty(), Map.of("format", "image"));
            place.snapshots.create(new Snapshots.Wanted("s", "fast.v", Map.of()), LONG);
            attachments.attach("fast.v", "here", new Attachment(AccessMode.SINGLE_NODE_WRITER, false), Map.of());
            Path staged = place.fileSystem.root().resolve("staged");
            node.stage("fast.v", staged, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of());
            Path spare = place.fileSystem.root().resolve("fast/.berth/spare");
            place.pool().keepSpare();
            assertThat(spare).exists();
            fillToTheLastName(place.fileSystem.root());
            assertFull(place.fileSystem.root());

            node.unstage("fast.v", staged);
            attachments.detach("fast.v", "here");
            assertThat(place.volumes.find("fast.v").orElseThrow().attachments()).isEmpty();
            place.snapshots.delete("fast.s");
            for (String name : List.of("v", "kept", "elsewhere", "image")) {
                place.volumes.delete("fast." + name);
                assertThat(place.volumes.find("fast." + name)).as(name).isEmpty();
            }
            assertThat(place.snapshots.find("fast.s")).isEmpty();
            place.assertNothingLeft(0);

            place.pool().keepSpare(); // does nothing without room
            place.shell("rm -r fill ballast*; sync");
            place.pool().keepSpare();
            assertThat(spare).hasSize(1 << 20);
            assertThat(spare.resolveSibling("spare.part")).doesNotExist();
        }
    }
}
