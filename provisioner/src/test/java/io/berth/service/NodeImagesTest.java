package io.berth.service;

import static io.berth.TestFileSystem.run;
import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.linux.FileType;
import io.berth.linux.LoopDevice;
import io.berth.linux.PathHandle;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.nfs.NfsOptions;
import io.berth.pool.Pools;
import io.berth.volume.AccessMode;
import io.berth.volume.CapacityRange;
import io.berth.volume.FileSystemType;
import io.berth.volume.Format;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images and raw blocks on a node. */
@Timeout(120)
class NodeImagesTest {
    private static final long MIB = 1 << 20;
    private static final AccessMode WRITER = AccessMode.SINGLE_NODE_WRITER;

    @TempDir
    private Path folder;

    private Path staging;
    private Path target;
    private Path other;
    private Pools pools;
    private Volumes volumes;
    private NodeVolumes node;
    private Health health;

    @BeforeEach
    void open() throws IOException {
        folder = folder.toRealPath();
        staging = Files.createDirectory(folder.resolve("staging"));
        target = folder.resolve("target");
        other = folder.resolve("other");
        start(folder);
    }

    private void start(Path parentOfPool) {
        pools = Pools.serving(List.of(TemporaryPool.config(parentOfPool, "fast", "local", "")));
        volumes = new Volumes(pools, Clock.systemUTC());
        node = new NodeVolumes(pools, volumes, new HostPaths(List.of()));
        health = new Health(pools, volumes, new HostPaths(List.of()));
    }

    private void restart() {
        pools.close();
        start(folder);
        pools.problem();
    }

    @AfterEach
    void close() {
        unmountAll();
        loops().forEach(NodeImagesTest::detach);
        pools.close();
    }

    private void unmountAll() {
        for (MountPoint mount : mounts().reversed()) {
            Mounts.unmount(mount.target());
        }
    }

    private static void detach(LoopDevice.Attached attached) {
        LoopDevice.open(attached).ifPresent(device -> {
            try (device) {
                device.detach();
            }
        });
    }

    private List<MountPoint> mounts() {
        return MountTable.read().mounts().stream()
                .filter(mount -> mount.target().startsWith(folder))
                .toList();
    }

    /** The loop devices of images in this test's pool. */
    private List<LoopDevice.Attached> loops() {
        List<LoopDevice.Attached> loops = new ArrayList<>();
        for (LoopDevice.Attached attached : LoopDevice.attached()) {
            Path backing = Path.of("/sys/block/" + attached.node().getFileName() + "/loop/backing_file");
            try {
                if (Files.readString(backing).startsWith(folder + "/")) {
                    loops.add(attached);
                }
            } catch (IOException e) {
                assertThat(backing).doesNotExist(); // somebody else's, and gone by now
            }
        }
        return loops;
    }

    private Volumes.Wanted wanted(String name, CapacityRange range, boolean block, Map<String, String> parameters) {
        return new Volumes.Wanted(
                name, range, VolumeParameters.parse(parameters), false, block, Optional.empty(), Optional.empty());
    }

    private String image(String name, String fsType) {
        return volumes.create(wanted(
                        name,
                        CapacityRange.atLeast(fsType.equals("xfs") ? 300 * MIB : 16 * MIB),
                        false,
                        Map.of("format", "image", "fsType", fsType)))
                .id()
                .toString();
    }

    private String block(String name) {
        return volumes.create(wanted(name, CapacityRange.atLeast(16 * MIB), true, Map.of()))
                .id()
                .toString();
    }

    private void stage(String id) {
        node.stage(id, staging, WRITER, OptionalLong.empty(), Map.of());
    }

    private PublishRequest files(String id, Path path, MountOption... options) {
        return new PublishRequest(
                id, Optional.of(staging), path, WRITER, Set.of(options), OptionalLong.empty(), Map.of());
    }

    private PublishRequest device(String id, Path path, AccessMode mode, MountOption... options) {
        return new PublishRequest(
                id,
                Optional.of(staging),
                path,
                mode,
                true,
                Set.of(options),
                OptionalLong.empty(),
                Map.of(),
                NfsOptions.DEFAULT,
                NfsOptions.DEFAULT);
    }

    private static Consumer<Throwable> kind(Fault.Kind kind) {
        return thrown -> assertThat(thrown)
                .isInstanceOfSatisfying(
                        Fault.class,
                        fault -> assertThat(fault.kind()).as(fault.getMessage()).isEqualTo(kind));
    }

