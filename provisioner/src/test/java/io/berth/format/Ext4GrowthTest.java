package io.berth.format;

import io.berth.uml.UserModeLinux;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class Ext4GrowthTest {
    /** An ext4 grows for a process with CAP_SYS_RESOURCE, which root of a test machine may lack. */
    @TestFactory
    Stream<DynamicTest> ext4ImagesGrowWhileTheyAreMounted() {
        return UserModeLinux.run(Duration.ofMinutes(5), Ext4Growth.class);
    }
}
