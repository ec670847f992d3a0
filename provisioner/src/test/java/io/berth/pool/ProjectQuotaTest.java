package io.berth.pool;

import io.berth.uml.UserModeLinux;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@Execution(ExecutionMode.CONCURRENT)
class ProjectQuotaTest {
    @TestFactory
    Stream<DynamicTest> directoriesAreHeldToTheirLimitsByProjectQuotas() {
        return UserModeLinux.run(Duration.ofMinutes(10), XfsLimits.class, Ext4Limits.class);
    }
}
