package io.berth.format;

import static io.berth.TestFileSystem.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.volume.FileSystemType;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import java.nio.file.Path;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class Ext4ImageFormatTest extends ImageFormatContract {
    @Override
    FileSystemType type() {
        return FileSystemType.EXT4;
    }

    @Override
    long capacity() {
        return 64 << 20;
    }

    private Volume created() {
        Volume volume = volume("fast.v", Ownership.ROOT);
        format.create(volume);
        return volume;
    }

    private static String state(Path image) {
        return run("sh", "-c", "dumpe2fs -h \"$0\" 2>/dev/null | grep state", image.toString());
    }

    @Test
    void aFileSystemThatNotedErrorsIsMendedBeforeItIsMounted() {
        Volume volume = created();
        Path image = pool.resolve("fast.v").resolve(Images.FILE);
        run("debugfs", "-w", "-R", "ssv state 2", image.toString());
        assertThat(state(image)).contains("errors");
        format.mount(volume, target, Set.of());
        run("umount", target.toString());
        assertThat(state(image)).contains("clean").doesNotContain("errors");
    }

    @Test
    void anImageThatNoFileOfTheFileSystemCanHoldIsRefusedWithTheCure() {
        try (TestFileSystem ext4 = TestFileSystem.mount("ext4", 64 << 20);
                Directory root = Directory.open(ext4.root())) {
            Images images = new Images(root, UUID.randomUUID());
            Volume volume = volume("fast.v", Ownership.ROOT).withCapacity(16L << 40);
            assertThatThrownBy(() -> images.create(volume))
                    .hasMessageContaining("ext4 holds files under 16 TiB")
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.OUT_OF_RANGE));
        }
    }

    @Test
    void errorsThatOnlyAPersonCanMendAreToldOf() {
        Volume volume = created();
        Path image = pool.resolve("fast.v").resolve(Images.FILE);
        run("debugfs", "-w", "-R", "ssv state 2", image.toString());
        run("debugfs", "-w", "-R", "clri <2>", image.toString());
        assertThatThrownBy(() -> format.mount(volume, target, Set.of()))
                .hasMessageContaining("e2fsck")
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.FAILED_PRECONDITION));
    }
}
