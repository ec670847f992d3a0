package io.berth.pool;

import static io.berth.TestFileSystem.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.linux.Directory;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.service.NodeVolumes;
import io.berth.service.Volumes;
import io.berth.volume.AccessMode;
import io.berth.volume.CapacityRange;
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
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A pool whose folder is used only while a file system is mounted at it. */
@Timeout(120)
class AwaitedMountTest {
    private static final int MIB = 1 << 20;

    @TempDir
    Path folder;

    private PoolConfig config;
    private Path fast;
    private Pools pools;
    private Volumes volumes;
    private NodeVolumes node;

    @BeforeEach
    void serve() throws IOException {
        folder = folder.toRealPath();
        serve(folder);
    }

    private void serve(Path parent) {
        config = TemporaryPool.config(parent, "fast", "local", ",mounted=true");
        fast = config.root();
        pools = Pools.serving(List.of(config));
        volumes = new Volumes(pools, Clock.systemUTC());
        node = new NodeVolumes(pools, volumes, new HostPaths(List.of()));
    }

    @AfterEach
    void close() {
        pools.close();
        TemporaryPool.unmountBelow(folder);
    }

    private static void mount(Path path) {
        Mounts.tmpfs("disk", path, 4 * MIB, 0755, 0, 0, Set.of());
    }

    private void create(String name) {
        var unused =
                volumes.create(new Volumes.Wanted(name, CapacityRange.ANY, VolumeParameters.parse(Map.of()), false));
    }

