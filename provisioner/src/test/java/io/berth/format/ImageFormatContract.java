package io.berth.format;

import static io.berth.TestFileSystem.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TestFileSystem;
import io.berth.copy.Copied;
import io.berth.copy.Progress;
import io.berth.copy.Rung;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.LoopDevice;
import io.berth.linux.PathHandle;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.volume.FileSystemType;
import io.berth.volume.Format;
import io.berth.volume.HealthProblem;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What an image promises beyond what every format does; a thin subclass names its file system. */
@Timeout(120)
abstract class ImageFormatContract extends VolumeFormatContract {
    static final int MIB = 1 << 20;

    Images images;

    private final UUID poolId = UUID.randomUUID();

    abstract FileSystemType type();

    @Override
    VolumeFormat format(Directory root, Path realRoot) {
        return new ImageFormat(new Images(root, poolId));
    }

    @Override
    Format volumeFormat() {
        return new Format.Image(Optional.of(type()));
    }

    @BeforeEach
    void openImages() {
        images = new Images(root, poolId);
    }

    /** Whether a device goes around the page cache of the pool's file system. */
    boolean directIo() {
        return true;
    }

    final Volume mounted(String path) {
        Volume volume = volume(path, Ownership.ROOT);
        format.create(volume);
        format.mount(volume, target, Set.of());
        return volume;
    }

    final Path image(Volume volume) {
        return pool.resolve(volume.path().toPath()).resolve(Images.FILE);
    }

    static long allocated(Path file) {
        try (PathHandle handle = PathHandle.open(file).orElseThrow()) {
            return handle.status().allocated();
        }
    }

