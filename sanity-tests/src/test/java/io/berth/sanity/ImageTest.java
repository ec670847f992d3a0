package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.csi.v1.NodeGetVolumeHealthRequest;
import io.berth.csi.v1.NodeStageVolumeRequest;
import io.berth.csi.v1.VolumeCapability;
import io.berth.csi.v1.VolumeCapability.AccessMode.Mode;
import io.berth.csi.v1.VolumeHealth;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Many images and raw blocks in use at once, while their driver is killed and their machine starts anew. */
class ImageTest {
    private static final int VOLUMES = 50;
    private static final int ONE_OF_BLOCKS = 5;
    private static final long BYTES = 16 << 20;

    @TempDir
    private Path folder;

    private Driver driver;

    @BeforeEach
    void start() throws IOException {
        folder = folder.toRealPath();
        driver = Driver.start(folder);
    }

    @AfterEach
    void stop() {
        driver.close();
        LoopDevices.detachBelow(folder);
    }

    /** A volume in use by one pod. */
    private final class Used {
        private final String id;
        private final VolumeCapability capability;

        Used(int number) {
            VolumeCapability files = Client.capability(Mode.SINGLE_NODE_WRITER);
            capability = number % ONE_OF_BLOCKS == 0
                    ? files.toBuilder()
                            .setBlock(VolumeCapability.BlockVolume.getDefaultInstance())
                            .build()
                    : files;
            id = driver.client()
                    .controller()
                    .createVolume(Client.creation("fast", "v" + number, BYTES)
                            .putParameters("format", "image")
                            .setVolumeCapabilities(0, capability)
                            .build())
                    .getVolume()
                    .getVolumeId();
        }

        private Path staging() {
            return driver.place(id + "-staging");
        }

        private Path target() {
            return driver.place(id + "-target");
        }

        /** Stages and publishes it, as often as is asked. */
        void use() {
            var unused = driver.client()
                    .node()
                    .nodeStageVolume(NodeStageVolumeRequest.newBuilder()
                            .setVolumeId(id)
                            .setStagingTargetPath(staging().toString())
                            .setVolumeCapability(capability)
                            .build());
            driver.client().publish(Client.publication(id, staging(), target()).setVolumeCapability(capability));
        }

        /** What its user writes to: a file in it, or its device. */
        private Path data() {
            return capability.hasBlock() ? target() : target().resolve("data");
        }

        private byte[] content(String when) {
            return (id + " " + when).getBytes(StandardCharsets.UTF_8);
        }

        void write(String when) {
            try (FileChannel out = FileChannel.open(data(), StandardOpenOption.WRITE, StandardOpenOption.CREATE)) {
                assertThat(out.write(ByteBuffer.wrap(content(when)))).isEqualTo(content(when).length);
                out.force(true);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        void assertHolds(String when) {
            try (var in = Files.newInputStream(data())) {
                assertThat(in.readNBytes(content(when).length)).as(id).isEqualTo(content(when));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        List<String> problems() {
            return driver
                    .client()
                    .node()
                    .nodeGetVolumeHealth(NodeGetVolumeHealthRequest.newBuilder()
                            .setVolumeId(id)
                            .setVolumePublishPath(target().toString())
                            .build())
                    .getVolumeHealth()
                    .getHealthStatusesList()
                    .stream()
                    .map(VolumeHealth.VolumeHealthEntry::getReason)
                    .toList();
        }

        void end() {
            driver.client().unpublish(id, target());
            driver.client().unstage(id, staging());
            driver.client().delete(id);
        }
    }

    @Test
    @Timeout(300)
    void fiftyVolumesOutliveAKillAndAReboot() {
        List<Used> all = IntStream.range(0, VOLUMES).mapToObj(Used::new).toList();
        all.forEach(Used::use);
        all.forEach(used -> used.write("at first"));
        assertThat(LoopDevices.below(folder)).hasSize(VOLUMES);

        driver.kill9();
        all.forEach(used -> used.assertHolds("at first"));
        driver.restart();
        all.forEach(Used::use);
        all.forEach(used -> assertThat(used.problems()).as(used.id).isEmpty());
        all.forEach(used -> used.write("and then"));
        assertThat(LoopDevices.below(folder)).hasSize(VOLUMES);

        reboot();
        all.forEach(used -> assertThat(used.problems()).as(used.id).containsExactly("MountLost"));
        all.forEach(Used::use);
        all.forEach(used -> used.assertHolds("and then"));
        all.forEach(used -> assertThat(used.problems()).as(used.id).isEmpty());
        assertThat(LoopDevices.below(folder)).hasSize(VOLUMES);

        all.forEach(Used::end);
        assertThat(LoopDevices.below(folder)).isEmpty();
        driver.assertNothingLeft("fast");
        assertThat(driver.log()).doesNotContain("a defect of Berth");
    }

    /** As a machine that loses power: nothing is mounted and no loop device is attached when the driver starts again. */
    private void reboot() {
        driver.kill9();
        Driver.unmountBelow(driver.place(""));
        LoopDevices.detachBelow(folder);
        assertThat(LoopDevices.below(folder)).isEmpty();
        driver.restart();
    }
}
