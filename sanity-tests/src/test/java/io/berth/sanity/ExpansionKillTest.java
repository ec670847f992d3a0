package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.csi.v1.CapacityRange;
import io.berth.csi.v1.ControllerExpandVolumeRequest;
import io.berth.csi.v1.NodeExpandVolumeRequest;
import io.berth.csi.v1.NodeGetVolumeStatsRequest;
import io.berth.csi.v1.NodeStageVolumeRequest;
import io.berth.csi.v1.VolumeCapability;
import io.berth.csi.v1.VolumeCapability.AccessMode.Mode;
import io.berth.csi.v1.VolumeUsage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The driver is killed at random moments while clients expand volumes of each format that are in use. Each then has a size
 * that was asked for, no less than was acknowledged, and so has what its user sees; what was in it stays.
 */
class ExpansionKillTest {
    private static final int ROUNDS = 40;
    private static final long STEP = 4 << 20;
    private static final byte[] CONTENT = "what was in it\n".repeat(300).getBytes(StandardCharsets.UTF_8);

    /** Give the seed of a failed run to repeat its choices; the threads' interleaving is the machine's. */
    private final long seed = Long.getLong("seed", System.nanoTime());

    @TempDir
    Path folder;

    @Test
    @Timeout(900)
    void everyVolumeHasASizeThatWasAskedFor() throws Exception {
        System.out.println("ExpansionKillTest: -Dseed=" + seed);
        Random random = new Random(seed);
        try (LoopFileSystem btrfs = LoopFileSystem.mount(folder.resolve("btrfs"), "btrfs", 8L << 30);
                Driver driver = Driver.start(btrfs.folder(), btrfs.pool("enforced"));
                ExecutorService threads = Executors.newFixedThreadPool(3)) {
            List<Used> all = List.of(
                    new Used(driver, "directory", Map.of("format", "directory"), false),
                    new Used(driver, "image", Map.of("format", "image", "fsType", "xfs"), false),
                    new Used(driver, "block", Map.of(), true));
            Duration longest = Crash.time(() -> all.forEach(Used::run)).multipliedBy(4);
            Crash crash = new Crash(driver, threads, random, longest);
            crash.repeat(ROUNDS, () -> all.stream().allMatch(Used::hasShownEnough), all, round -> {
                driver.restart();
                all.forEach(Used::check);
            });
            for (Used used : all) {
                used.run();
                used.check();
                used.end();
                assertThat(used.hasShownEnough()).as(used.name).isTrue();
            }
            driver.assertNothingLeft("fast");
            assertThat(driver.log()).doesNotContain("a defect of Berth");
        }
    }

    /** A volume in use, and the client that expands it. */
    private static final class Used implements Runnable {
        private final Driver driver;
        private final String name;
        private final VolumeCapability capability;
        private long acknowledged = 320 << 20;
        private long asked = acknowledged;
        private int expansions;

        Used(Driver driver, String name, Map<String, String> parameters, boolean block) throws IOException {
            this.driver = driver;
            this.name = name;
            VolumeCapability files = Client.capability(Mode.SINGLE_NODE_WRITER);
            this.capability = block
                    ? files.toBuilder()
                            .setBlock(VolumeCapability.BlockVolume.getDefaultInstance())
                            .build()
                    : files;
            var unused = driver.client()
                    .controller()
                    .createVolume(Client.creation("fast", name, acknowledged)
                            .setVolumeCapabilities(0, capability)
                            .putAllParameters(parameters)
                            .build());
            use();
            Files.write(data(), CONTENT, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.SYNC);
        }

        boolean hasShownEnough() {
            return expansions > ROUNDS / 10;
        }

        private String id() {
            return "fast." + name;
        }

        private Path staging() {
            return driver.place(name + "-staging");
        }

        private Path target() {
            return driver.place(name + "-target");
        }

        private Path data() {
            return capability.hasBlock() ? target() : target().resolve("data");
        }

        private void use() {
            var unused = driver.client()
                    .node()
                    .nodeStageVolume(NodeStageVolumeRequest.newBuilder()
                            .setVolumeId(id())
                            .setStagingTargetPath(staging().toString())
                            .setVolumeCapability(capability)
                            .build());
            driver.client()
                    .publish(Client.publication(id(), staging(), target()).setVolumeCapability(capability));
        }

        private void stopUsing() {
            driver.client().unpublish(id(), target());
            driver.client().unstage(id(), staging());
        }

        /** Expands it, on the controller and where it is used. */
        @Override
        public void run() {
            asked += STEP;
            CapacityRange range =
                    CapacityRange.newBuilder().setRequiredBytes(asked).build();
            var controller = driver.client()
                    .controller()
                    .controllerExpandVolume(ControllerExpandVolumeRequest.newBuilder()
                            .setVolumeId(id())
                            .setCapacityRange(range)
                            .setVolumeCapability(capability)
                            .build());
            assertThat(controller.getCapacityBytes()).as(name).isEqualTo(asked);
            acknowledged = asked;
            if (controller.getNodeExpansionRequired()) {
                var unused = driver.client()
                        .node()
                        .nodeExpandVolume(NodeExpandVolumeRequest.newBuilder()
                                .setVolumeId(id())
                                .setVolumePath(target().toString())
                                .setCapacityRange(range)
                                .setVolumeCapability(capability)
                                .build());
            }
            assertThat(seenByUser()).as(name).isBetween(leastSeen(acknowledged), acknowledged);
            expansions++;
        }

        /** A file system keeps some of its device for itself. */
        private long leastSeen(long bytes) {
            return name.equals("image") ? bytes * 3 / 4 : bytes;
        }

        /** How large it is for its user, in bytes. */
        private long seenByUser() {
            return driver
                    .client()
                    .node()
                    .nodeGetVolumeStats(NodeGetVolumeStatsRequest.newBuilder()
                            .setVolumeId(id())
                            .setVolumePath(target().toString())
                            .build())
                    .getUsageList()
                    .stream()
                    .filter(usage -> usage.getUnit() == VolumeUsage.Unit.BYTES)
                    .mapToLong(VolumeUsage::getTotal)
                    .findFirst()
                    .orElseThrow();
        }

        void check() {
            assertHolds();
            long capacity = driver.client().get(id()).getCapacityBytes();
            assertThat(capacity).as(name).isIn(acknowledged, asked);
            asked = capacity;
            acknowledged = capacity;
            assertThat(seenByUser()).as(name).isLessThanOrEqualTo(capacity);
            stopUsing();
            use();
            assertHolds();
            assertThat(seenByUser()).as(name).isBetween(leastSeen(capacity), capacity);
        }

        private void assertHolds() {
            try (var in = Files.newInputStream(data())) {
                assertThat(in.readNBytes(CONTENT.length)).as(name).isEqualTo(CONTENT);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        void end() {
            stopUsing();
            driver.client().delete(id());
        }
    }
}
