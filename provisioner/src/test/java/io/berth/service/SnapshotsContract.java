package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.copy.Progress;
import io.berth.copy.Rung;
import io.berth.fault.Fault;
import io.berth.pool.Copies;
import io.berth.pool.Pool;
import io.berth.pool.PoolCheck;
import io.berth.pool.Pools;
import io.berth.volume.CapacityRange;
import io.berth.volume.FormatName;
import io.berth.volume.PoolName;
import io.berth.volume.Snapshot;
import io.berth.volume.SnapshotId;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Snapshots, restores and clones of directories, on any file system. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class SnapshotsContract {
    private static final long MIB = 1L << 20;
    private static final Duration LONG = Duration.ofSeconds(60);

    private final String type;
    private final long bytes;
    private final Rung rung;
    private TestFileSystem fileSystem;
    private Path folder = Path.of("/");
    private Pools pools;
    private Volumes volumes;
    Snapshots snapshots;
    private Path fast;

    /**
     * On a file system made for it.
     *
     * @param rung how directories are copied there
     */
    SnapshotsContract(String type, long bytes, Rung rung) {
        this.type = type;
        this.bytes = bytes;
        this.rung = rung;
    }

    @BeforeAll
    void mount() {
        fileSystem = TestFileSystem.mount(type, bytes);
    }

    @AfterAll
    void unmount() {
        fileSystem.close();
    }

    /** Whether copies are instant and share all data, so that how much there is of it is not known. */
    private boolean hasSubvolumes() {
        return rung == Rung.SNAPSHOT;
    }

    @BeforeEach
    void makeFolder() throws Exception {
        folder = Files.createTempDirectory(fileSystem.root(), "pools");
        open();
    }

    private void open() {
        pools = Pools.serving(List.of(
                TemporaryPool.config(folder, "fast", "local", ",size=1Gi,limit=advisory"),
                TemporaryPool.config(folder, "shared", "hostpath", ",size=1Gi")));
        volumes = new Volumes(pools, Clock.systemUTC());
        snapshots = new Snapshots(pools, Clock.systemUTC());
        fast = folder.resolve("fast");
    }

    @AfterEach
    void close() {
        pools.close();
    }

    private void restart() {
        pools.close();
        open();
    }

    final Volume volume(String name, String... parameters) throws Exception {
        Volume volume = volumes.create(wanted(name, Optional.empty(), MIB, parameters));
        Files.writeString(volumes.location(volume).resolve("file"), "of " + name);
        return volume;
    }

    private static Volumes.Wanted wanted(String name, Optional<Source> source, long bytes, String... parameters) {
        Map<String, String> strings = new HashMap<>(source.isPresent() ? Map.of() : Map.of("pool", "fast"));
        for (int i = 0; i < parameters.length; i += 2) {
            strings.put(parameters[i], parameters[i + 1]);
        }
        CapacityRange range = bytes == 0 ? CapacityRange.ANY : CapacityRange.atLeast(bytes);
        return new Volumes.Wanted(name, range, VolumeParameters.parse(strings), false, false, Optional.empty(), source);
    }

    final Volume from(String name, Source source, long bytes, String... parameters) {
        return volumes.create(wanted(name, Optional.of(source), bytes, parameters), LONG);
    }

    private static Source of(Snapshot snapshot) {
        return new Source.OfSnapshot(snapshot.id());
    }

    final Snapshot snapshot(String name, String source) {
        return snapshots.create(new Snapshots.Wanted(name, source, Map.of()), LONG);
    }

    private Pool pool(String name) {
        return pools.get(new PoolName(name));
    }

    final Path file(Volume volume) {
        return volumes.location(volume).resolve("file");
    }

    final Path data(Snapshot snapshot) {
        return fast.resolve(".berth/snapshots/data").resolve(snapshot.id().toString());
    }

    private static Consumer<Throwable> kind(Fault.Kind kind) {
        return thrown -> assertThat(thrown)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(kind));
    }

    private List<String> inUse(String folderOfRecords) {
        return TemporaryPool.names(fast.resolve(".berth").resolve(folderOfRecords));
    }

    private List<PoolCheck.Finding> findings() {
        List<PoolCheck.Finding> findings = new ArrayList<>();
        PoolCheck.run(pool("fast"), false, findings::add);
        return findings;
    }

    @Test
    void aSnapshotIsMadeOnceAndFoundAgain() throws Exception {
        volume("v");
        Snapshot snapshot = snapshot("s", "fast.v");
        assertThat(snapshot.ready()).isTrue();
        assertThat(snapshot.id()).hasToString("fast.s");
        assertThat(snapshot.capacityBytes()).isEqualTo(MIB);
        assertThat(snapshot("s", "fast.v")).isEqualTo(snapshot);
        restart();
        assertThat(snapshots.get("fast.s")).isEqualTo(snapshot);
        assertThat(findings()).isEmpty();
    }

    @Test
    void theNameOfAnotherVolumesSnapshotIsTaken() throws Exception {
        volume("v");
        volume("w");
        snapshot("s", "fast.v");
        assertThatThrownBy(() -> snapshot("s", "fast.w")).satisfies(kind(Fault.Kind.ALREADY_EXISTS));
    }

    @Test
    void aVolumeAndASnapshotMayHaveOneName() throws Exception {
        volume("x");
        Snapshot snapshot = snapshot("x", "fast.x");
        volumes.delete("fast.x");
        assertThat(from("y", of(snapshot), 0).id()).hasToString("fast.y");
        assertThat(from("x", of(snapshot), 0).id()).hasToString("fast.x");
    }

    @Test
    void aRestoredVolumeHoldsWhatItsSourceHeldThen() throws Exception {
        Volume volume = volume("v");
        Snapshot snapshot = snapshot("s", "fast.v");
        Files.writeString(file(volume), "changed since");
        Volume restored = from("r", of(snapshot), 0);
        assertThat(file(restored)).hasContent("of v");
        assertThat(restored.source()).contains(of(snapshot));
        assertThat(restored.capacityBytes()).isEqualTo(MIB);
        Files.writeString(file(restored), "another life");
        assertThat(file(from("r2", of(snapshot), 0))).hasContent("of v");
        assertThat(from("r", of(snapshot), 0)).isEqualTo(restored);
        assertThatThrownBy(() -> volumes.create(wanted("r", Optional.empty(), MIB)))
                .satisfies(kind(Fault.Kind.ALREADY_EXISTS));
    }

    @Test
    void aCloneHoldsWhatItsSourceHolds() throws Exception {
        Volume volume = volume("v", "uid", "1000", "mode", "0750");
        Volume clone = from("c", new Source.OfVolume(volume.id()), 0);
        assertThat(file(clone)).hasContent("of v");
        assertThat(clone.ownership()).isEqualTo(volume.ownership());
        assertThat(Files.getAttribute(volumes.location(clone), "unix:uid")).isEqualTo(1000);
        volumes.delete("fast.v");
        assertThat(file(clone)).hasContent("of v");
        Volume given = from("d", new Source.OfVolume(clone.id()), 0, "gid", "7");
        assertThat(given.ownership().uid()).isEqualTo(1000);
        assertThat(Files.getAttribute(volumes.location(given), "unix:gid")).isEqualTo(7);
        assertThat(from("d", new Source.OfVolume(clone.id()), 0, "gid", "7")).isEqualTo(given);
    }

    @Test
    void aRestoreMayBeLargerThanItsSourceButNeverSmaller() throws Exception {
        volume("v");
        Snapshot snapshot = snapshot("s", "fast.v");
        assertThat(from("large", of(snapshot), 3 * MIB).capacityBytes()).isEqualTo(3 * MIB);
        Volume small = from("small", of(snapshot), MIB - 1);
        assertThat(small.capacityBytes()).isEqualTo(MIB);
        assertThat(from("small", of(snapshot), MIB - 1)).isEqualTo(small);
        assertThat(limited("open", of(snapshot), new CapacityRange(0, 9 * MIB)).capacityBytes())
                .isEqualTo(MIB);
        assertThatThrownBy(() -> limited("none", of(snapshot), new CapacityRange(1, MIB - 1)))
                .satisfies(kind(Fault.Kind.OUT_OF_RANGE))
                .hasMessageContaining("limit_bytes " + (MIB - 1));
        assertThat(volumes.find("fast.none")).isEmpty();
    }

    private Volume limited(String name, Source source, CapacityRange range) {
        Volumes.Wanted wanted = wanted(name, Optional.of(source), 0);
        return volumes.create(
                new Volumes.Wanted(
                        name, range, wanted.parameters(), false, false, Optional.empty(), Optional.of(source)),
                LONG);
    }

    @Test
    void aDirectoryIsRestoredInAnotherPoolButNotAsAnotherFormat() throws Exception {
        volume("v");
        Snapshot snapshot = snapshot("s", "fast.v");
        Volume elsewhere = from("r", of(snapshot), 0, "pool", "shared");
        assertThat(elsewhere.id()).hasToString("shared.r");
        assertThat(file(elsewhere)).hasContent("of v");
        assertThatThrownBy(() -> from("i", of(snapshot), 0, "format", "image"))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageContaining("directory");
    }

    @Test
    void aSnapshotLivesOnWithoutItsVolume() throws Exception {
        volume("v");
        Snapshot snapshot = snapshot("s", "fast.v");
        volumes.delete("fast.v");
        assertThat(snapshot("s", "fast.v")).isEqualTo(snapshot);
        assertThatThrownBy(() -> snapshot("t", "fast.v")).satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThat(file(from("v", of(snapshot), 0))).hasContent("of v");
    }

    @Test
    void aDeletedSnapshotIsGoneAndDeletedAgain() throws Exception {
        volume("v");
        Snapshot snapshot = snapshot("s", "fast.v");
        snapshots.delete("fast.s");
        snapshots.delete("fast.s");
        assertThat(snapshots.find("fast.s")).isEmpty();
        assertThatThrownBy(() -> from("r", of(snapshot), 0)).satisfies(kind(Fault.Kind.NOT_FOUND));
        for (String empty : List.of("snapshots/data", "snapshots/ready", "snapshots/deleting", "snapshots/by-source")) {
            assertThat(inUse(empty)).isEmpty();
        }
        assertThat(inUse("trash")).hasSizeLessThanOrEqualTo(1); // where it goes without the trash, none
        assertThat(findings()).isEmpty();
    }

    @Test
    void whatASnapshotHoldsCountsAgainstThePool() throws Exception {
        Volume volume = volume("v");
        Files.write(volumes.location(volume).resolve("more"), new byte[300_000]);
        long before = pool("fast").promisedBytes();
        Snapshot snapshot = snapshot("s", "fast.v");
        long data = 300_000L + "of v".length() + 3 * 512; // and the blocks of the folder
        assertThat(snapshot.usedBytes()).isBetween(hasSubvolumes() ? MIB : data, hasSubvolumes() ? MIB : data + 4096);
        assertThat(pool("fast").promisedBytes()).isEqualTo(before + snapshot.usedBytes());
        restart();
        assertThat(pool("fast").promisedBytes()).isEqualTo(before + snapshot.usedBytes());
        snapshots.delete("fast.s");
        assertThat(pool("fast").promisedBytes()).isEqualTo(before);
    }

    @Test
    void aSnapshotForWhichThereIsNoRoomLeavesNothing() throws Exception {
        pools.close();
        pools = Pools.serving(List.of(TemporaryPool.config(folder, "tight", "local", ",size=2Mi,limit=advisory")));
        volumes = new Volumes(pools, Clock.systemUTC());
        snapshots = new Snapshots(pools, Clock.systemUTC());
        long bytes = hasSubvolumes() ? 3 * MIB / 2 : MIB;
        Volume volume = volumes.create(wanted("v", Optional.empty(), bytes, "pool", "tight"));
        Files.write(volumes.location(volume).resolve("file"), new byte[3 << 20]);
        assertThatThrownBy(() -> snapshot("s", "tight.v")).satisfies(kind(Fault.Kind.RESOURCE_EXHAUSTED));
        assertThat(snapshots.find("tight.s")).isEmpty();
        Path records = folder.resolve("tight/.berth");
        for (String empty : List.of("data", "copying", "creating", "ready", "by-source")) {
            assertThat(TemporaryPool.names(records.resolve("snapshots").resolve(empty)))
                    .isEmpty();
        }
        assertThat(pool("tight").promisedBytes()).isEqualTo(bytes);
        assertThatThrownBy(() -> from("c", new Source.OfVolume(volume.id()), 0))
                .satisfies(kind(Fault.Kind.RESOURCE_EXHAUSTED));
        assertThat(TemporaryPool.names(records.resolve("copying"))).isEmpty();
        assertThat(TemporaryPool.names(folder.resolve("tight"))).containsExactly(".berth", "tight.v");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "../x", "a/b", "fast.../x", "fast.", "nopool.x", "fast.\0", "fast.x\n", "/etc", "fast.s/../t"
            })
    void idsThatNoSnapshotHasAreNoSnapshots(String id) throws Exception {
        volume("v");
        snapshot("s", "fast.v");
        snapshots.delete(id);
        assertThat(snapshots.find(id)).isEmpty();
        assertThatThrownBy(() -> snapshot("t", id)).satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThat(snapshots.list(Optional.of(id), "", 0).snapshots()).isEmpty();
        assertThat(snapshots.find("fast.s")).isPresent();
    }

    @Test
    void namesOutsideTheGrammarAreHashed() throws Exception {
        volume("v");
        Snapshot snapshot = snapshot("../ü/" + "x".repeat(100), "fast.v");
        assertThat(snapshot.id().name()).startsWith("sha256-");
        assertThat(snapshot(snapshot.requestedName(), "fast.v")).isEqualTo(snapshot);
        assertThatThrownBy(() -> snapshot("x".repeat(129), "fast.v")).satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        assertThatThrownBy(() -> snapshot("", "fast.v")).satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
    }

    @Test
    void onlyWhatTheSnapshotterAddsIsAParameter() throws Exception {
        volume("v");
        Map<String, String> added = Map.of("csi.storage.k8s.io/volumesnapshot/name", "backup");
        assertThat(snapshots
                        .create(new Snapshots.Wanted("s", "fast.v", added), LONG)
                        .parameters())
                .isEqualTo(added);
        assertThatThrownBy(() -> snapshots.create(new Snapshots.Wanted("t", "fast.v", Map.of("cheap", "yes")), LONG))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageContaining("cheap");
    }

    @Test
    void howCopiesAreMadeIsRememberedFromTheFirstThatHasData() throws Exception {
        assertThat(pool("fast").rungs().last(FormatName.DIRECTORY)).isEmpty();
        volumes.create(wanted("empty", Optional.empty(), MIB));
        snapshot("s", "fast.empty");
        assertThat(pool("fast").rungs().last(FormatName.DIRECTORY))
                .isEqualTo(hasSubvolumes() ? Optional.of(Rung.SNAPSHOT) : Optional.empty());
        volume("v");
        snapshot("t", "fast.v");
        restart();
        assertThat(pool("fast").rungs().last(FormatName.DIRECTORY)).contains(rung);
        Path word = fast.resolve(".berth/rungs/directory");
        Files.delete(word);
        Source source = new Source.OfVolume(VolumeId.parse("fast.v").orElseThrow());
        from("r", source, 0, "pool", "shared");
        assertThat(pool("shared").rungs().last(FormatName.DIRECTORY)).isEmpty();
        from("r", source, 0);
        assertThat(pool("fast").rungs().last(FormatName.DIRECTORY)).contains(rung);
        Files.delete(word);
        Files.createSymbolicLink(word, Path.of("/etc"));
        assertThat(pool("fast").rungs().last(FormatName.DIRECTORY)).isEmpty();
    }

    @Test
    void pagesListEachSnapshotOnce() throws Exception {
        volume("v");
        volume("w");
        List<String> made = IntStream.range(0, 7)
                .mapToObj(
                        i -> snapshot("s" + i, i < 4 ? "fast.v" : "fast.w").id().toString())
                .toList();
        assertThat(listed(Optional.empty(), 2)).containsExactlyInAnyOrderElementsOf(made);
        assertThat(listed(Optional.empty(), 0)).containsExactlyInAnyOrderElementsOf(made);
        assertThat(listed(Optional.of("fast.v"), 3)).containsExactlyInAnyOrderElementsOf(made.subList(0, 4));
        assertThat(listed(Optional.of("fast.w"), 0)).containsExactlyInAnyOrderElementsOf(made.subList(4, 7));
        assertThat(listed(Optional.of("fast.none"), 0)).isEmpty();
        volumes.delete("fast.v");
        assertThat(listed(Optional.of("fast.v"), 0)).hasSize(4);
        for (String token : List.of("x", "fast:r", "none:r:0", "fast:s:0", "fast:r:zz", "fast:x:0")) {
            assertThatThrownBy(() -> snapshots.list(Optional.empty(), token, 1))
                    .as(token)
                    .satisfies(kind(Fault.Kind.BAD_TOKEN));
        }
        assertThatThrownBy(() -> snapshots.list(Optional.of("fast.v"), "fast:r:0", 1))
                .satisfies(kind(Fault.Kind.BAD_TOKEN));
    }

    private List<String> listed(Optional<String> source, int max) {
        List<String> ids = new ArrayList<>();
        Optional<String> token = Optional.of("");
        while (token.isPresent()) {
            Snapshots.Page page = snapshots.list(source, token.get(), max);
            assertThat(page.snapshots()).hasSizeLessThanOrEqualTo(max == 0 ? Snapshots.MAX_PAGE : max);
            page.snapshots().forEach(snapshot -> ids.add(snapshot.id().toString()));
            token = page.next();
        }
        return ids;
    }

    /** Occupies the threads that copy until it is closed, so that further copies are under way as long. */
    private static final class Busy implements AutoCloseable {
        private final CountDownLatch end = new CountDownLatch(1);

        Busy(Copies copies) {
            for (int i = 0; i < Copies.AT_ONCE; i++) {
                SnapshotId id = SnapshotId.parse("busy.s" + i).orElseThrow();
                copies.start(id, "n" + i, new Progress(), progress -> new Copies.Work() {
                    @Override
                    public void run() {
                        try {
                            end.await();
                        } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                        }
                    }

                    @Override
                    public void close() {}
                });
            }
        }

        @Override
        public void close() {
            end.countDown();
        }
    }

    private Snapshot begin(String name, String source) {
        return snapshots.create(new Snapshots.Wanted(name, source, Map.of()), Duration.ZERO);
    }

    @Test
    void aLongCopyGoesOnAndTheNextCallFindsIt() throws Exception {
        volume("v");
        Snapshot begun;
        try (Busy busy = new Busy(pools.copies())) {
            begun = begin("s", "fast.v");
            assertThat(begun.ready()).isFalse();
            assertThat(snapshots.get("fast.s")).isEqualTo(begun);
            assertThat(begin("s", "fast.v")).isEqualTo(begun);
            assertThat(snapshots.list(Optional.empty(), "", 0).snapshots()).containsExactly(begun);
            assertThat(snapshots.list(Optional.of("fast.v"), "", 0).snapshots()).containsExactly(begun);
            assertThatThrownBy(() -> from("r", of(begin("s", "fast.v")), 0)).satisfies(kind(Fault.Kind.BUSY));
        }
        Snapshot done = snapshot("s", "fast.v");
        assertThat(done).isEqualTo(begun.ready(done.usedBytes()));
        Volumes.Wanted restore = wanted("r", Optional.of(of(done)), 0);
        try (Busy busy = new Busy(pools.copies())) {
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(() -> volumes.create(restore, Duration.ZERO))
                        .satisfies(kind(Fault.Kind.BUSY))
                        .hasMessageContaining("under way")
                        .hasMessageContaining("files");
            }
            assertThat(volumes.find("fast.r")).isEmpty();
        }
        assertThat(file(volumes.create(restore, LONG))).hasContent("of v");
    }

    @Test
    void whatIsBeingCopiedIsNotDeleted() throws Exception {
        volume("v");
        try (Busy busy = new Busy(pools.copies())) {
            begin("s", "fast.v");
            assertThatThrownBy(() -> volumes.delete("fast.v"))
                    .satisfies(kind(Fault.Kind.BUSY))
                    .hasMessageContaining("being copied");
            try (Pools other = Pools.beside(pools.configs())) {
                Volumes others = new Volumes(other, Clock.systemUTC());
                assertThatThrownBy(() -> others.delete("fast.v"))
                        .satisfies(kind(Fault.Kind.BUSY))
                        .hasMessageContaining("being copied");
                Snapshots there = new Snapshots(other, Clock.systemUTC());
                assertThat(there.get("fast.s").ready()).isFalse();
                assertThatThrownBy(() -> there.delete("fast.s")).satisfies(kind(Fault.Kind.BUSY));
                assertThatThrownBy(() -> there.create(new Snapshots.Wanted("s", "fast.v", Map.of()), Duration.ZERO))
                        .satisfies(kind(Fault.Kind.BUSY));
            }
        }
        Snapshot snapshot = snapshot("s", "fast.v");
        try (Busy busy = new Busy(pools.copies())) {
            assertThatThrownBy(() -> volumes.create(wanted("r", Optional.of(of(snapshot)), 0), Duration.ZERO))
                    .satisfies(kind(Fault.Kind.BUSY));
            assertThatThrownBy(() -> snapshots.delete("fast.s"))
                    .satisfies(kind(Fault.Kind.BUSY))
                    .hasMessageContaining("being copied");
        }
        from("r", of(snapshot), 0);
        snapshots.delete("fast.s");
        volumes.delete("fast.v");
    }

    @Test
    void deletingWhatIsBeingMadeEndsTheCopy() throws Exception {
        Volume volume = volume("v");
        try (Busy busy = new Busy(pools.copies())) {
            begin("s", "fast.v");
            snapshots.delete("fast.s");
            assertThat(snapshots.find("fast.s")).isEmpty();
            Volumes.Wanted clone = wanted("c", Optional.of(new Source.OfVolume(volume.id())), 0);
            assertThatThrownBy(() -> volumes.create(clone, Duration.ZERO)).satisfies(kind(Fault.Kind.BUSY));
            volumes.delete("fast.c");
            volumes.delete("fast.v");
        }
        assertThat(TemporaryPool.names(fast)).containsExactly(".berth");
        assertThat(inUse("copying")).isEmpty();
        assertThat(inUse("snapshots/copying")).isEmpty();
        assertThat(pool("fast").promisedBytes()).isZero();
        assertThat(findings()).isEmpty();
    }

    @Test
    void aCopyThatFailsWhenNobodyWaitsTellsTheNextCallAndIsThenTriedAgain() throws Exception {
        Volume volume = volume("v");
        try (Busy busy = new Busy(pools.copies())) {
            begin("s", "fast.v");
            Files.createDirectory(fast.resolve(".berth/snapshots/copying/fast.s"));
        }
        assertThatThrownBy(() -> snapshot("s", "fast.v")).satisfies(kind(Fault.Kind.ALREADY_EXISTS));
        assertThat(snapshots.find("fast.s")).isEmpty();
        assertThat(snapshot("s", "fast.v").ready()).isTrue();
        volumes.delete(volume.id().toString());
    }

    @Test
    void theEndOfTheProcessUndoesWhatIsHalfMade() throws Exception {
        volume("v");
        Busy busy = new Busy(pools.copies());
        begin("s", "fast.v");
        CompletableFuture<Void> end = CompletableFuture.runAsync(pools::close);
        await(() -> inUse("snapshots/creating").isEmpty());
        busy.close();
        end.join();
        assertThat(inUse("snapshots/copying")).isEmpty();
        open();
        assertThat(snapshot("s", "fast.v").ready()).isTrue();
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + LONG.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    @Test
    void callsForOneSnapshotAtOnceMakeOne() throws Exception {
        volume("v");
        List<CompletableFuture<Snapshot>> calls = IntStream.range(0, 8)
                .mapToObj(i -> CompletableFuture.supplyAsync(() -> snapshot("s", "fast.v")))
                .toList();
        Snapshot first = calls.getFirst().join();
        assertThat(calls).allSatisfy(call -> assertThat(call.join()).isEqualTo(first));
        assertThat(inUse("trash")).isEmpty();
    }

    @Test
    void aSnapshotWhoseDataIsGoneSaysSo() throws Exception {
        volume("v");
        Snapshot snapshot = snapshot("s", "fast.v");
        TestFileSystem.makeWritable(data(snapshot));
        Files.move(data(snapshot), folder.resolve("elsewhere"));
        assertThatThrownBy(() -> from("r", of(snapshot), 0))
                .satisfies(kind(Fault.Kind.NOT_FOUND))
                .hasMessageContaining("fast.s");
        assertThat(volumes.find("fast.r")).isEmpty();
        snapshots.delete("fast.s");
    }

    @Test
    void sourcesThatAreNotThereAreNotFound() {
        for (Source source : List.of(
                new Source.OfVolume(VolumeId.parse("fast.none").orElseThrow()),
                new Source.OfSnapshot(SnapshotId.parse("fast.none").orElseThrow()),
                new Source.OfSnapshot(SnapshotId.parse("elsewhere.none").orElseThrow()))) {
            assertThatThrownBy(() -> from("r", source, 0, "pool", "fast")).satisfies(kind(Fault.Kind.NOT_FOUND));
        }
    }
}
