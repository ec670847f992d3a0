package io.berth.service;

import static io.berth.TestFileSystem.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.linux.FailingCalls;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.nfs.NfsOptions;
import io.berth.pool.Pool;
import io.berth.pool.Pools;
import io.berth.volume.AccessMode;
import io.berth.volume.CapacityRange;
import io.berth.volume.PoolName;
import io.berth.volume.Snapshot;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** Group snapshots, on a file system that shares blocks. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class GroupSnapshotsTest {
    private static final long MIB = 1L << 20;
    private static final Duration LONG = Duration.ofSeconds(60);

    private TestFileSystem fileSystem;
    private Path folder = Path.of("/");
    private Pools pools;
    private Volumes volumes;
    private Snapshots snapshots;
    private GroupSnapshots groups;
    private NodeVolumes node;

    @BeforeAll
    void mount() {
        fileSystem = TestFileSystem.mount("xfs", 512L << 20);
    }

    @AfterAll
    void unmount() {
        fileSystem.close();
    }

    @BeforeEach
    void makeFolder() throws IOException {
        folder = Files.createTempDirectory(fileSystem.root(), "pools");
        open();
    }

    private void open() {
        pools = Pools.serving(List.of(
                TemporaryPool.config(folder, "fast", "local", ",size=1Gi"),
                TemporaryPool.config(folder, "shared", "hostpath", ",size=1Gi")));
        volumes = new Volumes(pools, Clock.systemUTC());
        snapshots = new Snapshots(pools, Clock.systemUTC());
        groups = new GroupSnapshots(pools, Clock.systemUTC());
        node = new NodeVolumes(pools, volumes, new HostPaths(List.of()));
    }

    @AfterEach
    void close() {
        for (MountPoint mount : MountTable.read().mounts().reversed()) {
            if (mount.target().startsWith(folder)) {
                Mounts.unmount(mount.target());
            }
        }
        restart(); // which detaches devices that are mounted no more
        pools.close();
        run("rm", "-rf", folder.toString());
    }

    private void restart() {
        pools.close();
        open();
        assertThat(pools.problem()).isEmpty();
    }

    private Volume volume(String name, boolean block, Map<String, String> parameters) {
        return volumes.create(new Volumes.Wanted(
                name,
                CapacityRange.atLeast(16 * MIB),
                VolumeParameters.parse(parameters),
                false,
                block,
                Optional.empty(),
                Optional.empty()));
    }

    private Volume image(String name) {
        return volume(name, false, Map.of("pool", "fast", "format", "image"));
    }

    private Path stage(Volume volume) throws IOException {
        Path staging = Files.createDirectory(folder.resolve("staging-" + volume.id()));
        if (volume.format().isBlock()) {
            node.stageDevice(volume.id().toString(), staging, AccessMode.SINGLE_NODE_WRITER, Map.of());
        } else {
            node.stage(volume.id().toString(), staging, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of());
        }
        Path target = folder.resolve("target-" + volume.id());
        node.publish(new PublishRequest(
                volume.id().toString(),
                Optional.of(staging),
                target,
                AccessMode.SINGLE_NODE_WRITER,
                volume.format().isBlock(),
                Set.of(),
                OptionalLong.empty(),
                Map.of(),
                NfsOptions.DEFAULT,
                NfsOptions.DEFAULT));
        return target;
    }

    private GroupSnapshots.Found group(String name, String... sources) {
        return groups.create(new GroupSnapshots.Wanted(name, List.of(sources), Map.of()), LONG);
    }

    private static List<String> ids(GroupSnapshots.Found found) {
        return found.snapshots().stream()
                .map(snapshot -> snapshot.id().toString())
                .toList();
    }

    private static Consumer<Throwable> kind(Fault.Kind kind) {
        return thrown -> assertThat(thrown)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(kind));
    }

    private Pool fast() {
        return pools.get(new PoolName("fast"));
    }

    private Volume restore(Snapshot snapshot, String name) {
        return volumes.create(
                new Volumes.Wanted(
                        name,
                        CapacityRange.ANY,
                        VolumeParameters.parse(Map.of()),
                        false,
                        snapshot.format().isBlock(),
                        Optional.empty(),
                        Optional.of(new Source.OfSnapshot(snapshot.id()))),
                LONG);
    }

    private void nothingIsLeft() {
        Path records = folder.resolve("fast/.berth/snapshots");
        for (String empty :
                List.of("creating", "ready", "deleting", "data", "copying", "groups/creating", "groups/ready")) {
            assertThat(TemporaryPool.names(records.resolve(empty))).as(empty).isEmpty();
        }
        assertThat(TemporaryPool.names(records.resolve("groups/deleting"))).isEmpty();
    }

    @Test
    void aGroupIsMadeOnceAndFoundAgain() {
        image("a");
        image("b");
        GroupSnapshots.Found made = group("g", "fast.a", "fast.b");
        assertThat(made.ready()).isTrue();
        assertThat(made.group().id()).hasToString("fast.g");
        assertThat(made.snapshots()).hasSize(2).allSatisfy(snapshot -> {
            assertThat(snapshot.ready()).isTrue();
            assertThat(snapshot.group()).contains(made.group().id());
            assertThat(snapshots.get(snapshot.id().toString())).isEqualTo(snapshot);
        });
        assertThat(group("g", "fast.b", "fast.a")).isEqualTo(made);
        restart();
        assertThat(groups.get("fast.g", ids(made))).isEqualTo(made);
        volumes.delete("fast.a");
        assertThat(group("g", "fast.a", "fast.b")).isEqualTo(made);
        assertThatThrownBy(() -> group("g", "fast.a")).satisfies(kind(Fault.Kind.ALREADY_EXISTS));
        assertThatThrownBy(() -> group("h", "fast.a", "fast.b")).satisfies(kind(Fault.Kind.NOT_FOUND));
        nothingBut(made);
    }

    private void nothingBut(GroupSnapshots.Found made) {
        assertThat(snapshots.list(Optional.empty(), "", 0).snapshots())
                .containsExactlyInAnyOrderElementsOf(made.snapshots());
    }

    /** Each writer notes a number in the one volume, then in the other, each durable before the next. */
    @Test
    void mountedImagesAreOfOneMoment() throws Exception {
        Path a = stage(image("a")).resolve("number");
        Path b = stage(image("b")).resolve("number");
        CountDownLatch begun = new CountDownLatch(20);
        CompletableFuture<Void> end = new CompletableFuture<>();
        CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> {
            for (int i = 0; !end.isDone(); i++) {
                write(a, i);
                write(b, i);
                begun.countDown();
            }
        });
        begun.await();
        try {
            for (int round = 0; round < 5; round++) {
                GroupSnapshots.Found made = group("g" + round, "fast.a", "fast.b");
                long first = number(made.snapshots().get(0), "ra" + round);
                long second = number(made.snapshots().get(1), "rb" + round);
                assertThat(first - second).isBetween(0L, 1L);
            }
        } finally {
            end.complete(null);
            writer.join();
        }
    }

    private static void write(Path file, int number) {
        try {
            Path next = file.resolveSibling("next");
            Files.writeString(next, Integer.toString(number));
            run("sync", next.toString());
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
            run("sync", file.resolveSibling(".").toString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private long number(Snapshot snapshot, String restored) throws IOException {
        return Long.parseLong(
                Files.readString(stage(restore(snapshot, restored)).resolve("number")));
    }

    @Test
    void writersGoOnAfterAGroupThatFailed() throws Exception {
        Path a = stage(image("a"));
        stage(volume("raw", true, Map.of("pool", "fast")));
        assertThatThrownBy(() -> group("g", "fast.a", "fast.raw"))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("fast.raw")
                .hasMessageContaining("in use");
        Files.writeString(a.resolve("file"), "written");
        nothingIsLeft();
        assertThat(fast().promisedBytes()).isEqualTo(32 * MIB);
    }

    @Test
    void rawBlocksThatNobodyUsesArePartOfAGroup() {
        volume("raw", true, Map.of("pool", "fast"));
        image("a");
        assertThat(group("g", "fast.a", "fast.raw").ready()).isTrue();
    }

    @Test
    void whatHasNoMomentInCommonIsRefused() {
        image("a");
        volume("d", false, Map.of("pool", "fast", "format", "directory", "limit", "advisory"));
        volume("s", false, Map.of("pool", "shared", "format", "image"));
        assertThatThrownBy(() -> group("g", "fast.a", "fast.d"))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("directory");
        assertThatThrownBy(() -> group("g", "fast.d"))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("file by file");
        assertThatThrownBy(() -> group("g", "fast.a", "shared.s"))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("one pool");
        nothingIsLeft();
    }

    @Test
    void aRequestThatNamesNoGroupIsRefused() {
        image("a");
        assertThatThrownBy(() -> group("g")).satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        assertThatThrownBy(() -> group("g", "fast.a", "fast.a")).satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        assertThatThrownBy(() -> group("", "fast.a")).satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        assertThatThrownBy(() -> group("g", "../a")).satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThatThrownBy(() -> group("g", "fast.a", "none.a")).satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThatThrownBy(() ->
                        groups.create(new GroupSnapshots.Wanted("g", List.of("fast.a"), Map.of("cheap", "yes")), LONG))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        nothingIsLeft();
    }

    @Test
    void aGroupGoesAsAWhole() {
        image("a");
        image("b");
        long before = fast().promisedBytes();
        GroupSnapshots.Found made = group("g", "fast.a", "fast.b");
        assertThat(fast().promisedBytes()).isGreaterThan(before);
        assertThatThrownBy(() -> snapshots.delete(ids(made).getFirst()))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageContaining("fast.g");
        for (List<String> wrong : List.of(
                List.<String>of(),
                ids(made).subList(0, 1),
                List.of(ids(made).getFirst(), ids(made).getFirst()),
                List.of(ids(made).getFirst(), "fast.x"))) {
            assertThatThrownBy(() -> groups.get("fast.g", wrong)).satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
            assertThatThrownBy(() -> groups.delete("fast.g", wrong)).satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        }
        nothingBut(made);
        groups.delete("fast.g", ids(made));
        groups.delete("fast.g", ids(made));
        groups.delete("../g", List.of());
        assertThatThrownBy(() -> groups.get("fast.g", ids(made))).satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThat(fast().promisedBytes()).isEqualTo(before);
        nothingIsLeft();
        assertThat(group("g", "fast.a", "fast.b").ready()).isTrue();
    }

    @Test
    void aSnapshotThatIsThereKeepsItsIdAndTheGroupFails() {
        image("a");
        image("b");
        GroupSnapshots.Found made = group("g", "fast.a", "fast.b");
        groups.delete("fast.g", ids(made));
        Snapshot other = snapshots.create(
                new Snapshots.Wanted(made.snapshots().get(1).id().name(), "fast.a", Map.of()), LONG);
        assertThatThrownBy(() -> group("g", "fast.a", "fast.b")).satisfies(kind(Fault.Kind.ALREADY_EXISTS));
        assertThat(snapshots.list(Optional.empty(), "", 0).snapshots()).containsExactly(other);
        snapshots.delete(other.id().toString());
        nothingIsLeft();
    }

    /** The states that a kill leaves, made of a whole group by moving its records back. */
    @Test
    void aGroupThatWasNotCommittedIsUndoneByTheNextStart() throws Exception {
        image("a");
        image("b");
        GroupSnapshots.Found made = group("g", "fast.a", "fast.b");
        Path records = folder.resolve("fast/.berth/snapshots");
        Files.move(records.resolve("groups/ready/fast.g.json"), records.resolve("groups/creating/fast.g.json"));
        for (String id : ids(made)) {
            Files.move(records.resolve("ready/" + id + ".json"), records.resolve("creating/" + id + ".json"));
        }
        // One copy was in its place already, the other not.
        Files.move(
                records.resolve("data/" + ids(made).getFirst()),
                records.resolve("copying/" + ids(made).getFirst()));
        restart();
        nothingIsLeft();
        assertThat(fast().promisedBytes()).isEqualTo(32 * MIB);
        assertThat(group("g", "fast.a", "fast.b").ready()).isTrue();
    }

    @Test
    void anIntentWithoutSnapshotsOrCutShortIsForgotten() throws Exception {
        image("a");
        group("g", "fast.a");
        Path records = folder.resolve("fast/.berth/snapshots");
        Files.writeString(records.resolve("groups/creating/fast.h.json"), "{\n \"berth\"");
        restart();
        assertThat(TemporaryPool.names(records.resolve("groups/creating"))).isEmpty();
        assertThat(group("h", "fast.a").ready()).isTrue();
    }

    @Test
    void aGroupThatWasCommittedIsFinishedByTheNextStart() throws Exception {
        image("a");
        image("b");
        GroupSnapshots.Found made = group("g", "fast.a", "fast.b");
        Path records = folder.resolve("fast/.berth/snapshots");
        String last = ids(made).getLast();
        Files.move(records.resolve("ready/" + last + ".json"), records.resolve("creating/" + last + ".json"));
        assertThat(groups.get("fast.g", ids(made)).ready()).isFalse();
        long promised = fast().promisedBytes();
        restart();
        assertThat(groups.get("fast.g", ids(made))).isEqualTo(made);
        assertThat(fast().promisedBytes()).isEqualTo(promised);
    }

    @Test
    void aDeleteThatWasCutShortIsFinishedByTheNextStart() throws Exception {
        image("a");
        image("b");
        GroupSnapshots.Found made = group("g", "fast.a", "fast.b");
        Path records = folder.resolve("fast/.berth/snapshots");
        Files.move(records.resolve("groups/ready/fast.g.json"), records.resolve("groups/deleting/fast.g.json"));
        String first = ids(made).getFirst();
        Files.move(records.resolve("ready/" + first + ".json"), records.resolve("deleting/" + first + ".json"));
        restart();
        nothingIsLeft();
    }

    @Test
    void aGroupThatIsAnIntentTooIsAGroup() throws Exception {
        image("a");
        image("b");
        GroupSnapshots.Found made = group("g", "fast.a", "fast.b");
        Path records = folder.resolve("fast/.berth/snapshots/groups");
        Files.createLink(records.resolve("creating/fast.g.json"), records.resolve("ready/fast.g.json"));
        restart();
        assertThat(group("g", "fast.a", "fast.b")).isEqualTo(made);
        Files.copy(records.resolve("ready/fast.g.json"), records.resolve("deleting/fast.g.json"));
        restart();
        assertThat(group("g", "fast.a", "fast.b")).isEqualTo(made);
        assertThat(records.resolve("creating")).isEmptyDirectory();
        assertThat(records.resolve("deleting")).isEmptyDirectory();
    }

    @Test
    void aGroupWhoseSnapshotsWaitedForTheDiskIsAnsweredWhole() throws Exception {
        image("a");
        image("b");
        try (FailingCalls fsync = FailingCalls.fail("fsync", file -> file.endsWith("snapshots/ready"))) {
            assertThatThrownBy(() -> group("g", "fast.a", "fast.b")).isInstanceOf(Fault.class);
        }
        try (FailingCalls fsync = FailingCalls.watch("fsync")) {
            assertThat(group("g", "fast.a", "fast.b").ready()).isTrue();
            assertThat(fsync.files())
                    .anyMatch(file -> file.endsWith("groups/ready"))
                    .anyMatch(file -> file.endsWith("snapshots/ready"));
        }
    }

    @Test
    void callsForOneGroupAtOnceMakeOne() {
        image("a");
        image("b");
        List<CompletableFuture<GroupSnapshots.Found>> calls = IntStream.range(0, 6)
                .mapToObj(i -> CompletableFuture.supplyAsync(() -> group("g", "fast.a", "fast.b")))
                .toList();
        GroupSnapshots.Found first = calls.getFirst().join();
        assertThat(calls).allSatisfy(call -> assertThat(call.join()).isEqualTo(first));
        nothingBut(first);
    }
}
