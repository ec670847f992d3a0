package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.mount.MountOption;
import io.berth.mount.MountTable;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.volume.AccessMode;
import io.berth.volume.Attachment;
import io.berth.volume.CapacityRange;
import io.berth.volume.NodeId;
import io.berth.volume.VolumeParameters;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two nodes with one shared pool and a local pool each, as two driver processes would have them. */
class AttachmentsTest {
    private static final Attachment WRITER = new Attachment(AccessMode.SINGLE_NODE_WRITER, false);
    private static final Attachment SHARED = new Attachment(AccessMode.MULTI_NODE_MULTI_WRITER, false);

    @TempDir
    Path folder;

    private Node n1;
    private Node n2;

    /** One driver process. */
    private static final class Node implements AutoCloseable {
        final Pools pools;
        final Volumes volumes;
        final Attachments attachments;
        final NodeVolumes mounts;

        Node(NodeId id, List<PoolConfig> configs, int maxVolumes) {
            pools = Pools.serving(configs, Optional.of(id));
            volumes = new Volumes(pools, Clock.systemUTC(), true);
            attachments = new Attachments(pools, id, maxVolumes);
            mounts = new NodeVolumes(pools, volumes, new HostPaths(List.of()), InlineRules.DEFAULT, Optional.of(id));
            assertThat(pools.problem()).isEmpty(); // opens them all
        }

        @Override
        public void close() {
            pools.close();
        }
    }

    @BeforeEach
    void start() {
        start(0);
    }

    private void start(int maxVolumes) {
        n1 = node("n1", maxVolumes);
        n2 = node("n2", maxVolumes);
    }

    private Node node(String id, int maxVolumes) {
        return new Node(
                new NodeId(id),
                List.of(
                        TemporaryPool.config(folder, "shared", "hostpath", ""),
                        TemporaryPool.config(folder, "of-" + id, "local", "")),
                maxVolumes);
    }

    private void restart(int maxVolumes) {
        n1.close();
        n2.close();
        start(maxVolumes);
    }

    @AfterEach
    void stop() {
        TemporaryPool.unmountBelow(folder);
        n1.close();
        n2.close();
    }

    private String create(Node node, String pool, String name) {
        return node.volumes
                .create(new Volumes.Wanted(
                        name, CapacityRange.ANY, VolumeParameters.parse(Map.of("pool", pool)), false))
                .id()
                .toString();
    }

    private static void attach(Node node, String id, String nodeId, Attachment how) {
        node.attachments.attach(id, nodeId, how, Map.of());
    }

    private static Set<String> nodesOf(Node node, String id) {
        return node.volumes.get(id).attachments().keySet().stream()
                .map(NodeId::text)
                .collect(java.util.stream.Collectors.toSet());
    }

