package io.berth.service;

import static io.berth.TestFileSystem.run;
import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.linux.PathHandle;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.pool.Pools;
import io.berth.volume.AccessMode;
import io.berth.volume.CapacityRange;
import io.berth.volume.Snapshot;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Snapshots, restores and clones of images and raw blocks; a thin subclass names the pool's file system. */
@Timeout(120)
abstract class ImageSnapshotsContract {
    static final int MIB = 1 << 20;
    private static final long EXT4_BYTES = 32 * MIB;
    private static final long XFS_BYTES = 300 * MIB;
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final AccessMode WRITER = AccessMode.SINGLE_NODE_WRITER;

    @TempDir
    private Path nodeFolder;

    TestFileSystem fileSystem;
    private Pools pools;
    private Volumes volumes;
    private Snapshots snapshots;
    private NodeVolumes node;

    /** What the pools lie on. */
    abstract String fileSystemType();

    /** Whether it shares blocks between files. */
    abstract boolean clones();

    @BeforeEach
    void open() throws IOException {
        nodeFolder = nodeFolder.toRealPath();
        fileSystem = TestFileSystem.mount(fileSystemType(), 1L << 30);
        pools = Pools.serving(List.of(
                TemporaryPool.config(fileSystem.root(), "fast", "local", ",overcommit=4"),
                TemporaryPool.config(fileSystem.root(), "other", "local", ",overcommit=4")));
        volumes = new Volumes(pools, Clock.systemUTC());
        snapshots = new Snapshots(pools, Clock.systemUTC());
        node = new NodeVolumes(pools, volumes, new HostPaths(List.of()));
    }

    @AfterEach
    void close() {
        for (MountPoint mount : MountTable.read().mounts().reversed()) {
            if (mount.target().startsWith(nodeFolder)) {
                Mounts.unmount(mount.target());
            }
        }
        volumes.list("", 0)
                .volumes()
                .forEach(volume -> pools.get(volume.id().pool()).format(volume).release(volume));
        pools.close();
        fileSystem.close();
    }

    final Volume create(String name, long bytes, boolean block, Optional<Source> source, String... parameters) {
        Map<String, String> strings = new HashMap<>();
        for (int i = 0; i < parameters.length; i += 2) {
            strings.put(parameters[i], parameters[i + 1]);
        }
        CapacityRange range = bytes == 0 ? CapacityRange.ANY : CapacityRange.atLeast(bytes);
        return volumes.create(
                new Volumes.Wanted(
                        name, range, VolumeParameters.parse(strings), false, block, Optional.empty(), source),
                LONG);
    }

    final Volume ext4(String name, String... more) {
        List<String> parameters = new ArrayList<>(List.of("pool", "fast", "format", "image"));
        parameters.addAll(List.of(more));
        return create(name, EXT4_BYTES, false, Optional.empty(), parameters.toArray(String[]::new));
    }

    private Volume xfs(String name) {
        return create(name, XFS_BYTES, false, Optional.empty(), "pool", "fast", "format", "image", "fsType", "xfs");
    }

    private Volume blocks(String name) {
        return create(name, 8 * MIB, true, Optional.empty(), "pool", "fast");
    }

    final Snapshot snapshot(String name, Volume source) {
        return snapshots.create(new Snapshots.Wanted(name, source.id().toString(), Map.of()), LONG);
    }

    static Optional<Source> of(Snapshot snapshot) {
        return Optional.of(new Source.OfSnapshot(snapshot.id()));
    }

    static Optional<Source> of(Volume volume) {
        return Optional.of(new Source.OfVolume(volume.id()));
    }

    /** Stages a volume; its files' root, or its device. */
    final Path stage(Volume volume) {
        String id = volume.id().toString();
        Path staging = nodeFolder.resolve(id);
        if (volume.format().isBlock()) {
            node.stageDevice(id, staging, WRITER, Map.of());
            return staging.resolve(id);
        }
        node.stage(id, staging, WRITER, OptionalLong.empty(), Map.of());
        return staging;
    }

    private void unstage(Volume volume) {
        node.unstage(volume.id().toString(), nodeFolder.resolve(volume.id().toString()));
    }

    private Path image(Volume volume) {
        return volumes.location(volume).resolve("volume.img");
    }

    static byte[] random(int bytes) {
        byte[] data = new byte[bytes];
        new Random(bytes).nextBytes(data);
        return data;
    }

    private static long allocated(Path file) {
        try (PathHandle handle = PathHandle.open(file).orElseThrow()) {
            return handle.status().allocated();
        }
    }

    static Consumer<Throwable> kind(Fault.Kind kind) {
        return thrown -> assertThat(thrown)
                .isInstanceOfSatisfying(
                        Fault.class,
                        fault -> assertThat(fault.kind()).as(fault.getMessage()).isEqualTo(kind));
    }

