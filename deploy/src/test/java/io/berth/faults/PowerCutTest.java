package io.berth.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What is left after a loss of power. {@code -Dberth.power-cuts=500} looks at so many states of each file system,
 * {@code -Dberth.seed=N} at others.
 */
class PowerCutTest {
    private static final int STATES_OF_A_LOAD = 25;

    @TempDir
    Path folder;

    static Stream<Arguments> loads() {
        int states = Integer.getInteger("berth.power-cuts", STATES_OF_A_LOAD);
        long first = Long.getLong("berth.seed", 1);
        return Stream.of("ext4", "xfs", "btrfs")
                .flatMap(type -> LongStream.range(0, Math.ceilDiv(states, STATES_OF_A_LOAD))
                        .mapToObj(load -> Arguments.of(type, first + load)));
    }

    @ParameterizedTest
    @MethodSource("loads")
    void whatWasAnsweredHoldsAfterALossOfPower(String type, long seed) throws Exception {
        try (PowerCuts cuts = new PowerCuts(type, folder.toRealPath())) {
            assertThat(cuts.run(seed, STATES_OF_A_LOAD)).isEmpty();
        }
    }
}
