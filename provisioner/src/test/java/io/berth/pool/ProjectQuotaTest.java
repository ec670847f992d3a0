package io.berth.pool;

import io.berth.uml.UserModeLinux;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class ProjectQuotaTest {
    @TestFactory
    Stream<DynamicTest> directoriesAreHeldToTheirLimitsByProjectQuotas() {
        return UserModeLinux.run(Duration.ofMinutes(5), XfsLimits.class, Ext4Limits.class);
    }
}
