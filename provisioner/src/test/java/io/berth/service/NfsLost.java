package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.uml.KernelNfsServer;
import io.berth.volume.AccessMode;
import io.berth.volume.CapacityRange;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Folders of an export, and exports, that were removed, replaced or restored on the server. Runs on a kernel of its own. */
public class NfsLost {
    private final KernelNfsServer server = KernelNfsServer.running();
    private final Path export = server.xfsOnServer().resolve("lost");

    @TempDir
    Path folder;

    private Pools pools;
    private Volumes volumes;
    private NodeVolumes node;

    @BeforeEach
    void open() {
        shell("mkdir " + export);
        serve(server.xfs() + "/lost");
    }

    /** Serves a folder of an export, or an export itself: of that the server finds the root again, whatever lies there. */
    private void serve(String share) {
        pools = Pools.serving(List.of(PoolConfig.parse("home=nfs:" + share)));
        volumes = new Volumes(pools, Clock.systemUTC());
        node = new NodeVolumes(pools, volumes, new HostPaths(List.of()));
        await(() -> created("v"));
        stage();
        publish("first");
    }

    @AfterEach
    void close() {
        mounts().forEach(mount -> Mounts.unmount(mount.target()));
        pools.close();
        shell("rm -rf " + export + " " + export + ".backup");
    }

    private List<MountPoint> mounts() {
        return MountTable.read().mounts().stream()
                .filter(mount -> mount.target().startsWith(folder))
                .toList();
    }

    private static void shell(String command) {
        TestFileSystem.shell(Path.of("/"), command);
    }

    private boolean created(String name) {
        try {
            var unused = volumes.create(new Volumes.Wanted(
                    name,
                    CapacityRange.atLeast(1 << 20),
                    VolumeParameters.parse(Map.of("pool", "home", "limit", "advisory")),
                    true));
            return true;
        } catch (Fault e) {
            assertThat(e.kind()).as(e.getMessage()).isEqualTo(Fault.Kind.UNAVAILABLE);
            return false;
        }
    }

    private void stage() {
        node.stage(
                "home.v",
                folder.resolve("staging"),
                AccessMode.MULTI_NODE_MULTI_WRITER,
                OptionalLong.empty(),
                Map.of());
    }

    private Path publish(String target) {
        Path path = folder.resolve(target);
        node.publish(new PublishRequest(
                "home.v",
                Optional.of(folder.resolve("staging")),
                path,
                AccessMode.MULTI_NODE_MULTI_WRITER,
                Set.of(),
                OptionalLong.empty(),
                Map.of()));
        return path;
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("a minute is up").isLessThan(deadline);
            LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
        }
    }

    /** A new pod gets the volume, the old one's mounts can go. */
    private void assertUsable(Path onServer) throws IOException {
        assertThat(pools.problem().or(pools::problemOfServers)).isEmpty();
        Path second = publish("second");
        Files.writeString(second.resolve("file"), "content");
        assertThat(onServer.resolve("home.v/file")).hasContent("content");
        node.unpublish("home.v", folder.resolve("first"));
        node.unpublish("home.v", second);
        node.unstage("home.v", folder.resolve("staging"));
        assertThat(mounts()).isEmpty();
        volumes.delete("home.v");
    }

    @Test
    void aFolderThatIsThePoolWasRestored() throws IOException {
        shell("cp -a " + export + " " + export + ".backup; rm -rf " + export + "; cp -a " + export + ".backup "
                + export);
        await(() -> created("new"));
        assertUsable(export);
    }

    @Test
    void aFolderThatIsThePoolIsGoneForAWhile() throws IOException {
        shell("cp -a " + export + " " + export + ".backup; rm -rf " + export);
        assertThat(created("new")).isFalse();
        assertThat(created("new")).isFalse();
        assertThat(pools.problem()).as("what Probe says").isPresent();
        shell("mkdir " + export);
        assertThat(created("new")).as("in another pool").isFalse();
        assertThat(export).isEmptyDirectory();
        shell("rmdir " + export + "; cp -a " + export + ".backup " + export);
        await(() -> created("new"));
        assertUsable(export);
    }

    @Test
    void whatLiesInTheRootOfAnExportWasRestored() throws IOException {
        close();
        serve(server.memory());
        Path root = server.xfsOnServer().resolveSibling("memory");
        shell("cd " + root + "; cp -a . /run/backup; rm -rf .berth home.*; cp -a /run/backup/. .; rm -rf /run/backup");
        await(() -> created("new"));
        assertUsable(root);
        volumes.delete("home.new");
    }

    @Test
    void aVolumesFolderWasRestored() throws IOException {
        shell("cd " + export + "; cp -a home.v x; rm -rf home.v; mv x home.v");
        assertUsable(export);
    }

    @Test
    void aStageRenewsWhatIsStale() throws IOException {
        shell("cd " + export + "; cp -a home.v x; rm -rf home.v; mv x home.v");
        stage();
        Files.writeString(folder.resolve("staging/file"), "content");
        assertThat(export.resolve("home.v/file")).hasContent("content");
        publish("first");
        assertUsable(export);
    }

    @Test
    void aVolumesFolderIsGone() {
        shell("rm -rf " + export + "/home.v");
        await(this::isNotFound);
        node.unpublish("home.v", folder.resolve("first"));
        node.unstage("home.v", folder.resolve("staging"));
        assertThat(mounts()).isEmpty();
    }

    private boolean isNotFound() {
        try {
            publish("second");
            throw new AssertionError("published though it is gone");
        } catch (Fault e) {
            assertThat(e.kind()).as(e.getMessage()).isIn(Fault.Kind.UNAVAILABLE, Fault.Kind.NOT_FOUND);
            return e.kind() == Fault.Kind.NOT_FOUND;
        }
    }
}
