package io.berth.format;

import io.berth.uml.UserModeLinux;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@Execution(ExecutionMode.CONCURRENT)
class Ext4GrowthTest {
    /** An ext4 grows for a process with CAP_SYS_RESOURCE, which root of a test machine may lack. */
    @TestFactory
    Stream<DynamicTest> ext4ImagesGrowWhileTheyAreMounted() {
        return UserModeLinux.run(Duration.ofMinutes(10), Ext4Growth.class);
    }
}
