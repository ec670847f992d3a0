package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.nfs.NfsOptions;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.uml.KernelNfsServer;
import io.berth.volume.AccessMode;
import io.berth.volume.CapacityRange;
import io.berth.volume.HealthProblem;
import io.berth.volume.PoolName;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes on a real NFS server, made, mounted and deleted by one process. Runs on a kernel of its own. */
public class NfsVolumes {
    private static final String CONTENT = "content";

    private final KernelNfsServer server = KernelNfsServer.running();

    @TempDir
    Path folder;

    private Pools pools;
    private Volumes volumes;
    private NodeVolumes node;

    @BeforeEach
    void open() {
        serve();
    }

    private void serve() {
        pools = Pools.serving(List.of(
                PoolConfig.parse("home=nfs:" + server.xfs()), TemporaryPool.config(folder, "fast", "local", "")));
        volumes = new Volumes(pools, Clock.systemUTC());
        node = new NodeVolumes(pools, volumes, new HostPaths(List.of()));
        assertThat(pools.problem().or(pools::problemOfServers)).isEmpty();
    }

    @AfterEach
    void close() {
        mounts().forEach(mount -> Mounts.unmount(mount.target()));
        pools.close();
    }

    private List<MountPoint> mounts() {
        return MountTable.read().mounts().stream()
                .filter(mount -> mount.target().startsWith(folder))
                .toList();
    }

    private String create(String pool, String name) {
        return volumes.create(new Volumes.Wanted(
                        name, CapacityRange.atLeast(1 << 20), VolumeParameters.parse(Map.of("pool", pool)), true))
                .id()
                .toString();
    }

