package io.berth.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.copy.Progress;
import io.berth.linux.Directory;
import io.berth.mount.MountOption;
import io.berth.mount.Mounts;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import java.nio.file.Files;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What an image promises where Berth may make its file system larger, which for ext4 takes CAP_SYS_RESOURCE. */
abstract class ImageGrowthContract extends ImageFormatContract {
    @Test
    void anExpandedVolumeHoldsMoreAtOnceAndIsStoppedThere() throws Exception {
        Volume volume = mounted("fast.v");
        assertThat(fill(target.resolve("big"), 4 * capacity())).isLessThan(capacity());
        format.expand(volume, 2 * capacity());
        format.grow(volume);
        assertThat(Files.getFileStore(target).getTotalSpace()).isGreaterThan(capacity() * 3 / 2);
        assertThat(fill(target.resolve("most"), 4 * capacity())).isBetween(capacity() / 2, capacity() * 5 / 4);
        Mounts.unmount(target);
        format.mount(volume, target, Set.of());
        assertThat(Files.getFileStore(target).getTotalSpace()).isGreaterThan(capacity() * 3 / 2);
    }

    @Test
    void anImageThatWasExpandedWhereItIsNotMountedGrowsWithTheNextMount() {
        Volume volume = mounted("fast.v");
        Mounts.unmount(target);
        format.expand(volume, 2 * capacity());
        format.expand(volume, capacity());
        assertThat(image(volume)).hasSize(2 * capacity());
        format.mount(volume, target, Set.of());
        assertThat(target.toFile().getTotalSpace()).isGreaterThan(capacity() * 3 / 2);
    }

    @Test
    void anExpansionThatACrashCutShortIsCompletedByTheNextMount() {
        Volume volume = volume("fast.v", Ownership.ROOT);
        format.create(volume);
        format.mount(volume.withCapacity(2 * capacity()), target, Set.of());
        assertThat(target.toFile().getTotalSpace()).isGreaterThan(capacity() * 3 / 2);
    }

    @Test
    void whatIsMountedReadOnlyGrowsToo() {
        Volume volume = volume("fast.v", Ownership.ROOT);
        format.create(volume);
        format.mount(volume, target, Set.of(MountOption.RO));
        format.expand(volume, 2 * capacity());
        format.grow(volume);
        assertThat(target.toFile().getTotalSpace()).isGreaterThan(capacity() * 3 / 2);
    }

    @Test
    void growingManyTimesOverWorks() {
        Volume volume = mounted("fast.v");
        format.expand(volume, 400 * capacity());
        format.grow(volume);
        assertThat(target.toFile().getTotalSpace()).isGreaterThan(capacity() * 380);
        assertThat(allocated(image(volume))).isLessThan(2 * capacity());
    }

    @Test
    void aCopyThatIsLargerThanItsSourceHoldsMore() throws Exception {
        Volume volume = mounted("fast.v");
        Files.writeString(target.resolve("file"), "kept");
        Volume larger = volume("fast.larger", Ownership.ROOT).withCapacity(2 * capacity());
        root.mkdir("scratch", 0700);
        try (Directory scratch = root.openDirectory("scratch").orElseThrow();
                Directory data = root.openBeneath(volume.path().toPath()).orElseThrow()) {
            format.create(larger, new DataSource(data, Optional.of(volume)), scratch, new Progress());
        }
        Mounts.unmount(target);
        assertThat(image(larger)).hasSize(2 * capacity());
        format.mount(larger, target, Set.of());
        assertThat(target.resolve("file")).hasContent("kept");
        assertThat(target.toFile().getTotalSpace()).isGreaterThan(capacity() * 3 / 2);
        assertThat(fill(target.resolve("big"), 4 * capacity())).isBetween(capacity() * 3 / 2, 2 * capacity());
    }
}