    /** No call is answered as if the pool were empty, and none leaves anything. */
    private void assertUnused() {
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> create("v"),
                () -> volumes.delete("fast.v"),
                () -> volumes.find("fast.v"),
                () -> pools.problem().ifPresent(problem -> {
                    throw problem;
                }))) {
            assertThatThrownBy(call)
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.UNAVAILABLE))
                    .hasMessageContainingAll("pool fast", "no file system is mounted at " + fast);
        }
        assertThat(fast).isEmptyDirectory();
    }

    @Test
    void aFolderWithNothingMountedAtItIsLeftAloneUntilThereIs() {
        assertUnused();
        mount(fast);
        create("v");
        assertThat(pools.problem()).isEmpty();
        assertThat(fast.resolve("fast.v")).isDirectory();
    }

    @Test
    void aFolderBelowAMountedFileSystemIsNotTheMount() {
        pools.close();
        mount(folder);
        serve(folder);
        assertUnused();
    }

    @Test
    void inAContainerTheMountOfTheHostArrivesOnTopOfItsFolder() throws IOException {
        Path host = Files.createDirectory(folder.resolve("host"));
        Path onHost = Files.createDirectory(host.resolve("disk"));
        run("mount", "--bind", host.toString(), host.toString());
        run("mount", "--make-shared", host.toString());
        run("mount", "--bind", onHost.toString(), fast.toString());
        run("mount", "--make-slave", fast.toString());
        assertUnused();
        assertThatThrownBy(() -> create("v")).hasMessageContaining("what shows there is the folder /");
        assertThat(onHost).isEmptyDirectory();

        mount(onHost);
        create("v");
        assertThat(onHost.resolve("fast.v")).isDirectory();
    }

    @Test
    void theDiskThatWasMountedBeforeTheContainerBeganIsUsed() throws IOException {
        Path disk = Files.createDirectory(folder.resolve("disk"));
        mount(disk);
        run("mount", "--bind", disk.toString(), fast.toString());
        create("v");
        assertThat(disk.resolve("fast.v")).isDirectory();
    }

    @Test
    void aSubvolumeOfBtrfsIsMountedAndAFolderOfOneIsNot() {
        try (TestFileSystem btrfs = TestFileSystem.mount("btrfs", 128L * MIB)) {
            String device = MountTable.read().at(btrfs.root()).orElseThrow().source();
            TestFileSystem.shell(btrfs.root(), "btrfs subvolume create @data; mkdir @data/inner");
            Path data = btrfs.root().resolve("@data");

            run("mount", "--bind", data.resolve("inner").toString(), fast.toString());
            assertUnused();
            Mounts.unmount(fast);

            run("mount", "-o", "subvol=@data", device, fast.toString());
            create("v");
            assertThat(data.resolve("fast.v")).isDirectory();
            pools.close();
            Mounts.unmount(fast);
        }
    }

    @Test
    void whatIsUnmountedWhileItIsUsedIsLetGoAndFoundAgain() {
        String image = folder.resolve("image").toString();
        run("truncate", "--size=16M", image);
        run("mkfs.ext4", "-q", image);
        run("mount", "-o", "loop", image, fast.toString());
        String device = MountTable.read().at(fast).orElseThrow().source();
        Path inKernel = Path.of("/proc/fs/ext4").resolve(Path.of(device).getFileName());
        create("v");
        Path staging = folder.resolve("staging");
        node.stage("fast.v", staging, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of());

        run("umount", "--lazy", fast.toString());
        assertUnused();
        node.unstage("fast.v", staging);
        assertThat(MountTable.read().at(staging)).as("a volume can go").isEmpty();

        run("mount", device, fast.toString());
        create("w");
        node.stage("fast.v", staging, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of());
        assertThat(TemporaryPool.names(fast)).contains("fast.v", "fast.w");
        node.unstage("fast.v", staging);

        run("umount", "--lazy", fast.toString());
        assertThat(pools.opened()).hasSize(1);
        assertThat(inKernel).isDirectory();
        pools.keepInPlace(Duration.ZERO);
        assertThat(pools.opened()).isEmpty();
        LimitContract.await(() -> Files.notExists(inKernel));
        assertUnused();
    }

    @Test
    void anotherFileSystemInItsPlaceIsUsedInstead() {
        mount(fast);
        create("v");
        mount(fast);
        assertThat(volumes.find("fast.v")).isEmpty();
        create("w");
        Mounts.unmount(fast);
        assertUnused();
    }

    @Test
    void aLinkToTheFolderIsFollowedAndWhatItLeadsToHasToBeMounted() throws IOException {
        Path disk = Files.createDirectory(folder.resolve("disk"));
        Files.delete(fast);
        Files.createSymbolicLink(fast, disk);
        assertUnused();
        mount(disk);
        create("v");
        create("w");
        assertThat(disk.resolve("fast.w")).isDirectory();
    }

    @Test
    void callsThatMeetItsMountingAndUnmountingDoNothingInTheFolderBelow() throws Exception {
        AtomicInteger made = new AtomicInteger();
        AtomicInteger refused = new AtomicInteger();
        AtomicBoolean enough = new AtomicBoolean();
        ExecutorService callers = Executors.newFixedThreadPool(2);
        try {
            List<Future<?>> ends = new ArrayList<>();
            for (String name : List.of("v", "w")) {
                ends.add(callers.submit(() -> createAndDelete(name, made, refused, enough)));
            }
            for (int round = 0; round < 10; round++) {
                mount(fast);
                int before = made.get();
                LimitContract.await(() -> made.get() > before);
                run("umount", "--lazy", fast.toString());
                int refusedBefore = refused.get();
                LimitContract.await(() -> refused.get() > refusedBefore + 2);
                assertThat(fast).isEmptyDirectory();
            }
            enough.set(true);
            for (Future<?> end : ends) {
                end.get();
            }
        } finally {
            enough.set(true);
            callers.close();
        }
    }

    /** Until it is enough; fails with what is not said of a file system that is not mounted. */
    private void createAndDelete(String name, AtomicInteger made, AtomicInteger refused, AtomicBoolean enough) {
        while (!enough.get()) {
            try {
                create(name);
                volumes.delete("fast." + name);
                made.incrementAndGet();
            } catch (Fault e) {
                assertThat(e.kind()).as(e.getMessage()).isEqualTo(Fault.Kind.UNAVAILABLE);
                refused.incrementAndGet();
            }
        }
    }

    @Test
    void whatAwaitsNoMountIsUsedAsItIs() {
        PoolConfig other = TemporaryPool.config(folder, "other", "local", ",mounted=false");
        try (Directory root = Directory.open(other.root())) {
            assertThat(AwaitedMount.problem(other, root)).isEmpty();
        }
        try (Pools served = Pools.serving(List.of(other))) {
            assertThat(served.problem()).isEqualTo(Optional.empty());
        }
    }
}
