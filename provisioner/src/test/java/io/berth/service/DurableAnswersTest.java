package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.linux.FailingCalls;
import io.berth.pool.Pool;
import io.berth.pool.PoolCheck;
import io.berth.pool.Pools;
import io.berth.volume.AccessMode;
import io.berth.volume.Attachment;
import io.berth.volume.CapacityRange;
import io.berth.volume.NodeId;
import io.berth.volume.PoolName;
import io.berth.volume.Snapshot;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whoever is told that something was done finds it done after a power cut, also when an earlier call could not say so. */
class DurableAnswersTest {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final long MIB = 1L << 20;

    @TempDir
    Path folder;

    private Pools pools;
    private Volumes volumes;
    private Snapshots snapshots;
    private Path root;
    private Path records;

    @BeforeEach
    void open() {
        open(folder);
    }

    private void open(Path parent) {
        pools = Pools.serving(
                List.of(TemporaryPool.config(parent, "fast", "local", ",size=1Gi")), Optional.of(new NodeId("n")));
        volumes = new Volumes(pools, Clock.systemUTC());
        snapshots = new Snapshots(pools, Clock.systemUTC());
        root = parent.resolve("fast");
        records = root.resolve(".berth");
        pool(); // is opened, and what a start syncs is synced
    }

    @AfterEach
    void close() {
        pools.close();
    }

    private Pool pool() {
        return pools.get(new PoolName("fast"));
    }

    private Volume create(String name, boolean block, Optional<Source> source, Map<String, String> parameters) {
        return volumes.create(
                new Volumes.Wanted(
                        name,
                        CapacityRange.atLeast(MIB),
                        VolumeParameters.parse(parameters),
                        false,
                        block,
                        Optional.empty(),
                        source),
                LONG);
    }

    private Volume volume(Map<String, String> parameters) {
        return create("v", false, Optional.empty(), parameters);
    }

    private Volume withFile() throws IOException {
        Volume volume = volume(Map.of());
        Files.writeString(volumes.location(volume).resolve("file"), "of v");
        return volume;
    }

    private Snapshot snapshot(String name) {
        return snapshots.create(new Snapshots.Wanted(name, "fast.v", Map.of()), LONG);
    }

    private Volume restore(Snapshot snapshot) {
        return create("r", false, Optional.of(new Source.OfSnapshot(snapshot.id())), Map.of());
    }

    /** Holds when the call fails while the disk does, at this place, and when its repeat works and waits for this place. */
    private void failsThenSyncs(Predicate<Path> place, Runnable call) {
        try (FailingCalls fsync = FailingCalls.fail("fsync", place)) {
            assertThatThrownBy(call::run).isInstanceOf(Fault.class).hasMessageContaining("EIO");
        }
        try (FailingCalls fsync = FailingCalls.watch("fsync")) {
            call.run();
            assertThat(fsync.files()).anyMatch(place);
        }
        nothingIsLeft();
    }

    private void nothingIsLeft() {
        List<PoolCheck.Finding> findings = new ArrayList<>();
        PoolCheck.run(pool(), false, findings::add);
        assertThat(findings).isEmpty();
    }

    private static Predicate<Path> named(String name) {
        return file -> file.endsWith(name);
    }

    @ParameterizedTest
    @CsvSource({"creating,delete", "volumes,delete", "fast,delete", "paths,retain", "volumes,retain"})
    void aVolume(String place, String onDelete) {
        failsThenSyncs(named(place), () -> volume(Map.of("onDelete", onDelete, "subDir", "a")));
        assertThat(root.resolve("a")).isDirectory();
    }

    @Test
    void aRecordWhoseSyncFailedIsWrittenAnew() {
        failsThenSyncs(named("volumes"), () -> volume(Map.of()));
        try (FailingCalls fsync = FailingCalls.watch("fsync")) {
            assertThat(volume(Map.of()).id()).hasToString("fast.v");
            assertThat(fsync.files()).anyMatch(named("tmp/fast.v.json"));
        }
    }

    @ParameterizedTest
    @CsvSource({"deleting,delete", "trash,delete", "archived,retain", "archived,archive", "fast,archive"})
    void aDelete(String place, String onDelete) {
        volume(Map.of("onDelete", onDelete));
        failsThenSyncs(named(place), () -> volumes.delete("fast.v"));
        assertThat(volumes.find("fast.v")).isEmpty();
    }

