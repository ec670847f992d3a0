package io.berth.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is left after a loss of power. {@code -Dberth.power-cuts=500} looks at more states of each file system,
 * {@code -Dberth.seed} at others.
 */
class PowerCutTest {
    private static final int STATES_PER_LOAD = 25;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"ext4", "xfs", "btrfs"})
    void whatWasAnsweredHoldsAfterALossOfPower(String type) throws Exception {
        int states = Integer.getInteger("berth.power-cuts", STATES_PER_LOAD);
        long seed = Long.getLong("berth.seed", 1);
        List<String> violations = new ArrayList<>();
        try (PowerCuts cuts = new PowerCuts(type, folder.toRealPath())) {
            for (int done = 0; done < states; done += STATES_PER_LOAD) {
                violations.addAll(cuts.run(seed + done / STATES_PER_LOAD, Math.min(STATES_PER_LOAD, states - done)));
            }
        }
        assertThat(violations).isEmpty();
    }
}