    final void assertNoSnapshotIsLeft() {
        Path records = fileSystem.root().resolve("fast/.berth/snapshots");
        for (String empty : List.of("data", "copying", "creating", "ready", "by-source")) {
            assertThat(TemporaryPool.names(records.resolve(empty))).as(empty).isEmpty();
        }
    }

    @Test
    void filesThatAreInUseAreRestoredAsTheyWereThen() throws Exception {
        Volume volume = ext4("v");
        Path root = stage(volume);
        byte[] data = random(4 * MIB);
        Files.write(root.resolve("data"), data);
        shell(root, "mkdir -p a/b; echo deep >a/b/c; chmod 640 a/b/c; ln a/b/c a/link; ln -s b a/soft");
        Snapshot snapshot = snapshot("s", volume);
        assertThat(snapshot.ready()).isTrue();
        assertThat(snapshot.usedBytes()).isBetween(4L * MIB, EXT4_BYTES);
        shell(root, "rm -r a; echo changed >data");

        Volume restored = create("r", 0, false, of(snapshot));
        assertThat(restored.capacityBytes()).isEqualTo(volume.capacityBytes());
        assertThat(restored.format()).isEqualTo(volume.format());
        Path copy = stage(restored);
        assertThat(copy.resolve("data")).hasBinaryContent(data);
        assertThat(shell(copy, "cat a/soft/c; stat -c '%a %h' a/link")).isEqualTo("deep\n640 2\n");
        assertThat(root.resolve("data")).hasContent("changed\n");
        Files.writeString(copy.resolve("data"), "another life");
        assertThat(root.resolve("data")).hasContent("changed\n");
    }

    @Test
    void anImageThatNobodyUsesIsCopiedByteForByte() throws Exception {
        Volume volume = ext4("v");
        Files.write(stage(volume).resolve("data"), random(MIB));
        unstage(volume);
        snapshot("s", volume);
        Path copy = fileSystem.root().resolve("fast/.berth/snapshots/data/fast.s/volume.img");
        assertThat(Files.mismatch(image(volume), copy)).isEqualTo(-1);
        assertThat(allocated(copy)).isLessThanOrEqualTo(allocated(image(volume)));
        assertThat(Files.getAttribute(copy.getParent(), "unix:mode")).isEqualTo(040700);
        assertThat(Files.getAttribute(copy, "unix:mode")).isEqualTo(0100600);
    }

    @Test
    void aFileSystemThatIsRestoredLargerGrows() throws Exception {
        Volume volume = xfs("v");
        Path root = stage(volume);
        Files.writeString(root.resolve("file"), "kept");
        Snapshot snapshot = snapshot("s", volume);
        long size = root.toFile().getTotalSpace();
        Volume same = create("same", 0, false, of(snapshot));
        Volume larger = create("larger", 2 * XFS_BYTES, false, of(snapshot));
        Volume clone = create("clone", 2 * XFS_BYTES, false, of(volume));
        assertThat(stage(same).toFile().getTotalSpace()).isEqualTo(size);
        for (Volume grown : List.of(larger, clone)) {
            assertThat(grown.capacityBytes()).isEqualTo(2 * XFS_BYTES);
            assertThat(image(grown)).hasSize(2 * XFS_BYTES);
            Path staged = stage(grown);
            assertThat(staged.toFile().getTotalSpace()).isGreaterThan(size + XFS_BYTES / 2);
            assertThat(staged.resolve("file")).hasContent("kept");
        }
    }

    @Test
    void aCloneOutlivesItsSourceAndMayBeUsedBesideIt() throws Exception {
        Volume volume = ext4("v", "uid", "1000", "mode", "0750");
        Path root = stage(volume);
        Files.writeString(root.resolve("file"), "of v");
        Volume clone = create("c", 0, false, of(volume));
        Path copy = stage(clone);
        assertThat(copy.resolve("file")).hasContent("of v");
        assertThat(clone.ownership()).isEqualTo(volume.ownership());
        assertThat(Files.getAttribute(copy, "unix:uid")).isEqualTo(1000);
        assertThat((int) Files.getAttribute(copy, "unix:mode") & 07777).isEqualTo(0750);
        unstage(volume);
        volumes.delete("fast.v");
        Volume second = create("d", 0, false, of(clone), "gid", "7");
        copy = stage(second);
        assertThat(copy.resolve("file")).hasContent("of v");
        assertThat(Files.getAttribute(copy, "unix:uid")).isEqualTo(1000);
        assertThat(Files.getAttribute(copy, "unix:gid")).isEqualTo(7);
    }

    @Test
    void aRestoredRootIsItsUsersAsItWas() throws Exception {
        Volume volume = ext4("v", "uid", "1000", "gid", "1000", "mode", "0770");
        Snapshot snapshot = snapshot("s", volume);
        Path copy = stage(create("r", 0, false, of(snapshot), "gid", "7"));
        assertThat(Files.getAttribute(copy, "unix:uid")).isEqualTo(1000);
        assertThat(Files.getAttribute(copy, "unix:gid")).isEqualTo(7);
        assertThat((int) Files.getAttribute(copy, "unix:mode") & 07777).isEqualTo(0770);
    }

