package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** csi-sanity of kubernetes-csi/csi-test on the distribution, one pool at a time; each of its specs is a test here. */
class CsiSanityTest {
    /** What needs topology, which a pool has that is reachable from one node only. */
    static final Predicate<String> TOPOLOGY =
            Pattern.compile("CreateSnapshot .* with accessibility requirements").asPredicate();

    /** What it offers with --attach only. */
    static final Predicate<String> ATTACH = Pattern.compile(String.join(
                    "|",
                    "ControllerPublishVolume",
                    "ControllerUnpublishVolume",
                    "\\[Controller Server\\] volume lifecycle")) // the node's own lifecycle runs without
            .asPredicate();

    private static final Predicate<String> NOTHING = Pattern.compile("(?!)").asPredicate();

    private static final List<String> WITH_ATTACH = List.of("--attach", "--max-volumes=3");
    private static final List<String> TEST_ATTACH_LIMIT = List.of("--csi.testnodevolumeattachlimit");

    @TempDir
    Path folder;

    @TestFactory
    Stream<DynamicTest> local() throws Exception {
        return specsOn("fast", "local", List.of(), List.of(), ATTACH);
    }

    @TestFactory
    Stream<DynamicTest> hostpath() throws Exception {
        return specsOn("shared", "hostpath", List.of(), List.of(), ATTACH.or(TOPOLOGY));
    }

    @TestFactory
    Stream<DynamicTest> localWithAttach() throws Exception {
        return specsWithAttachOn("fast", "local", List.of(), NOTHING);
    }

    @TestFactory
    Stream<DynamicTest> btrfs() throws Exception {
        return specsOnBtrfs(List.of(), List.of(), ATTACH);
    }

    @TestFactory
    Stream<DynamicTest> btrfsWithAttach() throws Exception {
        return specsOnBtrfs(WITH_ATTACH, TEST_ATTACH_LIMIT, NOTHING);
    }

    /** Where directories are subvolumes that are held to their limits. */
    private Stream<DynamicTest> specsOnBtrfs(List<String> settings, List<String> flags, Predicate<String> maySkip)
            throws Exception {
        try (LoopFileSystem btrfs = LoopFileSystem.mount(folder.resolve("btrfs"), "btrfs", 4L << 30)) {
            List<String> all = new ArrayList<>(settings);
            all.addAll(btrfs.pool("enforced"));
            try (Driver driver = Driver.start(btrfs.folder(), all)) {
                Stream<DynamicTest> specs = specs(driver, "fast", flags, maySkip);
                assertThat(driver.log()).contains("a copy of format directory was made by snapshot");
                return specs;
            }
        }
    }

    @TestFactory
    Stream<DynamicTest> images() throws Exception {
        return specsOn("fast", "local", List.of(), imageFlags(), ATTACH);
    }

    @TestFactory
    Stream<DynamicTest> imagesWithAttach() throws Exception {
        return specsWithAttachOn("fast", "local", imageFlags(), NOTHING);
    }

    private List<String> imageFlags() throws IOException {
        Path parameters = folder.resolve("parameters.yaml");
        // XFS, for growing a mounted ext4 needs CAP_SYS_RESOURCE, which root in a container may lack.
        Files.writeString(parameters, "format: image\nfsType: xfs\n");
        Path mutable = folder.resolve("mutable.yaml");
        Files.writeString(mutable, "onDelete: delete\n");
        return List.of(
                "--csi.testvolumeparameters=" + parameters,
                "--csi.testvolumemutableparameters=" + mutable,
                "--csi.testvolumesize=" + (512L << 20),
                "--csi.testvolumeexpandsize=" + (640L << 20));
    }

    @TestFactory
    Stream<DynamicTest> hostpathWithAttach() throws Exception {
        return specsWithAttachOn("shared", "hostpath", List.of(), TOPOLOGY);
    }

    private Stream<DynamicTest> specsWithAttachOn(
            String pool, String kind, List<String> flags, Predicate<String> maySkip) throws Exception {
        List<String> all = new ArrayList<>(flags);
        all.addAll(TEST_ATTACH_LIMIT);
        return specsOn(pool, kind, WITH_ATTACH, all, maySkip);
    }

    private Stream<DynamicTest> specsOn(
            String pool, String kind, List<String> settings, List<String> flags, Predicate<String> maySkip)
            throws Exception {
        Files.createDirectory(folder.resolve(pool));
        List<String> all = new ArrayList<>(settings);
        all.add("--pool=" + pool + "=" + kind + ":" + folder.resolve(pool) + ",limit=advisory");
        try (Driver driver = Driver.start(folder, all)) {
            return specs(driver, pool, flags, maySkip);
        }
    }

    private static Stream<DynamicTest> specs(
            Driver driver, String pool, List<String> flags, Predicate<String> maySkip) {
        List<DynamicTest> specs = CsiSanity.specs(driver, flags, maySkip);
        driver.assertNothingLeft(pool);
        return specs.stream();
    }
}
