package io.berth.pool;

import io.berth.uml.UserModeLinux;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Linux 6.1, which keeps the quota group of a subvolume that is gone. */
@Execution(ExecutionMode.CONCURRENT)
class BtrfsOfOlderKernelTest {
    @TestFactory
    Stream<DynamicTest> limitsAndTheTrashDoAsOnThisKernel() {
        return UserModeLinux.run(Duration.ofMinutes(10), BtrfsTrashTest.class, BtrfsLimitTest.class);
    }
}
