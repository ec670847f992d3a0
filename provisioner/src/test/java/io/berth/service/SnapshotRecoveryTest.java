package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.linux.FailingCalls;
import io.berth.pool.Pool;
import io.berth.pool.PoolCheck;
import io.berth.pool.PoolCheck.Finding.State;
import io.berth.pool.Pools;
import io.berth.volume.CapacityRange;
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
import org.assertj.core.groups.Tuple;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a crash leaves at each step of a snapshot, a restore and a clone, and what the next start makes of it. */
class SnapshotRecoveryTest {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final long MIB = 1L << 20;

    @TempDir
    Path temporary;

    private Path folder = Path.of("/");
    private Pools pools;
    private Volumes volumes;
    private Snapshots snapshots;
    private Path root;
    private Path records;
    private Path ofSnapshots;

    /** Where pools are made. */
    Path fileSystem() {
        return temporary;
    }

    @BeforeEach
    void makeFolder() throws IOException {
        folder = Files.createTempDirectory(fileSystem(), "pools");
        open();
    }

    private void open() {
        pools = Pools.serving(List.of(TemporaryPool.config(folder, "fast", "local", ",size=1Gi,limit=advisory")));
        volumes = new Volumes(pools, Clock.systemUTC());
        snapshots = new Snapshots(pools, Clock.systemUTC());
        root = folder.resolve("fast");
        records = root.resolve(".berth");
        ofSnapshots = records.resolve("snapshots");
    }

    @AfterEach
    void close() {
        pools.close();
    }

    /** The next start. */
    private void restart() {
        pools.close();
        open();
        pool();
    }

    private Pool pool() {
        return pools.get(new PoolName("fast"));
    }

    private Volume create(String name, Optional<Source> source, Map<String, String> parameters) {
        return volumes.create(
                new Volumes.Wanted(
                        name,
                        CapacityRange.atLeast(MIB),
                        VolumeParameters.parse(parameters),
                        false,
                        false,
                        Optional.empty(),
                        source),
                LONG);
    }

    private Volume volume() throws IOException {
        Volume volume = create("v", Optional.empty(), Map.of());
        Files.writeString(volumes.location(volume).resolve("file"), "of v");
        return volume;
    }

    private Snapshot snapshot() {
        return snapshots.create(new Snapshots.Wanted("s", "fast.v", Map.of()), LONG);
    }

    private Path record(String state) {
        return ofSnapshots.resolve(state).resolve("fast.s.json");
    }

    private List<PoolCheck.Finding> findings(boolean repair) {
        List<PoolCheck.Finding> findings = new ArrayList<>();
        PoolCheck.run(pool(), repair, findings::add);
        return findings;
    }

    /** Holds when nothing of the snapshot is left but what is in the trash, and no byte of it counts. */
    private void thereIsNoSnapshot() {
        assertThat(snapshots.find("fast.s")).isEmpty();
        assertThat(snapshots.list(Optional.empty(), "", 0).snapshots()).isEmpty();
        for (String name : List.of("creating", "ready", "deleting", "tmp", "data", "copying", "by-source")) {
            assertThat(TemporaryPool.names(ofSnapshots.resolve(name))).as(name).isEmpty();
        }
        assertThat(pool().promisedBytes()).isEqualTo(MIB);
        assertThat(findings(false)).isEmpty();
        spaceComesBack();
    }

    private void spaceComesBack() {
        while (pool().trash().reap(1000).removed() > 0) {
            assertThat(pool().trash().count()).isLessThan(10);
        }
        assertThat(TemporaryPool.names(records.resolve("trash"))).isEmpty();
    }

    /** How far a snapshot was when the crash came. */
    enum Making {
        BEGUN,
        CUT_SHORT,
        HALF_COPIED,
        COPIED,
        MOVED,
        COMMITTING
    }