    @Test
    void theDeleteOfAVolumeWithAPath() {
        volume(Map.of("onDelete", "retain", "subDir", "in/a"));
        failsThenSyncs(named("paths/in"), () -> volumes.delete("fast.v"));
        assertThat(records.resolve("paths/in")).doesNotExist();
    }

    @Test
    void thatThereIsNoVolume() {
        try (FailingCalls fsync = FailingCalls.watch("fsync")) {
            volumes.delete("fast.v");
            assertThat(fsync.files()).anyMatch(named("volumes"));
        }
    }

    @Test
    void aDeleteThatWasKilledAfterTheDataWasMoved() throws Exception {
        volume(Map.of());
        Files.move(records.resolve("volumes/fast.v.json"), records.resolve("deleting/fast.v.json"));
        Files.move(root.resolve("fast.v"), records.resolve("trash/fast.v@0000"));
        try (FailingCalls fsync = FailingCalls.watch("fsync")) {
            volumes.delete("fast.v");
            assertThat(fsync.files()).anyMatch(named("deleting")).anyMatch(named("trash"));
        }
    }

    @Test
    void anExpansion() {
        create("v", true, Optional.empty(), Map.of());
        failsThenSyncs(named("volume.img"), () -> volumes.expand("fast.v", CapacityRange.atLeast(2 * MIB)));
        failsThenSyncs(named("volumes"), () -> volumes.expand("fast.v", CapacityRange.atLeast(3 * MIB)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"volumes", "nodes/n"})
    void anAttachment(String place) {
        volume(Map.of());
        Attachments attachments = new Attachments(pools, new NodeId("n"), 0);
        failsThenSyncs(
                named(place),
                () -> attachments.attach(
                        "fast.v", "n", new Attachment(AccessMode.SINGLE_NODE_WRITER, false), Map.of()));
        assertThat(records.resolve("nodes/n/fast.v")).exists();
        failsThenSyncs(named("volumes"), () -> attachments.detach("fast.v", "n"));
        assertThat(records.resolve("nodes/n")).isEmptyDirectory();
    }

    @ParameterizedTest
    @ValueSource(strings = {"snapshots/creating", "by-source/fast.v", "snapshots/data", "snapshots/ready"})
    void aSnapshotHasItsData(String place) throws Exception {
        withFile();
        failsThenSyncs(named(place), () -> assertThat(snapshot("s").ready()).isTrue());
        assertThat(volumes.location(restore(snapshot("s"))).resolve("file")).hasContent("of v");
        assertThat(pool().promisedBytes()).isEqualTo(2 * MIB + snapshot("s").usedBytes());
    }

    @ParameterizedTest
    @ValueSource(strings = {"snapshots/deleting", "trash"})
    void theDeleteOfASnapshot(String place) throws Exception {
        withFile();
        snapshot("s");
        failsThenSyncs(named(place), () -> snapshots.delete("fast.s"));
        assertThat(snapshots.find("fast.s")).isEmpty();
        try (FailingCalls fsync = FailingCalls.watch("fsync")) {
            snapshots.delete("fast.s");
            assertThat(fsync.files()).anyMatch(named("snapshots/ready"));
        }
    }

    @ParameterizedTest
    @CsvSource({"t, fast.v", "s, by-source"})
    void theDeleteOfASnapshotOfAVolumeThatHasOthersOrNone(String other, String place) {
        pools.close();
        try (TestFileSystem fileSystem = TestFileSystem.mount("btrfs", 512 * MIB)) {
            open(fileSystem.root());
            try {
                volume(Map.of());
                snapshot("s");
                snapshot(other);
                failsThenSyncs(named(place), () -> snapshots.delete("fast.s"));
            } finally {
                pools.close();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"fast", "creating", "volumes"})
    void aRestore(String place) throws Exception {
        withFile();
        Snapshot snapshot = snapshot("s");
        failsThenSyncs(named(place), () -> restore(snapshot));
        assertThat(root.resolve("fast.r/file")).hasContent("of v");
    }

    @Test
    void aRestoreThatFailedLateCanBeDeleted() throws Exception {
        withFile();
        Snapshot snapshot = snapshot("s");
        try (FailingCalls fsync = FailingCalls.fail("fsync", root::equals)) {
            assertThatThrownBy(() -> restore(snapshot)).isInstanceOf(Fault.class);
        }
        volumes.delete("fast.r");
        assertThat(root.resolve("fast.r")).doesNotExist();
        nothingIsLeft();
    }

    @Test
    void whatIsOnlyNotedForPeopleFailsNoCopy() throws Exception {
        withFile();
        snapshot("s");
        try (FailingCalls readlink =
                FailingCalls.fail("readlinkat", file -> file.toString().contains("/rungs/"))) {
            assertThat(snapshot("t").ready()).isTrue();
            assertThat(root.resolve(restore(snapshot("t")).path().toPath()).resolve("file"))
                    .hasContent("of v");
            assertThat(readlink.files()).isNotEmpty();
        }
        nothingIsLeft();
    }

    @Test
    void aSnapshotIsNotReadyBeforeItsRecordIsOnDisk() throws Exception {
        withFile();
        CountDownLatch waiting = new CountDownLatch(1);
        CountDownLatch disk = new CountDownLatch(1);
        CompletableFuture<Snapshot> first;
        try (FailingCalls fsync = FailingCalls.fail("fsync", file -> {
            if (file.endsWith("snapshots/ready")) {
                waiting.countDown();
                await(disk);
            }
            return false;
        })) {
            first = CompletableFuture.supplyAsync(() -> snapshot("s"));
            await(waiting);
            assertThat(snapshots
                            .create(new Snapshots.Wanted("s", "fast.v", Map.of()), Duration.ZERO)
                            .ready())
                    .isFalse();
            disk.countDown();
            assertThat(first.join().ready()).isTrue();
        }
        assertThat(snapshot("s").ready()).isTrue();
    }

    @Test
    void aCopyIsNoVolumeBeforeItsRecordIsOnDisk() throws Exception {
        withFile();
        Snapshot snapshot = snapshot("s");
        CountDownLatch waiting = new CountDownLatch(1);
        CountDownLatch disk = new CountDownLatch(1);
        try (FailingCalls fsync = FailingCalls.fail("fsync", file -> {
            if (file.endsWith(".berth/volumes")) {
                waiting.countDown();
                await(disk);
            }
            return false;
        })) {
            CompletableFuture<Volume> first = CompletableFuture.supplyAsync(() -> restore(snapshot));
            await(waiting);
            assertThat(volumes.find("fast.r")).isPresent();
            assertThatThrownBy(() -> volumes.create(
                            new Volumes.Wanted(
                                    "r",
                                    CapacityRange.atLeast(MIB),
                                    VolumeParameters.parse(Map.of()),
                                    false,
                                    false,
                                    Optional.empty(),
                                    Optional.of(new Source.OfSnapshot(snapshot.id()))),
                            Duration.ZERO))
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.BUSY));
            disk.countDown();
            assertThat(first.join().id()).isEqualTo(new VolumeId(new PoolName("fast"), "r"));
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aStartMakesDurableWhatAKilledProcessDidNot() {
        volume(Map.of());
        pools.close();
        try (FailingCalls fsync = FailingCalls.watch("fsync")) {
            open();
            for (String name : List.of(
                    "volumes",
                    "creating",
                    "deleting",
                    "archived",
                    "trash",
                    "nodes",
                    "copying",
                    "snapshots/ready",
                    "snapshots/creating",
                    "snapshots/deleting",
                    "snapshots/data",
                    "groups/ready")) {
                assertThat(fsync.files()).as(name).anyMatch(named(name));
            }
        }
    }

    /** What a call waits for is what a user of the driver waits for. */
    @ParameterizedTest
    @CsvSource({
        "ext4, creating fast.v fast volumes, deleting trash",
        "xfs, creating fast.v fast volumes, deleting trash",
        "btrfs, creating fast.v fast volumes creating, deleting volumes trash fast"
    })
    void aCreateAndADeleteWaitForEachFolderOnce(String type, String ofCreate, String ofDelete) {
        pools.close();
        try (TestFileSystem fileSystem = TestFileSystem.mount(type, 512 * MIB)) {
            open(fileSystem.root());
            try {
                assertThat(synced(() -> volume(Map.of("limit", "advisory")))).isEqualTo(ofCreate);
                assertThat(synced(() -> volumes.delete("fast.v"))).isEqualTo(ofDelete);
            } finally {
                pools.close();
            }
        }
    }

    private static String synced(Runnable call) {
        try (FailingCalls fsync = FailingCalls.watch("fsync")) {
            call.run();
            return String.join(
                    " ",
                    fsync.files().stream()
                            .map(file -> file.getFileName().toString())
                            .filter(name -> !name.endsWith(".json"))
                            .toList());
        }
    }
}
