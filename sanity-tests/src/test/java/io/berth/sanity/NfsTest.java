package io.berth.sanity;

import io.berth.uml.UserModeLinux;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The distribution on a real NFS server. */
@Execution(ExecutionMode.CONCURRENT)
class NfsTest {
    @TestFactory
    @Timeout(2400)
    Stream<DynamicTest> volumesLieOnARealServer() {
        return UserModeLinux.run(
                Duration.ofMinutes(35),
                NfsLife.class,
                NfsMovers.class,
                NfsLimits.class,
                NfsExports.class,
                NfsRivals.class,
                NfsHostile.class,
                NfsOutage.class,
                NfsOutageEnd.class,
                NfsLongOutage.class,
                NfsDocker.class,
                CsiSanityOnNfs.class);
    }
}
