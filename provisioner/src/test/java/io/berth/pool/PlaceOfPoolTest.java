package io.berth.pool;

import static io.berth.TestFileSystem.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.service.NodeVolumes;
import io.berth.service.Volumes;
import io.berth.volume.AccessMode;
import io.berth.volume.CapacityRange;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A pool whose path leads elsewhere than when it was opened, without mounted=true. */
class PlaceOfPoolTest {
    @TempDir
    Path folder;

    private Path fast;
    private Path staging;
    private Pools pools;
    private Volumes volumes;
    private NodeVolumes node;

    @BeforeEach
    void serve() throws IOException {
        folder = folder.toRealPath();
        PoolConfig config = TemporaryPool.config(folder, "fast", "local", "");
        fast = config.root();
        staging = folder.resolve("staging");
        pools = Pools.serving(List.of(config));
        volumes = new Volumes(pools, Clock.systemUTC());
        node = new NodeVolumes(pools, volumes, new HostPaths(List.of()));
        create("v");
        stage("fast.v", staging);
    }

    @AfterEach
    void close() {
        pools.close();
        TemporaryPool.unmountBelow(folder);
    }

    private void create(String name) {
        var unused =
                volumes.create(new Volumes.Wanted(name, CapacityRange.ANY, VolumeParameters.parse(Map.of()), false));
    }

    private void stage(String id, Path at) {
        node.stage(id, at, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of());
    }

    /** No call is answered as if the pool were empty, none leaves anything, and what is mounted can go. */
    private void assertRefused() {
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> create("w"),
                () -> volumes.delete("fast.v"),
                () -> volumes.find("fast.v"),
                () -> stage("fast.v", folder.resolve("second")),
                () -> pools.problem().ifPresent(problem -> {
                    throw problem;
                }))) {
            assertThatThrownBy(call)
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.UNAVAILABLE))
                    .hasMessageContainingAll("pool fast", fast + " is another folder", "put back what was there");
        }
        node.unstage("fast.v", staging);
        assertThat(MountTable.read().at(staging)).isEmpty();
    }

    private void assertUsed() {
        assertThat(pools.problem()).isEmpty();
        assertThat(volumes.find("fast.v")).isPresent();
        create("w");
        assertThat(fast.resolve("fast.w")).isDirectory();
        stage("fast.v", staging);
        volumes.delete("fast.w");
    }

    @Test
    void aDiskIsMountedOverIt() {
        Mounts.tmpfs("disk", fast, 4 << 20, 0755, 0, 0, Set.of());
        assertRefused();
        assertThat(fast).isEmptyDirectory();
        Mounts.unmount(fast);
        assertUsed();
    }

    @Test
    void itIsMovedAwayAndBack() {
        Path away = folder.resolve("away");
        run("mv", fast.toString(), away.toString());
        assertRefused();
        run("mkdir", fast.toString());
        assertRefused();
        assertThat(fast).isEmptyDirectory();
        run("rmdir", fast.toString());
        run("mv", away.toString(), fast.toString());
        assertUsed();
    }

    @Test
    void itsRecordsAreMovedAwayAndBack() {
        run("mv", fast.resolve(".berth").toString(), folder.resolve("away").toString());
        assertRefused();
        assertThat(TemporaryPool.names(fast)).containsExactly("fast.v");
        run("mv", folder.resolve("away").toString(), fast.resolve(".berth").toString());
        assertUsed();
    }

    @Test
    void anotherPoolLiesThere() {
        run("mv", fast.toString(), folder.resolve("away").toString());
        try (Pools others = Pools.serving(List.of(TemporaryPool.config(folder, "fast", "local", "")))) {
            assertThat(others.problem()).isEmpty();
        }
        assertRefused();
    }

    @Test
    void itIsRestoredFromABackup() {
        run("cp", "-a", fast.toString(), folder.resolve("backup").toString());
        run("rm", "-r", fast.toString());
        assertRefusedUntilRestored();
        run("cp", "-a", folder.resolve("backup").toString(), fast.toString());
        assertUsed();
    }

    private void assertRefusedUntilRestored() {
        assertThatThrownBy(() -> create("w")).hasMessageContaining("is another folder");
    }

    @Test
    void aLinkToItIsPutInItsPlace() {
        run("mv", fast.toString(), folder.resolve("disk").toString());
        run("ln", "-s", folder.resolve("disk").toString(), fast.toString());
        assertUsed();
    }

    @Test
    void itIsMountedOnItself() {
        run("mount", "--bind", fast.toString(), fast.toString());
        assertUsed();
    }
}