    private static Consumer<Throwable> kind(Fault.Kind kind) {
        return thrown -> assertThat(thrown)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(kind));
    }

    private Path reservation(String node, String id) {
        return folder.resolve("shared/.berth/nodes").resolve(node).resolve(id);
    }

    @Test
    void aVolumeOfOneNodeIsNoOthersUntilItIsTakenAway() {
        String id = create(n1, "shared", "v");
        attach(n1, id, "n1", WRITER);
        attach(n1, id, "n1", WRITER);
        assertThatThrownBy(() -> attach(n2, id, "n2", WRITER))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("n1");
        n1.attachments.detach(id, "n1");
        n1.attachments.detach(id, "n1");
        assertThatCode(() -> attach(n2, id, "n2", WRITER)).doesNotThrowAnyException();
        assertThat(nodesOf(n1, id)).containsExactly("n2");
        assertThat(reservation("n1", id)).doesNotExist();
        assertThat(reservation("n2", id)).exists();
    }

    @Test
    void itIsKnownAfterARestart() {
        String id = create(n1, "shared", "v");
        attach(n1, id, "n2", new Attachment(AccessMode.MULTI_NODE_SINGLE_WRITER, true));
        restart(0);
        assertThat(n1.volumes.get(id).attachments())
                .containsExactly(
                        Map.entry(new NodeId("n2"), new Attachment(AccessMode.MULTI_NODE_SINGLE_WRITER, true)));
    }

    @Test
    void aSharedVolumeIsAllNodesAndIsTakenFromAllAtOnce() {
        String id = create(n1, "shared", "v");
        attach(n1, id, "n1", SHARED);
        attach(n1, id, "n2", SHARED);
        assertThat(nodesOf(n2, id)).containsExactlyInAnyOrder("n1", "n2");
        n1.attachments.detach(id, "");
        assertThat(nodesOf(n2, id)).isEmpty();
        assertThat(reservation("n2", id)).doesNotExist();
    }

    @Test
    void theSameNodeInAnotherWayIsRefused() {
        String id = create(n1, "shared", "v");
        attach(n1, id, "n1", WRITER);
        for (Attachment other : List.of(new Attachment(AccessMode.SINGLE_NODE_WRITER, true), SHARED)) {
            assertThatThrownBy(() -> attach(n1, id, "n1", other)).satisfies(kind(Fault.Kind.ALREADY_EXISTS));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"n3", "../n1", "..", ".", "n1/", "N\n", "n1\u0000"})
    void aNodeThatTheDriverNeverRanOnIsUnknown(String node) {
        String id = create(n1, "shared", "v");
        assertThatThrownBy(() -> attach(n1, id, node, WRITER)).satisfies(kind(Fault.Kind.NOT_FOUND));
        n1.attachments.detach(id, node);
        assertThat(nodesOf(n1, id)).isEmpty();
        assertThat(TemporaryPool.names(folder.resolve("shared/.berth/nodes"))).containsExactly("n1", "n2");
    }

    @Test
    void aLocalVolumeIsItsOwnNodesOnly() {
        String id = create(n1, "of-n1", "v");
        assertThatThrownBy(() -> attach(n1, id, "n2", WRITER))
                .satisfies(kind(Fault.Kind.NOT_FOUND))
                .hasMessageContaining("local to node n1");
        assertThatThrownBy(() -> attach(n1, id, "n1", SHARED)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        attach(n1, id, "n1", WRITER);
        assertThat(nodesOf(n1, id)).containsExactly("n1");
    }

    @Test
    void aVolumeThatIsNotThereIsNotFoundAndTakenAwayAlready() {
        for (String id : List.of("shared.none", "other.v", "nonsense", "../x.v")) {
            assertThatThrownBy(() -> attach(n1, id, "n1", WRITER)).satisfies(kind(Fault.Kind.NOT_FOUND));
            assertThatCode(() -> n1.attachments.detach(id, "")).doesNotThrowAnyException();
        }
    }

    @Test
    void aPathOfTheHostNeedsNotBeGiven() {
        assertThatCode(() -> n1.attachments.attach("some-path", "n7", WRITER, Map.of("path", "/srv/x")))
                .doesNotThrowAnyException();
    }

    @Test
    void aVolumeThatANodeHasIsNotDeleted() {
        String id = create(n1, "shared", "v");
        attach(n1, id, "n2", WRITER);
        assertThatThrownBy(() -> n1.volumes.delete(id))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("n2");
        n1.attachments.detach(id, "n2");
        n1.volumes.delete(id);
        assertThat(n1.volumes.find(id)).isEmpty();
    }

    @Test
    void aDriverThatKeepsNoTrackDeletesItWithWhatWasReserved() {
        String id = create(n1, "shared", "v");
        attach(n1, id, "n2", WRITER);
        new Volumes(n1.pools, Clock.systemUTC()).delete(id);
        assertThat(n1.volumes.find(id)).isEmpty();
        assertThat(reservation("n2", id)).doesNotExist();
    }

    @Test
    void onlyAVolumeThatTheNodeHasIsStagedAndPublishedThere() {
        String id = create(n1, "shared", "v");
        Path staging = folder.resolve("staging");
        Path target = folder.resolve("target");
        assertThatThrownBy(() -> stage(n2, id, staging))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("ControllerPublishVolume");
        attach(n1, id, "n2", WRITER);
        stage(n2, id, staging);
        publish(n2, id, staging, target);
        n2.mounts.unpublish(id, target);
        n1.attachments.detach(id, "n2");
        assertThatThrownBy(() -> publish(n2, id, staging, target)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        n2.mounts.unstage(id, staging); // goes away whatever the record says
        assertThat(MountTable.read().at(staging)).isEmpty();
    }

    @Test
    void aVolumeThatIsGivenReadOnlyIsPublishedReadOnly() {
        String id = create(n1, "shared", "v");
        Path staging = folder.resolve("staging");
        Path target = folder.resolve("target");
        attach(n1, id, "n1", new Attachment(AccessMode.SINGLE_NODE_WRITER, true));
        stage(n1, id, staging);
        publish(n1, id, staging, target, MountOption.RW);
        publish(n1, id, staging, target);
        assertThatThrownBy(() -> Files.createFile(target.resolve("file"))).hasMessageContaining("Read-only");
    }

    private static void stage(Node node, String id, Path staging) {
        node.mounts.stage(id, staging, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of());
    }

    private static void publish(Node node, String id, Path staging, Path target, MountOption... options) {
        node.mounts.publish(new PublishRequest(
                id,
                Optional.of(staging),
                target,
                AccessMode.SINGLE_NODE_WRITER,
                Set.of(options),
                OptionalLong.empty(),
                Map.of()));
    }

    @Test
    void aNodeHasNoMoreVolumesThanItMay() {
        restart(2);
        List<String> ids = List.of(
                create(n1, "shared", "a"),
                create(n1, "of-n1", "b"),
                create(n1, "shared", "c"),
                create(n1, "shared", "d"));
        attach(n1, ids.get(0), "n1", WRITER);
        attach(n1, ids.get(1), "n1", WRITER);
        assertThatThrownBy(() -> attach(n1, ids.get(2), "n1", WRITER))
                .satisfies(kind(Fault.Kind.RESOURCE_EXHAUSTED))
                .hasMessageContaining("max-volumes is 2");
        attach(n1, ids.get(0), "n1", WRITER); // has it already
        attach(n1, ids.get(2), "n2", WRITER); // another node's
        n1.attachments.detach(ids.get(0), "n1");
        attach(n1, ids.get(3), "n1", WRITER);
        assertThat(nodesOf(n1, ids.get(3))).containsExactly("n1");
    }

    @Test
    void ofManyCallersAtOnceNoMoreGetAVolumeThanTheNodeMayHave() throws Exception {
        restart(5);
        List<String> ids = IntStream.range(0, 20)
                .mapToObj(i -> create(n1, "shared", "v" + i))
                .toList();
        try (ExecutorService executor = Executors.newFixedThreadPool(4)) {
            List<Callable<Boolean>> calls = IntStream.range(0, ids.size())
                    .<Callable<Boolean>>mapToObj(i -> () -> {
                        try {
                            attach(i % 2 == 0 ? n1 : n2, ids.get(i), "n1", WRITER);
                            return true;
                        } catch (Fault e) {
                            assertThat(e.kind()).isEqualTo(Fault.Kind.RESOURCE_EXHAUSTED);
                            return false;
                        }
                    })
                    .toList();
            int attached = 0;
            for (Future<Boolean> call : executor.invokeAll(calls)) {
                attached += call.get() ? 1 : 0;
            }
            assertThat(attached).isBetween(1, 5);
        }
        assertThat(ids.stream().filter(id -> !nodesOf(n2, id).isEmpty()).count())
                .isBetween(1L, 5L);
    }

    @Test
    void aReservationThatACrashLeftDoesNotCountForEver() throws Exception {
        restart(1);
        String left = create(n1, "shared", "left");
        String wanted = create(n1, "shared", "wanted");
        Files.createFile(reservation("n1", left)); // killed between the reservation and the record
        Files.createFile(reservation("n1", "shared.deleted"));
        attach(n1, wanted, "n1", WRITER);
        assertThat(nodesOf(n1, wanted)).containsExactly("n1");
        assertThat(TemporaryPool.names(folder.resolve("shared/.berth/nodes/n1")))
                .containsExactly(wanted);
    }

    @Test
    void aDamagedRecordCountsForItsNode() throws Exception {
        restart(1);
        String damaged = create(n1, "shared", "damaged");
        attach(n1, damaged, "n1", WRITER);
        Files.writeString(folder.resolve("shared/.berth/volumes/" + damaged + ".json"), "{}");
        String other = create(n1, "shared", "other");
        assertThatThrownBy(() -> attach(n1, other, "n1", WRITER)).satisfies(kind(Fault.Kind.RESOURCE_EXHAUSTED));
    }
}
