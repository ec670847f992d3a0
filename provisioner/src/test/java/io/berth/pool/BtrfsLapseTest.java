package io.berth.pool;

import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A pool on btrfs that has lost count of what subvolumes hold. */
@Timeout(120)
class BtrfsLapseTest {
    private TestFileSystem fileSystem;
    private PoolConfig config;

    @BeforeEach
    void mount() {
        fileSystem = TestFileSystem.withQuotas("btrfs", 256 << 20);
        config = TemporaryPool.config(fileSystem.root(), "fast", "local", ",limit=enforced");
    }

    @AfterEach
    void unmount() {
        fileSystem.close();
    }

    private void loseCount() {
        shell(fileSystem.root(), TestFileSystem.LOSE_COUNT);
    }

    private static void awaitNoLapse(Pool pool) {
        LimitContract.await(() -> pool.formats().limitLapse().isEmpty());
    }

    @Test
    void itIsMendedWhenThePoolOpens() {
        loseCount();
        try (Pool pool = Pool.open(config)) {
            assertThat(pool.formats().limitLapse())
                    .hasValueSatisfying(lapse -> assertThat(lapse).contains("btrfs quota rescan " + config.root()));
            assertThat(pool.formats().limitProblem()).as("limits can be set").isEmpty();
            pool.recover();
            awaitNoLapse(pool);
        }
    }

    @Test
    void itIsMendedWhileThePoolIsOpen() {
        try (Pools pools = Pools.serving(List.of(config));
                Housekeeping housekeeping = new Housekeeping(pools, 1000)) {
            Pool pool = pools.get(config.name());
            loseCount();
            assertThat(pool.formats().limitLapse()).isPresent();
            housekeeping.start();
            awaitNoLapse(pool);
        }
    }

    @Test
    void itIsNotMendedAgainAtOnce() {
        try (Pool pool = Pool.open(config)) {
            loseCount();
            pool.watchLimits();
            awaitNoLapse(pool);
            shell(fileSystem.root(), "btrfs subvolume delete shared sharing; btrfs subvolume sync .");
            shell(fileSystem.root(), "btrfs qgroup destroy 1/0 .");
            loseCount();
            pool.watchLimits();
            assertThat(pool.formats().limitLapse())
                    .hasValueSatisfying(lapse -> assertThat(lapse).contains("lost count"));
        }
    }
}