    /** Writes until there is no room; the bytes that were written. */
    static long fill(Path file, long most) throws IOException {
        byte[] bytes = new byte[MIB];
        Arrays.fill(bytes, (byte) 'x');
        long written = 0;
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            while (written < most) {
                written += out.write(ByteBuffer.wrap(bytes));
            }
            out.force(true);
        } catch (IOException e) {
            assertThat(e).hasMessageContaining("No space left");
        }
        return written;
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("in time").isLessThan(deadline);
            LockSupport.parkNanos(Duration.ofMillis(10).toNanos());
        }
    }

    /** Whether the pool's file system shares blocks between files. */
    boolean clones() {
        return false;
    }

    @Test
    void aWriterIsStoppedAtItsSizeAndHarmsNobody() throws Exception {
        Volume neighbour = mounted("fast.neighbour");
        Files.writeString(target.resolve("file"), "kept");
        Mounts.unmount(target);
        Volume volume = mounted("fast.v");
        assertThat(fill(target.resolve("big"), 4 * capacity())).isBetween(capacity() / 2, capacity());
        long size = Files.getFileStore(target).getTotalSpace();
        assertThat(size).isBetween(capacity() * 3 / 4, capacity());
        assertThat(allocated(image(volume))).isLessThanOrEqualTo(capacity() + MIB);

        Mounts.unmount(target);
        format.mount(volume, target, Set.of());
        assertThat(Files.getFileStore(target).getTotalSpace()).isEqualTo(size);
        assertThat(fill(target.resolve("more"), 4 * capacity())).isLessThan(4 * MIB);

        Mounts.unmount(target);
        format.mount(neighbour, target, Set.of());
        assertThat(target.resolve("file")).hasContent("kept");
        assertThat(fill(target.resolve("big"), 8 * MIB)).isEqualTo(8 * MIB);
    }

    @Test
    void deletedDataGivesItsSpaceBack() throws Exception {
        Volume volume = mounted("fast.v");
        Path big = target.resolve("big");
        fill(big, 32 * MIB);
        long full = allocated(image(volume));
        assertThat(full).isGreaterThanOrEqualTo(32 * MIB);
        Files.delete(big);
        await(() -> {
            run("sync", "-f", target.toString());
            return allocated(image(volume)) < full - 24 * MIB;
        });
    }

    @Test
    void aNewImageTakesLittleSpace() {
        Volume volume = mounted("fast.v");
        assertThat(allocated(image(volume))).isLessThan(type() == FileSystemType.XFS ? 72 * MIB : 2 * MIB);
    }

    @Test
    void theLoopDeviceGoesWithTheLastMount() {
        Volume volume = volume("fast.v", Ownership.ROOT);
        format.create(volume);
        assertThat(images.devices(volume)).isEmpty();
        format.mount(volume, target, Set.of());
        assertThat(images.devices(volume))
                .singleElement()
                .satisfies(device -> assertThat(device.flags())
                        .isEqualTo(
                                directIo()
                                        ? Set.of(LoopDevice.Flag.AUTOCLEAR, LoopDevice.Flag.DIRECT_IO)
                                        : Set.of(LoopDevice.Flag.AUTOCLEAR)));
        Mounts.unmount(target);
        assertThat(images.devices(volume)).isEmpty();
    }

    @Test
    void aMountThatFailsLeavesNoDevice() throws Exception {
        Volume volume = volume("fast.v", Ownership.ROOT);
        format.create(volume);
        try (FileChannel out = FileChannel.open(image(volume), StandardOpenOption.WRITE)) {
            out.write(ByteBuffer.allocate(8192));
        }
        assertThatThrownBy(() -> format.mount(volume, target, Set.of())).isInstanceOf(Fault.class);
        assertThat(images.devices(volume)).isEmpty();
    }

    @Test
    void anImageThatSomebodyElseAttachedIsLeftAlone() {
        Volume volume = volume("fast.v", Ownership.ROOT);
        format.create(volume);
        String device = run("losetup", "--show", "-f", image(volume).toString()).strip();
        try {
            assertThatThrownBy(() -> format.mount(volume, target, Set.of()))
                    .hasMessageContaining(device)
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.FAILED_PRECONDITION));
            assertThat(format.mounts(volume, MountTable.read())).isEmpty();
        } finally {
            run("losetup", "-d", device);
        }
    }

    @Test
    void itsMountsAreKnownWhenTheImageIsGone() throws Exception {
        Volume volume = mounted("fast.v");
        Files.delete(image(volume));
        assertThat(format.mounts(volume, MountTable.read())).hasSize(1);
        assertThatThrownBy(() -> format.grow(volume)).hasMessageContaining("is gone");
    }

    @Test
    void whatACreateLeftThatWasCutShortIsUndone() throws Exception {
        Volume volume = volume("fast.v", Ownership.ROOT);
        images.create(volume);
        format.undo(volume);
        assertThat(pool).isEmptyDirectory();
        Files.createDirectory(pool.resolve("fast.v"));
        format.undo(volume);
        assertThat(pool).isEmptyDirectory();
    }

    @Test
    void aFileSystemThatAKilledProcessLeftFrozenIsThawed() throws Exception {
        Volume volume = mounted("fast.v");
        try (Directory frozen = Directory.open(target)) {
            frozen.fifreeze();
        }
        format.settle(volume);
        Files.writeString(target.resolve("file"), "goes on");
        format.settle(volume);
    }

    @Test
    void noDescriptorStaysOpen() {
        Volume volume = mounted("fast.v");
        Mounts.unmount(target);
        long before = TestFileSystem.openDescriptors();
        format.mount(volume, target, Set.of());
        format.grow(volume);
        format.mounts(volume, MountTable.read());
        Mounts.unmount(target);
        assertThat(TestFileSystem.openDescriptors()).isEqualTo(before);
    }

    private Copied copy(Volume volume, Directory parent, Progress progress) {
        try (Directory data = root.openBeneath(volume.path().toPath()).orElseThrow()) {
            return format.copy(new DataSource(data, Optional.of(volume)), parent, "s", progress);
        }
    }

    @Test
    void aCopyOfAMountedImageIsWholeAndStandsAlone() throws Exception {
        Volume volume = mounted("fast.v");
        Volume restored = volume("a/restored", Ownership.ROOT);
        Files.writeString(target.resolve("file"), "as it was");
        Files.setAttribute(target, "unix:uid", 12);
        Files.setAttribute(target, "unix:mode", 0700);
        root.mkdir("snapshots", 0700);
        root.mkdir("scratch", 0700);
        try (Directory snapshots = root.openDirectory("snapshots").orElseThrow();
                Directory scratch = root.openDirectory("scratch").orElseThrow()) {
            Copied copied = copy(volume, snapshots, new Progress());
            assertThat(copied.bytes()).isBetween(1L, capacity());
            assertThat(copied.rung() == Rung.CLONE).isEqualTo(clones());
            Files.writeString(target.resolve("file"), "changed since");

            try (Directory data = snapshots.openDirectory("s").orElseThrow()) {
                DataSource snapshot = new DataSource(data, Optional.empty());
                assertThat(format.create(restored, snapshot, scratch, new Progress()))
                        .isPresent();
                assertThat(format.create(restored, snapshot, scratch, new Progress()))
                        .isEmpty();
            }
        }
        Mounts.unmount(target);
        run(
                "rm",
                "-rf",
                pool.resolve("fast.v").toString(),
                pool.resolve("snapshots").toString());
        format.mount(restored, target, Set.of());
        assertThat(target.resolve("file")).hasContent("as it was");
        assertThat(Files.getAttribute(target, "unix:uid")).isEqualTo(12);
        assertThat((int) Files.getAttribute(target, "unix:mode") & 07777).isEqualTo(0700);
    }

    @Test
    void aCopyThatIsCancelledThawsItsSource() throws Exception {
        Volume volume = mounted("fast.v");
        fill(target.resolve("big"), 32 * MIB);
        Progress progress = new Progress();
        progress.cancel();
        root.mkdir("snapshots", 0700);
        try (Directory snapshots = root.openDirectory("snapshots").orElseThrow()) {
            if (clones()) {
                copy(volume, snapshots, progress);
            } else {
                assertThatThrownBy(() -> copy(volume, snapshots, progress)).isInstanceOf(CancellationException.class);
            }
        }
        Files.writeString(target.resolve("file"), "goes on");
    }

    @Test
    void anImageThatIsGoneIsNotWell() throws Exception {
        Volume volume = mounted("fast.v");
        assertThat(format.problems(volume, MountTable.read())).isEmpty();
        fill(target.resolve("big"), 4 * capacity());
        assertThat(format.problems(volume, MountTable.read()))
                .extracting(HealthProblem::reason)
                .containsExactly(HealthProblem.Reason.NEARLY_FULL);
        Mounts.unmount(target);
        Files.delete(image(volume));
        assertThat(format.problems(volume, MountTable.read()))
                .extracting(HealthProblem::reason)
                .containsExactly(HealthProblem.Reason.DATA_MISSING);
        run("rm", "-rf", pool.resolve("fast.v").toString());
        assertThat(format.problems(volume, MountTable.read()))
                .extracting(HealthProblem::reason)
                .containsExactly(HealthProblem.Reason.DATA_MISSING);
    }
}