    @Test
    void anImageIsCopiedToAnotherPool() throws Exception {
        Volume volume = ext4("v");
        Path root = stage(volume);
        Files.writeString(root.resolve("file"), "of v");
        Snapshot snapshot = snapshot("s", volume);
        Volume restored = create("r", 0, false, of(snapshot), "pool", "other");
        Volume clone = create("c", 0, false, of(volume), "pool", "other");
        for (Volume copy : List.of(restored, clone)) {
            assertThat(copy.id().pool()).hasToString("other");
            assertThat(stage(copy).resolve("file")).hasContent("of v");
        }
    }

    @Test
    void rawBlocksAreRestoredByteForByteAndMayBeLarger() throws Exception {
        Volume volume = blocks("v");
        Path device = stage(volume);
        byte[] data = random(8 * MIB);
        Files.write(nodeFolder.resolve("data"), data);
        write(nodeFolder.resolve("data"), device);
        unstage(volume);
        Snapshot snapshot = snapshot("s", volume);
        write(Path.of("/dev/zero"), stage(volume));
        unstage(volume);

        Volume same = create("same", 0, true, of(snapshot));
        assertThat(image(same)).hasBinaryContent(data);
        Volume larger = create("larger", 9 * MIB, true, of(snapshot));
        Path staged = stage(larger);
        assertThat(run("blockdev", "--getsize64", staged.toString()).strip()).isEqualTo(Long.toString(9 * MIB));
        run("cmp", "-n", Integer.toString(8 * MIB), nodeFolder.resolve("data").toString(), staged.toString());
        run("cmp", "-n", Integer.toString(MIB), "-i", 8 * MIB + ":0", staged.toString(), "/dev/zero");
        assertThat(image(create("c", 0, true, of(same)))).hasBinaryContent(data);
    }

    private static void write(Path from, Path device) {
        run("dd", "if=" + from, "of=" + device, "bs=1M", "count=8", "conv=notrunc,fsync", "status=none");
    }

    @Test
    void rawBlocksInUseAreCopiedAtOneMomentOrNotAtAll() throws Exception {
        Volume volume = blocks("v");
        Path device = stage(volume);
        byte[] data = random(8 * MIB);
        Files.write(nodeFolder.resolve("data"), data);
        write(nodeFolder.resolve("data"), device);
        if (clones()) {
            Snapshot snapshot = snapshot("s", volume);
            write(Path.of("/dev/zero"), device);
            assertThat(image(create("r", 0, true, of(snapshot)))).hasBinaryContent(data);
            return;
        }
        assertThatThrownBy(() -> snapshot("s", volume))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("in use");
        assertThatThrownBy(() -> create("c", 0, true, of(volume))).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        assertNoSnapshotIsLeft();
        assertThat(TemporaryPool.names(fileSystem.root().resolve("fast"))).containsExactly(".berth", "fast.v");
        unstage(volume);
        assertThat(snapshot("s", volume).ready()).isTrue();
    }

    @Test
    void aCopyIsOfTheSameFormatAndNotSmaller() {
        Volume image = ext4("i");
        Volume blocks = blocks("b");
        Snapshot ofImage = snapshot("si", image);
        Snapshot ofBlocks = snapshot("sb", blocks);
        assertThatThrownBy(() -> create("r", 0, false, of(ofImage), "format", "directory"))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        assertThatThrownBy(() -> create("r", 0, false, of(ofImage), "fsType", "xfs"))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        assertThatThrownBy(() -> create("r", 0, true, of(ofImage))).satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        assertThatThrownBy(() -> create("r", 0, false, of(ofBlocks))).satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        assertThatThrownBy(() -> create("r", 0, false, of(blocks))).satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        assertThatThrownBy(() -> create("r", 0, false, of(ofImage), "fsType", "btrfs"))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        assertThat(create("small", EXT4_BYTES - 4096, false, of(ofImage)).capacityBytes())
                .isEqualTo(EXT4_BYTES);
        assertThat(volumes.find("fast.r")).isEmpty();
    }

    @Test
    void aSnapshotWhoseImageIsGoneSaysSo() throws Exception {
        Volume volume = ext4("v");
        Snapshot snapshot = snapshot("s", volume);
        Files.delete(fileSystem.root().resolve("fast/.berth/snapshots/data/fast.s/volume.img"));
        assertThatThrownBy(() -> create("r", 0, false, of(snapshot))).satisfies(kind(Fault.Kind.NOT_FOUND));
        Files.delete(image(volume));
        assertThatThrownBy(() -> snapshot("t", volume)).satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThatThrownBy(() -> create("c", 0, false, of(volume))).satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThat(TemporaryPool.names(fileSystem.root().resolve("fast"))).containsExactly(".berth", "fast.v");
    }
}