    private static long size(Path device) {
        return Long.parseLong(run("blockdev", "--getsize64", device.toString()).strip());
    }

    @Test
    void anImageGoesThroughItsLifeOnANode() throws Exception {
        String id = image("v", "ext4");
        assertThat(loops()).isEmpty();
        stage(id);
        stage(id);
        node.publish(files(id, target));
        node.publish(files(id, target));
        Files.writeString(target.resolve("file"), "kept");
        assertThat(mounts()).hasSize(2).allMatch(mount -> mount.fsType().equals("ext4"));
        assertThat(loops()).hasSize(1);
        assertThat(node.usage(id, target).totalBytes()).isBetween(8 * MIB, 16 * MIB);
        assertThat(node.usage(id, staging).totalInodes()).isPositive();
        assertThat(volumes.mountedAt(volumes.get(id))).containsExactlyInAnyOrder(staging, target);
        assertThatThrownBy(() -> volumes.delete(id)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));

        node.unpublish(id, target);
        node.unpublish(id, target);
        assertThat(target).doesNotExist();
        node.unstage(id, staging);
        node.unstage(id, staging);
        assertThat(mounts()).isEmpty();
        assertThat(loops()).isEmpty();
        assertThat(staging).isEmptyDirectory();
        volumes.delete(id);
        assertThatThrownBy(() -> stage(id)).satisfies(kind(Fault.Kind.NOT_FOUND));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatWasMountedUnderAnotherIdentityOfThePoolIsKnown(boolean block) throws Exception {
        String id = block ? block("v") : image("v", "ext4");
        Runnable stage = () -> {
            if (block) {
                node.stageDevice(id, staging, WRITER, Map.of());
            } else {
                stage(id);
            }
        };
        stage.run();
        Path identity = folder.resolve("fast/.berth/pool.json");
        Files.writeString(
                identity,
                Files.readString(identity)
                        .replaceAll("\"uuid\" : \"[^\"]*\"", "\"uuid\" : \"" + UUID.randomUUID() + "\""));
        restart();
        assertThatThrownBy(() -> volumes.delete(id)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        stage.run();
        node.unstage(id, staging);
        assertThat(loops()).isEmpty();
        volumes.delete(id);
    }

    @Test
    void anImageIsReadOnlyWhereItIsPublishedSo() throws Exception {
        String id = image("v", "ext4");
        stage(id);
        node.publish(files(id, target, MountOption.RO));
        assertThatThrownBy(() -> Files.writeString(target.resolve("file"), "x")).hasMessageContaining("Read-only");
        assertThatThrownBy(() -> node.publish(files(id, target))).satisfies(kind(Fault.Kind.ALREADY_EXISTS));
    }

    @Test
    void aGroupGetsAnImageToo() throws Exception {
        String id = image("v", "ext4");
        node.stage(id, staging, WRITER, OptionalLong.of(4242), Map.of());
        assertThat(Files.getAttribute(staging, "unix:gid")).isEqualTo(4242);
        assertThat((int) Files.getAttribute(staging, "unix:mode") & 07777).isEqualTo(02775);
    }

    @Test
    void anImageGrowsOnTheNodeWhileItIsUsed() {
        String id = image("v", "xfs");
        stage(id);
        node.publish(files(id, target));
        Volume volume = volumes.expand(id, CapacityRange.atLeast(600 * MIB));
        assertThat(volume.capacityBytes()).isEqualTo(600 * MIB);
        assertThat(volumes.growsOnNode(volume)).isTrue();
        assertThat(node.usage(id, target).totalBytes()).isLessThan(300 * MIB);
        assertThat(node.expand(id, target, CapacityRange.ANY).capacityBytes()).isEqualTo(600 * MIB);
        assertThat(node.usage(id, target).totalBytes()).isGreaterThan(500 * MIB);
        assertThat(node.expand(id, staging, CapacityRange.atLeast(700 * MIB)).capacityBytes())
                .isEqualTo(700 * MIB);
        assertThat(node.usage(id, staging).totalBytes()).isGreaterThan(600 * MIB);
    }

    @Test
    void anotherVolumesImageIsNotUnmounted() {
        String one = image("one", "ext4");
        String two = image("two", "ext4");
        String directory = volumes.create(
                        new Volumes.Wanted("d", CapacityRange.ANY, VolumeParameters.parse(Map.of()), false))
                .id()
                .toString();
        stage(one);
        node.publish(files(one, target));
        for (String id : List.of(two, directory, "fast.none", "none")) {
            assertThatThrownBy(() -> node.unpublish(id, target)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
            assertThatThrownBy(() -> node.unstage(id, staging)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        }
        assertThatThrownBy(() -> stage(two)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        assertThatThrownBy(() -> node.usage(two, target)).satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThat(mounts()).hasSize(2);
    }

    @Test
    void anImageWhoseDataIsGoneCanBeUnmounted() throws Exception {
        String id = image("v", "ext4");
        stage(id);
        node.publish(files(id, target));
        run("rm", "-rf", folder.resolve("fast").resolve(id).toString());
        node.unpublish(id, target);
        node.unstage(id, staging);
        assertThat(mounts()).isEmpty();
        assertThatThrownBy(() -> stage(id)).satisfies(kind(Fault.Kind.NOT_FOUND));
    }

    @Test
    void anImageWhoseRecordIsGoneCanBeUnmounted() throws Exception {
        String id = image("v", "ext4");
        stage(id);
        Files.delete(folder.resolve("fast/.berth/volumes").resolve(id + ".json"));
        assertThatThrownBy(() -> node.unstage("fast.w", staging)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        node.unstage(id, staging);
        assertThat(mounts()).isEmpty();
    }

    @Test
    void sizesThatAnImageCannotHaveAreRefused() {
        Map<String, String> xfs = Map.of("format", "image", "fsType", "xfs");
        assertThatThrownBy(() -> volumes.create(wanted("v", CapacityRange.exactly(299 * MIB), false, xfs)))
                .satisfies(kind(Fault.Kind.OUT_OF_RANGE))
                .hasMessageContaining(Long.toString(300 * MIB));
        assertThatThrownBy(() -> volumes.create(wanted("v", CapacityRange.exactly(16 * MIB + 1), false, xfs)))
                .satisfies(kind(Fault.Kind.OUT_OF_RANGE));
        assertThatThrownBy(() -> volumes.create(wanted("v", CapacityRange.atLeast(Long.MAX_VALUE), true, Map.of())))
                .satisfies(kind(Fault.Kind.OUT_OF_RANGE));
        assertThat(new Format.Image(Optional.of(FileSystemType.XFS)).capacity(CapacityRange.atLeast(1)))
                .isEqualTo(300 * MIB);
        assertThat(new Format.Image(Optional.of(FileSystemType.EXT4)).capacity(CapacityRange.atLeast(16 * MIB + 1)))
                .isEqualTo(16 * MIB + 4096);
        assertThat(new Format.Image(Optional.empty()).capacity(CapacityRange.atLeast(16 * MIB + 1)))
                .isEqualTo(16 * MIB + 512);
        assertThat(new Format.Image(Optional.empty()).capacity(new CapacityRange(0, 1025)))
                .isEqualTo(1024);
        assertThat(volumes.list("", 0).volumes()).isEmpty();
    }

    @Test
    void aRequestThatDoesNotFitTheVolumeIsRefused() {
        String files = image("files", "ext4");
        String blocks = block("blocks");
        assertThatThrownBy(() -> node.stageDevice(files, staging, WRITER, Map.of()))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        assertThatThrownBy(() -> stage(blocks)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        assertThatThrownBy(() ->
                        node.stage(files, staging, AccessMode.MULTI_NODE_MULTI_WRITER, OptionalLong.empty(), Map.of()))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        assertThatThrownBy(() -> volumes.create(
                        wanted("files", CapacityRange.atLeast(16 * MIB), true, Map.of("format", "image"))))
                .satisfies(kind(Fault.Kind.ALREADY_EXISTS));
        assertThatThrownBy(() -> volumes.create(wanted(
                        "files", CapacityRange.atLeast(16 * MIB), false, Map.of("format", "image", "fsType", "xfs"))))
                .satisfies(kind(Fault.Kind.ALREADY_EXISTS));
        assertThatThrownBy(() -> volumes.create(wanted("new", CapacityRange.ANY, true, Map.of("format", "directory"))))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        assertThatThrownBy(() -> volumes.create(
                        wanted("new", CapacityRange.ANY, false, Map.of("format", "image", "inodes", "5"))))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        assertThat(mounts()).isEmpty();
        assertThat(loops()).isEmpty();
    }

    @Test
    void rawBlocksGoThroughTheirLifeOnANode() throws Exception {
        String id = block("v");
        node.stageDevice(id, staging, WRITER, Map.of());
        node.stageDevice(id, staging, WRITER, Map.of());
        node.publish(device(id, target, WRITER));
        node.publish(device(id, target, WRITER));
        assertThat(loops()).hasSize(1);
        assertThat(mounts()).hasSize(2);
        try (PathHandle handle = PathHandle.open(target).orElseThrow()) {
            assertThat(handle.status().type()).isEqualTo(FileType.BLOCK_DEVICE);
        }
        assertThat(size(target)).isEqualTo(16 * MIB);
        assertThat(node.usage(id, target).totalBytes()).isEqualTo(16 * MIB);
        assertThat(node.usage(id, staging).totalBytes()).isEqualTo(16 * MIB);
        assertThatThrownBy(() -> node.publish(device(id, other, WRITER)))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        run("sh", "-c", "echo kept | dd of=\"$0\" conv=notrunc,fsync status=none", target.toString());

        volumes.expand(id, CapacityRange.atLeast(20 * MIB));
        assertThat(node.expand(id, target, CapacityRange.ANY).capacityBytes()).isEqualTo(20 * MIB);
        assertThat(size(target)).isEqualTo(20 * MIB);

        assertThatThrownBy(() -> volumes.delete(id)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        node.unpublish(id, target);
        node.unpublish(id, target);
        assertThat(target).doesNotExist();
        assertThat(loops()).hasSize(1);
        node.unstage(id, staging);
        node.unstage(id, staging);
        assertThat(mounts()).isEmpty();
        assertThat(loops()).isEmpty();
        assertThat(staging).isEmptyDirectory();

        node.stageDevice(id, staging, WRITER, Map.of());
        node.publish(device(id, target, WRITER));
        assertThat(run("head", "-c", "4", target.toString())).isEqualTo("kept");
        node.unpublish(id, target);
        node.unstage(id, staging);
        volumes.delete(id);
    }

    @Test
    void rawBlocksAreReadOnlyWhereTheyArePublishedSo() {
        AccessMode many = AccessMode.SINGLE_NODE_MULTI_WRITER;
        String id = block("v");
        node.stageDevice(id, staging, many, Map.of());
        node.publish(device(id, target, many, MountOption.RO));
        String write = "echo x | dd of=\"$0\" conv=notrunc status=none";
        run("sh", "-c", "! (" + write + ") 2>/dev/null", target.toString());
        assertThatThrownBy(() -> node.publish(device(id, other, many))).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        node.publish(device(id, other, many, MountOption.RO));
        node.unpublish(id, other);
        node.unpublish(id, target);
        node.publish(device(id, target, many));
        run("sh", "-c", write, target.toString());
        assertThatThrownBy(() -> node.publish(device(id, other, many, MountOption.RO)))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
    }

    @Test
    void anotherVolumesDeviceIsNotUnmounted() {
        String one = block("one");
        String two = block("two");
        node.stageDevice(one, staging, WRITER, Map.of());
        node.publish(device(one, target, WRITER));
        assertThatThrownBy(() -> node.unpublish(two, target)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        assertThatThrownBy(() -> node.usage(two, target)).satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThat(mounts()).hasSize(2);
        node.unpublish(one, target);
    }

    @Test
    void aDeviceIsFoundAgainAfterARestart() {
        String id = block("v");
        node.stageDevice(id, staging, WRITER, Map.of());
        node.publish(device(id, target, WRITER));
        restart();
        assertThat(loops()).hasSize(1);
        node.stageDevice(id, staging, WRITER, Map.of());
        node.publish(device(id, target, WRITER));
        assertThat(mounts()).hasSize(2);
        node.unpublish(id, target);
        node.unstage(id, staging);
        assertThat(loops()).isEmpty();
    }

    @Test
    void aDeviceThatACrashLeftAttachedIsDetachedAtTheStart() {
        String id = block("v");
        node.stageDevice(id, staging, WRITER, Map.of());
        Mounts.unmount(staging.resolve(id));
        assertThat(loops()).hasSize(1);
        restart();
        assertThat(loops()).isEmpty();
        node.stageDevice(id, staging, WRITER, Map.of());
        assertThat(loops()).hasSize(1);
    }

    private List<String> problems(String id, Path... paths) {
        return health.onNode(id, List.of(paths)).stream()
                .map(problem -> problem.reason().toString())
                .toList();
    }

    @Test
    void aDeviceThatWasDetachedIsToldAndComesBackWithTheNextStage() {
        String id = block("v");
        node.stageDevice(id, staging, WRITER, Map.of());
        node.publish(device(id, target, WRITER));
        assertThat(problems(id, target)).isEmpty();
        loops().forEach(NodeImagesTest::detach);
        assertThat(loops()).isEmpty();
        assertThat(problems(id)).containsExactly("LoopDeviceLost");
        assertThat(problems(id, target)).containsExactly("LoopDeviceLost", "MountLost");
        assertThatThrownBy(() -> node.usage(id, target)).satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThatThrownBy(() -> node.stageDevice(id, staging, WRITER, Map.of()))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        node.unpublish(id, target);
        node.unstage(id, staging);
        assertThat(mounts()).isEmpty();
        node.stageDevice(id, staging, WRITER, Map.of());
        node.publish(device(id, target, WRITER));
        assertThat(problems(id, target)).isEmpty();
        assertThat(size(target)).isEqualTo(16 * MIB);
    }

    @Test
    void anImageFileThatIsGoneIsTold() throws Exception {
        for (String id : List.of(image("files", "ext4"), block("blocks"))) {
            useOneOf(id);
            Path file = folder.resolve("fast").resolve(id).resolve("volume.img");
            Files.delete(file);
            assertThat(problems(id, folder.resolve("target-" + id))).containsExactly("DataMissing");
            assertThatThrownBy(() -> volumes.expand(id, CapacityRange.atLeast(20 * MIB)))
                    .satisfies(kind(Fault.Kind.NOT_FOUND))
                    .hasMessageContaining(file.toString());
            stopUsing(id);
            assertThatThrownBy(() -> useOneOf(id))
                    .satisfies(kind(Fault.Kind.NOT_FOUND))
                    .hasMessageContaining(file.toString());
            volumes.delete(id);
        }
        assertThat(loops()).isEmpty();
    }

    @Test
    void aPoolThatIsReadOnlyIsToldAndHarmsNothing() {
        pools.close();
        try (TestFileSystem ext4 = TestFileSystem.mount("ext4", 256 * MIB)) {
            start(ext4.root());
            List<String> ids = List.of(image("files", "ext4"), block("blocks"));
            ids.forEach(this::useOneOf);
            ids.forEach(this::stopUsing);
            run("mount", "-o", "remount,errors=remount-ro", ext4.root().toString());
            shell(ext4.root(), "echo 1 > /sys/fs/ext4/$(basename $(findmnt -no SOURCE .))/trigger_fs_error");
            for (String id : ids) {
                assertThat(problems(id)).containsExactly("ReadOnlyFileSystem");
                assertThatThrownBy(() -> useOneOf(id))
                        .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                        .hasMessageContaining("read-write");
                assertThatThrownBy(() -> volumes.expand(id, CapacityRange.atLeast(20 * MIB)))
                        .satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
            }
            assertThatThrownBy(() -> image("new", "ext4")).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
            assertThat(mounts()).isEmpty();
            pools.close();
            ext4.remount();
            start(ext4.root());
            ids.forEach(this::useOneOf);
            ids.forEach(this::stopUsing);
            pools.close();
        }
    }

    private void stopUsing(String id) {
        node.unpublish(id, folder.resolve("target-" + id));
        node.unstage(id, folder.resolve("staging-" + id));
    }

    @Test
    void fiftyVolumesAreStagedAnewAfterAReboot() throws Exception {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            ids.add(i % 5 == 0 ? block("v" + i) : image("v" + i, "ext4"));
        }
        ids.forEach(this::useOneOf);
        assertThat(loops()).hasSize(50);

        unmountAll();
        loops().forEach(NodeImagesTest::detach);
        assertThat(loops()).isEmpty();
        restart();

        ids.forEach(this::useOneOf);
        assertThat(loops()).hasSize(50);
        ids.forEach(this::stopUsing);
        assertThat(loops()).isEmpty();
        assertThat(mounts()).isEmpty();
    }

    private void useOneOf(String id) {
        Path staged = folder.resolve("staging-" + id);
        Path published = folder.resolve("target-" + id);
        boolean block = volumes.get(id).format().isBlock();
        if (block) {
            node.stageDevice(id, staged, WRITER, Map.of());
        } else {
            node.stage(id, staged, WRITER, OptionalLong.empty(), Map.of());
        }
        node.publish(new PublishRequest(
                id,
                Optional.of(staged),
                published,
                WRITER,
                block,
                Set.of(),
                OptionalLong.empty(),
                Map.of(),
                NfsOptions.DEFAULT,
                NfsOptions.DEFAULT));
    }
}