    @Test
    void aShareThatIsNotThereIsRefusedAndWhatIsBelowOneIsMade() throws Exception {
        String address = server.xfs().substring(0, server.xfs().indexOf(':'));
        Map<String, String> mistyped = Map.of("server", address, "share", "/xfs/taem/", "subDir", "a/b");
        Files.createDirectories(server.xfsOnServer().resolve("team"));
        Files.writeString(server.xfsOnServer().resolve("file"), CONTENT);
        for (String share : List.of("/xfs/taem", "/xfs/file", "/xfs/file/in")) {
            Map<String, String> strings = new HashMap<>(mistyped);
            strings.put("share", share);
            assertThatThrownBy(() -> volumes.create(
                            new Volumes.Wanted("v", CapacityRange.ANY, VolumeParameters.parse(strings), true)))
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.INVALID_ARGUMENT))
                    .hasMessageStartingWith("share \"" + share + "\": ");
        }
        assertThat(server.xfsOnServer().resolve("taem")).doesNotExist();
        Map<String, String> strings = new HashMap<>(mistyped);
        strings.put("share", "/xfs/team/");
        String made = volumes.create(new Volumes.Wanted("v", CapacityRange.ANY, VolumeParameters.parse(strings), true))
                .id()
                .toString();
        assertThat(server.xfsOnServer().resolve("team/a/b")).isDirectory();
        volumes.delete(made);
        Files.delete(server.xfsOnServer().resolve("file"));
    }

    /** What {@link NfsOptions#lostBeside} rests on. */
    @Test
    void theKernelConnectsOnceAsThePoolsMountSaysUnlessTheVersionIsAnother() throws Exception {
        String id = create("home", "connections");
        assertThat(connections(id, "nconnect=3")).isOne();
        assertThat(connections(id, "nconnect=3,nosharecache")).isOne();
        assertThat(connections(id, "nconnect=3,nfsvers=4.1")).isEqualTo(3);
        volumes.delete(id);
    }

    /** How many connections a volume has that is staged by these options. */
    private long connections(String id, String options) throws IOException {
        Path staged = folder.resolve(id);
        node.stage(
                id,
                staged,
                AccessMode.MULTI_NODE_MULTI_WRITER,
                OptionalLong.empty(),
                NfsOptions.parse("mount_flags", List.of(options)),
                Map.of());
        Files.writeString(staged.resolve("file"), CONTENT);
        long count = Files.readAllLines(Path.of("/proc/self/mountstats")).stream()
                .dropWhile(line -> !line.contains(" mounted on " + staged + " "))
                .skip(1)
                .takeWhile(line -> !line.startsWith("device "))
                .filter(line -> line.strip().startsWith("xprt:"))
                .count();
        node.unstage(id, staged);
        return count;
    }

    private void stage(String id) {
        node.stage(id, folder.resolve(id), AccessMode.MULTI_NODE_MULTI_WRITER, OptionalLong.empty(), Map.of());
    }

    private Path publish(String id, String target) {
        Path path = folder.resolve(target);
        node.publish(new PublishRequest(
                id,
                Optional.of(folder.resolve(id)),
                path,
                AccessMode.MULTI_NODE_MULTI_WRITER,
                Set.of(),
                OptionalLong.empty(),
                Map.of()));
        return path;
    }

    private void takeAway(String id, Path target) {
        node.unpublish(id, target);
        node.unstage(id, folder.resolve(id));
    }

    @Test
    void aVolumeGoesThroughItsLife() throws IOException {
        String id = create("home", "life");
        assertThat(create("home", "life")).isEqualTo(id);
        stage(id);
        stage(id);
        Path writer = publish(id, "writer");
        Path reader = publish(id, "reader");
        Files.writeString(writer.resolve("file"), CONTENT);
        assertThat(reader.resolve("file")).hasContent(CONTENT);
        assertThat(node.usage(id, writer).totalBytes()).isPositive();
        assertThatThrownBy(() -> volumes.delete(id)).hasMessageContaining("in use");
        node.unpublish(id, reader);
        takeAway(id, writer);
        assertThat(mounts()).isEmpty();
        volumes.delete(id);
        assertThat(volumes.find(id)).isEmpty();
    }

    @Test
    void theNextProcessFindsVolumesAndTheirMounts() throws IOException {
        String id = create("home", "stays");
        stage(id);
        Path target = publish(id, "target");
        Files.writeString(target.resolve("file"), CONTENT);
        pools.close();
        assertThat(target.resolve("file")).as("while no process is there").hasContent(CONTENT);
        serve();
        stage(id);
        publish(id, "target");
        assertThat(mounts()).hasSize(2);
        takeAway(id, target);
        volumes.delete(id);
    }

    @Test
    void aServerThatStopsStopsItsOwnVolumesOnly() throws IOException {
        String gone = create("home", "gone");
        String here = "fast.here";
        volumes.create(new Volumes.Wanted(
                "here", CapacityRange.atLeast(1), VolumeParameters.parse(Map.of("pool", "fast")), false));
        stage(gone);
        Path target = publish(gone, "target");
        server.stop();
        try {
            assertUnavailable(() -> create("home", "new"));
            assertThat(pools.problem())
                    .as("why the process should be started anew")
                    .isEmpty();
            assertUnavailable(() -> node.usage(gone, target));
            assertUnavailable(() -> volumes.delete(gone));
            assertThat(new Health(pools, volumes, new HostPaths(List.of())).ofVolume(gone))
                    .extracting(HealthProblem::reason)
                    .containsExactly(HealthProblem.Reason.POOL_UNREACHABLE);
            assertThat(volumes.find(here)).isPresent();
            takeAway(gone, target);
            assertThat(mounts()).isEmpty();
            assertThat(target).doesNotExist();
        } finally {
            server.resume();
        }
        await(() -> created("home", "new"));
        volumes.delete("home.new");
        volumes.delete(gone);
        assertThat(volumes.list("", 0).volumes())
                .extracting(volume -> volume.id().toString())
                .containsExactly(here);
    }

    /** A pod's end does not wait for a server that has nothing of it. */
    @Test
    void aSilentServerHoldsUpNoInlineVolumeOfAnotherPool() {
        Map<String, String> onDisk = Map.of("csi.storage.k8s.io/ephemeral", "true", "pool", "fast", "size", "1Mi");
        Map<String, String> inMemory =
                Map.of("csi.storage.k8s.io/ephemeral", "true", "medium", "Memory", "size", "1Mi");
        node = inline("fast", "home");
        node.publish(inline("csi-disk", onDisk));
        node.publish(inline("csi-memory", inMemory));
        server.stop();
        try {
            assertUnavailable(() -> create("home", "new"));
            for (String handle : List.of("csi-disk", "csi-memory")) {
                node.unpublish(handle, folder.resolve(handle));
            }
            assertThat(volumes.find("fast.csi-disk")).isEmpty();
            node = inline("fast");
            node.publish(inline("csi-disk", onDisk));
            Mounts.unmount(folder.resolve("csi-disk"));
            node.unpublish("csi-disk", folder.resolve("csi-disk"));
            assertThat(volumes.find("fast.csi-disk")).isEmpty();
            node.unpublish("csi-gone", folder.resolve("csi-gone"));
            node = inline("fast", "home");
            assertUnavailable(() -> node.unpublish("csi-gone", folder.resolve("csi-gone")));
            assertThat(mounts()).isEmpty();
        } finally {
            server.resume();
        }
        await(() -> created("home", "new"));
        volumes.delete("home.new");
    }

    /** Wherever it is allowed by now, it lies where it was made. */
    @Test
    void anInlineVolumeOnAServerGoesWithItsPod() {
        Map<String, String> onServer = Map.of("csi.storage.k8s.io/ephemeral", "true", "pool", "home", "size", "1Mi");
        node = inline("home");
        node.publish(inline("csi-1", onServer));
        node.publish(inline("csi-2", onServer));
        Mounts.unmount(folder.resolve("csi-2"));
        node.unpublish("csi-2", folder.resolve("csi-2"));
        node = inline("fast");
        node.publish(inline("csi-1", onServer));
        assertThat(node.usage("csi-1", folder.resolve("csi-1")).totalBytes()).isPositive();
        node.unpublish("csi-1", folder.resolve("csi-1"));
        assertThat(volumes.list("", 0).volumes()).isEmpty();
    }

    private NodeVolumes inline(String... allowed) {
        Set<PoolName> names = Stream.of(allowed).map(PoolName::new).collect(Collectors.toSet());
        return new NodeVolumes(
                pools,
                volumes,
                new HostPaths(List.of()),
                new InlineRules(names, OptionalLong.empty()),
                Optional.empty());
    }

    private PublishRequest inline(String handle, Map<String, String> context) {
        return PublishRequest.inline(handle, folder.resolve(handle), Set.of(), context);
    }

    private static void assertUnavailable(ThrowingCallable call) {
        long begun = System.nanoTime();
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.UNAVAILABLE))
                .hasMessageContaining("127.0.0.1");
        assertThat(System.nanoTime() - begun).isLessThan(Duration.ofSeconds(15).toNanos());
    }

    private boolean created(String pool, String name) {
        try {
            create(pool, name);
            return true;
        } catch (Fault e) {
            return false;
        }
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("a minute is up").isLessThan(deadline);
            LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
        }
    }
}