    private void crash(Making step) throws IOException {
        Path data = ofSnapshots.resolve("data/fast.s");
        if (step != Making.MOVED) {
            TestFileSystem.makeWritable(data);
        }
        Path copying = ofSnapshots.resolve("copying/fast.s");
        Files.move(record("ready"), record("creating"));
        switch (step) {
            case BEGUN -> TestFileSystem.run("rm", "-r", data.toString());
            case CUT_SHORT -> {
                TestFileSystem.run(
                        "rm",
                        "-r",
                        data.toString(),
                        ofSnapshots.resolve("by-source/fast.v").toString());
                Files.writeString(record("creating"), "{\n  \"berth\" : 1,");
            }
            case HALF_COPIED -> {
                Files.delete(data.resolve("file"));
                Files.move(data, copying);
                Files.createSymbolicLink(ofSnapshots.resolve("copying/fast.s@progress"), Path.of("1 files, 0 bytes"));
            }
            case COPIED -> Files.move(data, copying);
            case MOVED -> {}
            case COMMITTING -> Files.copy(record("creating"), record("tmp"));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSnapshotThatWasBeingMadeIsUndoneAtTheStart(Making step) throws Exception {
        volume();
        snapshot();
        crash(step);
        restart();
        thereIsNoSnapshot();
        assertThat(snapshot().ready()).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void aSnapshotThatWasBeingMadeIsMadeAnewByTheSameCall(Making step) throws Exception {
        volume();
        snapshot();
        crash(step);
        assertThat(snapshots.find("fast.s").filter(Snapshot::ready)).isEmpty();
        Snapshot made = snapshot();
        assertThat(made.ready()).isTrue();
        Volume restored = create("r", Optional.of(new Source.OfSnapshot(made.id())), Map.of());
        assertThat(volumes.location(restored).resolve("file")).hasContent("of v");
        assertThat(findings(false)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void aSnapshotThatWasBeingMadeIsForgottenByADelete(Making step) throws Exception {
        volume();
        long promised = pool().promisedBytes();
        snapshot();
        crash(step);
        snapshots.delete("fast.s");
        pools.close();
        open();
        thereIsNoSnapshot();
        assertThat(pool().promisedBytes()).isEqualTo(promised);
    }

    @ParameterizedTest
    @EnumSource
    void theCheckRepairsWhatACrashLeft(Making step) throws Exception {
        volume();
        snapshot();
        crash(step);
        assertThat(findings(false))
                .extracting(PoolCheck.Finding::subject, PoolCheck.Finding::state)
                .containsExactly(Tuple.tuple("snapshot fast.s", State.REPAIRABLE));
        assertThat(findings(true)).extracting(PoolCheck.Finding::state).containsExactly(State.REPAIRED);
        restart();
        thereIsNoSnapshot();
    }

    /** How far the deletion of a snapshot was. */
    enum Deleting {
        BEGUN,
        IN_TRASH,
        NOT_LISTED
    }

    @ParameterizedTest
    @EnumSource
    void aSnapshotThatWasBeingDeletedIsGone(Deleting step) throws Exception {
        volume();
        snapshot();
        Files.move(record("ready"), record("deleting"));
        if (step != Deleting.BEGUN) {
            TestFileSystem.makeWritable(ofSnapshots.resolve("data/fast.s"));
            Files.move(ofSnapshots.resolve("data/fast.s"), records.resolve("trash/fast.s@0000"));
        }
        if (step == Deleting.NOT_LISTED) {
            TestFileSystem.run(
                    "rm", "-r", ofSnapshots.resolve("by-source/fast.v").toString());
        }
        assertThat(snapshots.find("fast.s")).isEmpty();
        restart();
        thereIsNoSnapshot();
    }

    @Test
    void aSnapshotThatIsAnIntentTooIsASnapshot() throws Exception {
        volume();
        Snapshot made = snapshot();
        Files.createLink(record("creating"), record("ready"));
        restart();
        staysAsItIs(made);
        Files.copy(record("ready"), record("deleting"));
        restart();
        staysAsItIs(made);
    }

    private void staysAsItIs(Snapshot made) {
        assertThat(snapshots.get("fast.s")).isEqualTo(made);
        assertThat(ofSnapshots.resolve("data/fast.s/file")).hasContent("of v");
        assertThat(TemporaryPool.names(ofSnapshots.resolve("creating"))).isEmpty();
        assertThat(TemporaryPool.names(ofSnapshots.resolve("deleting"))).isEmpty();
        assertThat(findings(false)).isEmpty();
    }

    @Test
    void aSnapshotThatIsTheSameFileAsItsIntentToDeleteIsDeleted() throws Exception {
        volume();
        snapshot();
        Files.createLink(record("deleting"), record("ready"));
        restart();
        thereIsNoSnapshot();
    }

    @Test
    void aCopyThatIsAnIntentTooIsAVolume() throws Exception {
        volume();
        Volume made = copy(true, Map.of());
        Files.createLink(records.resolve("creating/fast.r.json"), records.resolve("volumes/fast.r.json"));
        restart();
        assertThat(volumes.get("fast.r")).isEqualTo(made);
        assertThat(volumes.location(made).resolve("file")).hasContent("of v");
        assertThat(findings(false)).isEmpty();
    }

    @Test
    void theCallThatFindsAWholeCopyAnswersWithIt() throws Exception {
        volume();
        Volume made = copy(true, Map.of());
        Files.move(records.resolve("volumes/fast.r.json"), records.resolve("creating/fast.r.json"));
        assertThat(copy(true, Map.of())).isEqualTo(made);
    }

    /** How far a restore or a clone was when the crash came. */
    enum Copying {
        BEGUN,
        HALF_COPIED,
        COPIED
    }

    private void crash(Copying step, Path data) throws IOException {
        Files.move(records.resolve("volumes/fast.r.json"), records.resolve("creating/fast.r.json"));
        switch (step) {
            case BEGUN -> TestFileSystem.run("rm", "-r", data.toString());
            case HALF_COPIED -> {
                Files.delete(data.resolve("file"));
                Files.move(data, records.resolve("copying/fast.r"));
            }
            case COPIED -> Files.move(data, records.resolve("copying/fast.r"));
        }
    }

    private Volume copy(boolean clone, Map<String, String> parameters) {
        return create(
                "r",
                Optional.of(
                        clone
                                ? new Source.OfVolume(VolumeId.parse("fast.v").orElseThrow())
                                : new Source.OfSnapshot(snapshot().id())),
                parameters);
    }

    @ParameterizedTest
    @EnumSource
    void aRestoreThatWasUnderWayIsUndone(Copying step) throws Exception {
        volume();
        Volume restored = copy(false, Map.of());
        long promised = pool().promisedBytes();
        crash(step, volumes.location(restored));
        assertThat(volumes.find("fast.r")).isEmpty();
        restart();
        assertThat(pool().promisedBytes()).isEqualTo(promised - MIB);
        assertThat(TemporaryPool.names(root)).containsExactly(".berth", "fast.v");
        isUndone();
        assertThat(volumes.location(copy(false, Map.of())).resolve("file")).hasContent("of v");
    }

    @ParameterizedTest
    @EnumSource
    void aCloneAtAPathOfItsOwnThatWasUnderWayIsUndone(Copying step) throws Exception {
        volume();
        Map<String, String> parameters = Map.of("subDir", "a/b");
        crash(step, volumes.location(copy(true, parameters)));
        restart();
        assertThat(pool().promisedBytes()).isEqualTo(MIB);
        assertThat(TemporaryPool.names(root.resolve("a"))).isEmpty();
        isUndone();
        assertThat(volumes.location(copy(true, parameters)).resolve("file")).hasContent("of v");
        assertThat(findings(false)).isEmpty();
    }

    private void isUndone() {
        assertThat(volumes.find("fast.r")).isEmpty();
        assertThat(TemporaryPool.names(records.resolve("copying"))).isEmpty();
        assertThat(TemporaryPool.names(records.resolve("creating"))).isEmpty();
        assertThat(findings(false)).isEmpty();
        spaceComesBack();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aCopyThatWasInItsPlaceIsAVolume(boolean clone) throws Exception {
        volume();
        Volume made = copy(clone, Map.of());
        long promised = pool().promisedBytes();
        Files.move(records.resolve("volumes/fast.r.json"), records.resolve("creating/fast.r.json"));
        restart();
        assertThat(volumes.get("fast.r")).isEqualTo(made);
        assertThat(volumes.location(made).resolve("file")).hasContent("of v");
        assertThat(pool().promisedBytes()).isEqualTo(promised);
        assertThat(findings(false)).isEmpty();
    }

    @Test
    void theCheckFindsWhatNoCrashLeaves() throws Exception {
        volume();
        snapshot();
        Files.delete(ofSnapshots.resolve("by-source/fast.v/fast.s"));
        Files.createDirectories(ofSnapshots.resolve("by-source/fast.w"));
        Files.createFile(ofSnapshots.resolve("by-source/fast.w/fast.gone"));
        Files.createDirectory(ofSnapshots.resolve("copying/fast.left"));
        Files.createSymbolicLink(ofSnapshots.resolve("copying/fast.left@progress"), Path.of("x"));
        Files.createDirectory(records.resolve("copying/fast.too"));
        Files.createDirectory(ofSnapshots.resolve("data/fast.orphan"));
        Files.createDirectory(ofSnapshots.resolve("data/what is this"));
        Files.writeString(ofSnapshots.resolve("ready/fast.bad.json"), "{}");
        Files.copy(record("ready"), ofSnapshots.resolve("ready/fast.renamed.json"));
        List<Tuple> all = List.of(
                Tuple.tuple("snapshot fast.s", State.REPAIRABLE),
                Tuple.tuple("snapshot fast.gone", State.REPAIRABLE),
                Tuple.tuple(ofSnapshots.resolve("copying/fast.left").toString(), State.REPAIRABLE),
                Tuple.tuple(ofSnapshots.resolve("copying/fast.left@progress").toString(), State.REPAIRABLE),
                Tuple.tuple(records.resolve("copying/fast.too").toString(), State.REPAIRABLE),
                Tuple.tuple(ofSnapshots.resolve("data/fast.orphan").toString(), State.FOR_THE_ADMINISTRATOR),
                Tuple.tuple(ofSnapshots.resolve("data/what is this").toString(), State.FOR_THE_ADMINISTRATOR),
                Tuple.tuple("snapshot fast.bad", State.FOR_THE_ADMINISTRATOR),
                Tuple.tuple("snapshot fast.renamed", State.FOR_THE_ADMINISTRATOR));
        assertThat(findings(false))
                .extracting(PoolCheck.Finding::subject, PoolCheck.Finding::state)
                .containsExactlyInAnyOrderElementsOf(all);
        assertThat(findings(true)).hasSameSizeAs(all);
        assertThat(findings(true))
                .extracting(PoolCheck.Finding::subject, PoolCheck.Finding::state)
                .containsExactlyInAnyOrderElementsOf(all.subList(5, 9));
        assertThat(ofSnapshots.resolve("data/fast.orphan")).isDirectory();
        assertThat(snapshots.list(Optional.of("fast.v"), "", 0).snapshots()).hasSize(1);
    }

    @Test
    void theCheckFindsASnapshotWithoutData() throws Exception {
        volume();
        snapshot();
        TestFileSystem.makeWritable(ofSnapshots.resolve("data/fast.s"));
        Files.move(ofSnapshots.resolve("data/fast.s"), folder.resolve("elsewhere"));
        assertThat(findings(true))
                .singleElement()
                .satisfies(finding -> assertThat(finding.problem()).contains("berth snapshots delete"));
        snapshots.delete("fast.s");
        assertThat(findings(false)).isEmpty();
    }

    @Test
    void aCopyIsNotMadeInAFolderThatIsThere() throws Exception {
        volume();
        Files.createDirectories(root.resolve("a/b"));
        assertThatThrownBy(() -> copy(true, Map.of("subDir", "a/b", "onDelete", "retain")))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.ALREADY_EXISTS));
        assertThat(root.resolve("a/b")).isEmptyDirectory();
        assertThat(findings(false)).isEmpty();
    }

    private static void assertRefused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String command) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining(command);
    }

    @Test
    void aSnapshotDuringWhichTwoProcessesEndedIsLeftToAPerson() throws IOException {
        volume();
        snapshot();
        byte[] intent = Files.readAllBytes(record("ready"));
        Files.move(record("ready"), record("creating"));
        restart();
        Files.write(record("creating"), intent);
        restart();
        assertRefused(this::snapshot, "berth snapshots create");
        try (Pools command = Pools.beside(pools.configs())) {
            Snapshots.Wanted wanted = new Snapshots.Wanted("s", "fast.v", Map.of());
            assertThat(new Snapshots(command, Clock.systemUTC())
                            .create(wanted, LONG)
                            .ready())
                    .isTrue();
        }
        assertThat(snapshot().ready()).isTrue();
        assertThat(records.resolve("crashed")).isEmptyDirectory();
    }

    @Test
    void aCloneDuringWhichTwoProcessesEndedIsMadeAgainWhenItWasDeleted() throws IOException {
        Volume source = volume();
        Runnable clone = () -> create("c", Optional.of(new Source.OfVolume(source.id())), Map.of());
        clone.run();
        Path made = records.resolve("volumes/fast.c.json");
        byte[] intent = Files.readAllBytes(made);
        Files.delete(made);
        TestFileSystem.shell(root, "rm -r fast.c");
        for (int i = 0; i < 2; i++) {
            Files.write(records.resolve("creating/fast.c.json"), intent);
            restart();
        }
        assertRefused(clone::run, "berth volumes clone");
        volumes.delete("fast.c");
        clone.run();
        assertThat(root.resolve("fast.c/file")).hasContent("of v");
    }

    @Test
    void aSnapshotThatIsFoundHalfMadeOftenByOneProcessCountsOnce() throws IOException {
        volume();
        snapshot();
        Files.move(record("ready"), record("creating"));
        isMadeAfterTwoFailures("snapshots/creating", this::snapshot);
    }

    @Test
    void aCloneThatIsFoundHalfMadeOftenByOneProcessCountsOnce() throws IOException {
        Volume source = volume();
        Runnable clone = () -> create("c", Optional.of(new Source.OfVolume(source.id())), Map.of());
        clone.run();
        Files.move(records.resolve("volumes/fast.c.json"), records.resolve("creating/fast.c.json"));
        TestFileSystem.shell(root, "rm -r fast.c");
        isMadeAfterTwoFailures(".berth/creating", clone);
    }

    /** Nothing half made can be undone while its intent stays. */
    private void isMadeAfterTwoFailures(String intents, Runnable call) {
        try (FailingCalls unlink = FailingCalls.fail("unlinkat", folder -> folder.endsWith(intents))) {
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(call::run).isInstanceOf(Fault.class).hasMessageContaining("EIO");
            }
        }
        call.run();
        assertThat(records.resolve("crashed")).isEmptyDirectory();
    }
}
