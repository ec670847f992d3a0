package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.pool.Pools;
import io.berth.volume.CapacityRange;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskUsageTest {
    private static final long MIB = 1L << 20;

    @TempDir
    Path folder;

    private static Volume volume(Pools pools, String limit) {
        return new Volumes(pools, Clock.systemUTC())
                .create(new Volumes.Wanted(
                        "v", CapacityRange.atLeast(64 * MIB), VolumeParameters.parse(Map.of("limit", limit)), false));
    }

    private static Pools pools(Path folder) {
        return Pools.serving(List.of(TemporaryPool.config(folder, "fast", "local", "")));
    }

    @Test
    void ofADirectoryWithoutALimitOnlyAWalkTells() {
        try (Pools pools = pools(folder)) {
            Volume volume = volume(pools, "advisory");
            Path data = folder.resolve("fast/fast.v");
            TestFileSystem.shell(data, """
                    head -c 3000000 /dev/zero > one; ln one two; ln -s /usr link; truncate -s 1G hole
                    deep=.; for i in $(seq 60); do deep=$deep/d; done; mkdir -p $deep; head -c 70000 /dev/zero > $deep/f
                    """);
            DiskUsage usage = new DiskUsage(pools);
            assertThat(usage.of(volume, false)).isEmpty();
            long asDu = 1024
                    * Long.parseLong(
                            TestFileSystem.run("du", "-skx", data.toString()).split("\t", 2)[0]);
            assertThat(usage.of(volume, true)).contains(new DiskUsage.Used(asDu, DiskUsage.By.WALK));
        }
    }

    @Test
    void aWalkEntersNoMount() {
        try (Pools pools = pools(folder)) {
            Volume volume = volume(pools, "advisory");
            Path data = folder.resolve("fast/fast.v");
            long empty = new DiskUsage(pools).of(volume, true).orElseThrow().bytes();
            TestFileSystem.shell(data, "mkdir m; mount -t tmpfs none m; head -c 1000000 /dev/zero > m/f");
            try {
                assertThat(new DiskUsage(pools).of(volume, true).orElseThrow().bytes())
                        .isLessThan(empty + 100_000);
            } finally {
                TestFileSystem.run("umount", data.resolve("m").toString());
            }
        }
    }

    @Test
    void ofALimitedDirectoryTheQuotaTells() {
        try (TestFileSystem btrfs = TestFileSystem.withQuotas("btrfs", 512 * MIB);
                Pools pools = pools(btrfs.root())) {
            Volume volume = volume(pools, "enforced");
            TestFileSystem.shell(btrfs.root(), "head -c 5000000 /dev/urandom > fast/fast.v/f; sync");
            Optional<DiskUsage.Used> used = new DiskUsage(pools).of(volume, false);
            assertThat(used).map(DiskUsage.Used::by).contains(DiskUsage.By.QUOTA);
            assertThat(used.orElseThrow().bytes()).isBetween(5_000_000L, 5_200_000L);
        }
    }

    @Test
    void aVolumeWhoseDataIsGoneSaysSo() {
        try (Pools pools = pools(folder)) {
            Volume volume = volume(pools, "advisory");
            TestFileSystem.run("rmdir", folder.resolve("fast/fast.v").toString());
            assertThatThrownBy(() -> new DiskUsage(pools).of(volume, true))
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.NOT_FOUND));
        }
    }
}
