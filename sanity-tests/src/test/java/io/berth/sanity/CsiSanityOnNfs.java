package io.berth.sanity;

import io.berth.uml.KernelNfsServer;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** csi-sanity on pools of kind nfs. Runs on a kernel of its own. */
class CsiSanityOnNfs {
    private final KernelNfsServer server = KernelNfsServer.running();

    @TempDir
    Path folder;

    @AfterEach
    void unmount() {
        Driver.unmountBelow(Path.of("/run/berth")); // a killed driver leaves its mount for the next
    }

    @TestFactory
    Stream<DynamicTest> version42OnXfs() {
        return specsOn(server.xfs() + ",nfsvers=4.2");
    }

    @TestFactory
    Stream<DynamicTest> version3OnXfs() {
        return specsOn(server.xfsOfVersion3() + ",nfsvers=3");
    }

    @TestFactory
    Stream<DynamicTest> onTheServerItself() {
        return specsOn(server.xfs() + ",path=" + server.xfsOnServer() + ",limit=enforced");
    }

    private Stream<DynamicTest> specsOn(String export) {
        try (Driver driver =
                Driver.start(folder, List.of("--attach", "--max-volumes=3", "--pool=home=nfs:" + export))) {
            List<DynamicTest> specs =
                    CsiSanity.specs(driver, List.of("--csi.testnodevolumeattachlimit"), CsiSanityTest.TOPOLOGY);
            driver.assertNothingLeftIn(server.xfsOnServer());
            return specs.stream();
        }
    }
}
