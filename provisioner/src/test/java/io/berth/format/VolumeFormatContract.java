package io.berth.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.PathHandle;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.volume.Format;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.PoolName;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What every format promises; a thin subclass names one. */
abstract class VolumeFormatContract {
    @TempDir
    Path folder;

    Directory root;
    Path pool;
    Path target;
    VolumeFormat format;

    /** The format under test. */
    abstract VolumeFormat format(Directory root, Path realRoot);

    /** The format that its volumes have. */
    abstract Format volumeFormat();

    /** The size of its volumes. */
    abstract long capacity();

    /** A folder of the file system to make a pool in. */
    Path place() throws IOException {
        return folder;
    }

    @BeforeEach
    void open() throws Exception {
        folder = folder.toRealPath();
        pool = Files.createDirectory(place().resolve("pool"));
        target = Files.createDirectory(folder.resolve("target"));
        root = Directory.open(pool);
        format = format(root, pool.toRealPath());
    }

    @AfterEach
    void unmountAndClose() {
        for (MountPoint mount : MountTable.read().mounts().reversed()) {
            if (mount.target().startsWith(folder)) {
                Mounts.unmount(mount.target());
            }
        }
        root.close();
    }

    final Volume volume(String path, Ownership ownership) {
        return new Volume(
                new VolumeId(new PoolName("fast"), path.replace('/', '.')),
                path,
                VolumePath.parse(path),
                volumeFormat(),
                capacity(),
                Instant.EPOCH,
                OnDelete.DELETE,
                ownership,
                false,
                false,
                Optional.empty(),
                Map.of());
    }

    @Test
    void aNewVolumeIsEmptyAndItsOwners() throws Exception {
        Volume volume = volume("fast.v", new Ownership(1234, 5678, 02750));
        assertThat(format.create(volume)).isTrue();
        format.mount(volume, target, Set.of());
        assertThat(Files.getAttribute(target, "unix:uid")).isEqualTo(1234);
        assertThat(Files.getAttribute(target, "unix:gid")).isEqualTo(5678);
        assertThat((int) Files.getAttribute(target, "unix:mode") & 07777).isEqualTo(02750);
        assertThat(target).isEmptyDirectory();
    }

    @Test
    void whatIsWrittenIsThereAtTheNextMount() throws Exception {
        Volume volume = volume("a/b/c", Ownership.ROOT);
        format.create(volume);
        format.mount(volume, target, Set.of());
        Files.writeString(target.resolve("file"), "kept");
        Mounts.unmount(target);
        assertThat(target).isEmptyDirectory();
        format.mount(volume, target, Set.of());
        assertThat(target.resolve("file")).hasContent("kept");
    }

    @Test
    void aReadOnlyMountCannotBeWritten() {
        Volume volume = volume("fast.v", Ownership.ROOT);
        format.create(volume);
        format.mount(volume, target, Set.of(MountOption.RO));
        assertThatThrownBy(() -> Files.writeString(target.resolve("file"), "x")).hasMessageContaining("Read-only");
    }

    @Test
    void whatIsThereAlreadyIsLeftAsItIs() throws Exception {
        Files.createDirectory(pool.resolve("fast.v"));
        Files.writeString(pool.resolve("fast.v/file"), "somebody's");
        assertThat(format.create(volume("fast.v", Ownership.ROOT))).isFalse();
        assertThat(pool.resolve("fast.v/file")).hasContent("somebody's");
    }

    @Test
    void undoRemovesWhatWasMadeAndMayBeRepeated() {
        Volume volume = volume("fast.v", Ownership.ROOT);
        format.undo(volume);
        format.create(volume);
        format.undo(volume);
        format.undo(volume);
        assertThat(pool.resolve("fast.v")).doesNotExist();
        assertThat(format.create(volume)).isTrue();
    }

    @Test
    void undoKeepsData() throws Exception {
        Volume volume = volume("fast.v", Ownership.ROOT);
        format.create(volume);
        format.mount(volume, target, Set.of());
        Files.writeString(target.resolve("file"), "kept");
        Mounts.unmount(target);
        format.undo(volume);
        format.mount(volume, target, Set.of());
        assertThat(target.resolve("file")).hasContent("kept");
    }

    @Test
    void dataThatIsGoneIsNotFound() {
        assertThatThrownBy(() -> format.mount(volume("fast.v", Ownership.ROOT), target, Set.of()))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.NOT_FOUND));
    }

    @Test
    void aSymbolicLinkOnTheWayIsNotFollowed() throws Exception {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        Files.createSymbolicLink(pool.resolve("a"), outside);
        Files.createSymbolicLink(pool.resolve("fast.v"), outside);
        assertThatThrownBy(() -> format.create(volume("a/b", Ownership.ROOT))).isInstanceOf(Fault.class);
        assertThatThrownBy(() -> format.mount(volume("fast.v", Ownership.ROOT), target, Set.of()))
                .hasMessageContaining("symbolic link");
        assertThat(outside).isEmptyDirectory();
    }

    @Test
    void itsMountsAreKnownWhereverTheyAre() throws Exception {
        Volume volume = volume("fast.v", Ownership.ROOT);
        Volume other = volume("fast.w", Ownership.ROOT);
        Path second = Files.createDirectory(folder.resolve("second"));
        format.create(volume);
        format.create(other);
        assertThat(format.mounts(volume, MountTable.read())).isEmpty();
        format.mount(volume, target, Set.of());
        format.mount(volume, second, Set.of(MountOption.RO));
        Files.writeString(target.resolve("file"), "the same");
        assertThat(second.resolve("file")).hasContent("the same");
        assertThat(format.mounts(volume, MountTable.read()))
                .extracting(MountPoint::target)
                .containsExactlyInAnyOrder(target, second);
        assertThat(format.mounts(other, MountTable.read())).isEmpty();
        try (PathHandle at = PathHandle.open(second).orElseThrow();
                PathHandle elsewhere = PathHandle.open(folder).orElseThrow()) {
            assertThat(format.isAt(volume, at)).isTrue();
            assertThat(format.isAt(other, at)).isFalse();
            assertThat(format.isAt(volume, elsewhere)).isFalse();
        }
        Mounts.unmount(target);
        assertThat(second.resolve("file")).hasContent("the same");
        Mounts.unmount(second);
        format.release(volume);
        assertThat(format.mounts(volume, MountTable.read())).isEmpty();
    }
}
