package io.berth.sanity;

import io.berth.uml.UserModeLinux;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The distribution on a real NFS server. */
class NfsTest {
    @TestFactory
    Stream<DynamicTest> volumesLieOnARealServer() {
        return UserModeLinux.run(
                Duration.ofMinutes(30),
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
