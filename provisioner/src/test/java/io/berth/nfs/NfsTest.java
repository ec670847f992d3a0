package io.berth.nfs;

import io.berth.copy.NfsTreeCopy;
import io.berth.service.NfsLost;
import io.berth.service.NfsVolumes;
import io.berth.uml.UserModeLinux;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

@Execution(ExecutionMode.CONCURRENT)
class NfsTest {
    @TestFactory
    Stream<DynamicTest> volumesLieOnARealServer() {
        return UserModeLinux.run(
                Duration.ofMinutes(10), NfsMounting.class, NfsTreeCopy.class, NfsVolumes.class, NfsLost.class);
    }
}
