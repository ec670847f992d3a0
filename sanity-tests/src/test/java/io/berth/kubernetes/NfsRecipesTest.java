package io.berth.kubernetes;

import io.berth.uml.UserModeLinux;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** The examples that need an NFS server, on a kernel that has one. */
@Tag("kubernetes-nfs")
class NfsRecipesTest {
    @TestFactory
    Stream<DynamicTest> theChartServesVolumesOfARealServer() {
        Cluster.buildImage();
        return UserModeLinux.run(Duration.ofMinutes(60), 6, NfsRecipes.class);
    }
}
