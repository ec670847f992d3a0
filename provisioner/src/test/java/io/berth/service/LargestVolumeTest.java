package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.pool.Pools;
import io.berth.volume.CapacityRange;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A pool with more room than one file of its ext4 can have. */
class LargestVolumeTest {
    private static final long LARGEST_FILE = (1L << 44) - 4096;

    private TestFileSystem disk;
    private Path large;
    private Pools pools;
    private Volumes volumes;

    @BeforeEach
    void open() throws Exception {
        disk = TestFileSystem.mount("xfs", 400L << 20); // whose files can be so large
        large = Files.createDirectory(disk.root().resolve("large"));
        TestFileSystem.shell(disk.root(), """
                truncate -s 17T image
                mkfs.ext4 -q -O ^has_journal,^resize_inode,sparse_super2 -E nodiscard,num_backup_sb=0 -N 16384 -G 65536 image
                mount -o loop image large
                """);
        pools = Pools.serving(List.of(TemporaryPool.config(large, "fast", "local", "")));
        volumes = new Volumes(pools, Clock.systemUTC());
    }

    @AfterEach
    void close() {
        pools.close();
        TestFileSystem.shell(disk.root(), "umount large");
        disk.close();
    }

    private static VolumeParameters format(String format) {
        return VolumeParameters.parse(Map.of("format", format));
    }

    @Test
    void anImageIsNoLargerThanAFileCanBeAndADirectoryHasAllTheRoom() {
        assertThat(volumes.availableBytes(Optional.empty(), false)).isGreaterThan(LARGEST_FILE);
        assertThat(volumes.largestBytes(format("image"), Optional.empty(), false))
                .hasValue(LARGEST_FILE);
        assertThat(volumes.largestBytes(VolumeParameters.parse(Map.of()), Optional.empty(), true))
                .hasValue(LARGEST_FILE);
        VolumeParameters directory = VolumeParameters.parse(Map.of("format", "directory", "limit", "advisory"));
        assertThat(volumes.largestBytes(directory, Optional.empty(), false)).isEmpty();
    }

    @Test
    void aLargestSizeAloneGetsNoMoreThanAFileCanHave() {
        Volume volume = volumes.create(new Volumes.Wanted(
                "v",
                new CapacityRange(0, 1L << 62),
                VolumeParameters.parse(Map.of()),
                false,
                true,
                Optional.empty(),
                Optional.empty()));
        assertThat(volume.capacityBytes()).isEqualTo(LARGEST_FILE);
        volumes.delete("fast.v");
    }
}
