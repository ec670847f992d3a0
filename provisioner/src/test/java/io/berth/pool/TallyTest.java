package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.volume.PoolName;
import io.berth.volume.SnapshotId;
import io.berth.volume.VolumeId;
import org.junit.jupiter.api.Test;

class TallyTest {
    private static final PoolName POOL = new PoolName("fast");

    @Test
    void theSumIsOfTheLastNumberOfEachId() {
        Tally tally = new Tally();
        long expected = 0;
        for (int i = 0; i < 10_000; i++) {
            tally.put(new VolumeId(POOL, "v" + i), 7);
            tally.put(new SnapshotId(POOL, "v" + i), i);
            expected += 7 + i;
        }
        assertThat(tally.sum()).isEqualTo(expected);
        tally.put(new VolumeId(POOL, "v9"), 0);
        tally.put(new VolumeId(POOL, "v10"), 8);
        assertThat(tally.sum()).isEqualTo(expected - 7 + 1);
    }
}
