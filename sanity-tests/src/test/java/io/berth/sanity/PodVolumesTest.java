package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.csi.v1.ListVolumesRequest;
import io.berth.csi.v1.NodePublishVolumeRequest;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a pod's or a PersistentVolume's attributes describe: inline volumes, and paths of the host. */
@Timeout(120)
class PodVolumesTest {
    private static final long MIB = 1 << 20;

    @TempDir
    Path folder;

    private Driver driver;
    private Client client;

    @BeforeEach
    void start() {
        driver = Driver.start(folder);
        client = driver.client();
    }

    @AfterEach
    void stop() {
        driver.close();
    }

    @Test
    void anInlineVolumeOnDiskLivesAsLongAsThePod() throws IOException {
        Path target = driver.place("t");
        NodePublishVolumeRequest.Builder request =
                Client.inline("csi-0123", target, Map.of("pool", "fast", "size", "1Mi"));
        client.publish(request);
        client.publish(request);
        Files.writeString(target.resolve("file"), "of a pod");
        assertThat(client.controller()
                        .listVolumes(ListVolumesRequest.getDefaultInstance())
                        .getEntriesList())
                .as("it is the pod's own")
                .isEmpty();
        assertThat(client.stats("csi-0123", target)).hasSize(2);
        client.unpublish("csi-0123", target);
        client.unpublish("csi-0123", target);
        driver.assertNothingLeft("fast");
    }

    @Test
    void anInlineVolumeInMemoryIsAsLargeAsItSays() throws IOException {
        Path target = driver.place("t");
        NodePublishVolumeRequest.Builder request =
                Client.inline("csi-0123", target, Map.of("medium", "Memory", "size", "1Mi", "mode", "0700"));
        client.publish(request);
        client.publish(request);
        assertThat(Files.getFileStore(target).type()).isEqualTo("tmpfs");
        assertThat(client.stats("csi-0123", target).getFirst().getTotal()).isEqualTo(MIB);
        assertThat(Command.run("dd", "if=/dev/zero", "of=" + target.resolve("f"), "bs=1M", "count=2")
                        .err())
                .contains("No space left on device");
        client.unpublish("csi-0123", target);
        client.unpublish("csi-0123", target);
        assertThat(target).doesNotExist();
        assertThat(MountTable.below(target)).isEmpty();
    }

    @Test
    void anInlineVolumeThatCannotBeMountedLeavesNothing() {
        Path target = driver.place("no-such-folder").resolve("t");
        Failure failure = Failure.of(
                () -> client.publish(Client.inline("csi-0123", target, Map.of("pool", "fast", "size", "1Mi"))));
        assertThat(failure.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        driver.assertNothingLeft("fast");
    }

    @Test
    void aHostPathIsUsedAndNeverDeleted() throws IOException {
        Path target = driver.place("t");
        Path wanted = driver.allowed().resolve("a/b");
        Map<String, String> attributes = Map.of("path", wanted.toString(), "type", "DirectoryOrCreate");
        client.publish(Client.inline("csi-0123", target, attributes));
        Files.writeString(target.resolve("file"), "of the host");
        client.unpublish("csi-0123", target);
        assertThat(wanted.resolve("file")).hasContent("of the host");

        client.publish(Client.publication("static-1", driver.place("s"), target).putAllVolumeContext(attributes));
        assertThat(target.resolve("file")).hasContent("of the host");
        client.unpublish("static-1", target);
        client.unstage("static-1", driver.place("s"));
        client.delete("static-1");
        assertThat(wanted.resolve("file")).hasContent("of the host");
        assertThat(MountTable.below(driver.place(""))).isEmpty();
    }

    @Test
    void aFileOfTheHostIsMountedOnAFile() throws IOException {
        Path file = Files.writeString(driver.allowed().resolve("file"), "of the host");
        Path target = driver.place("t");
        client.publish(Client.inline("csi-0123", target, Map.of("path", file.toString(), "type", "File")));
        assertThat(target).isRegularFile().hasContent("of the host");
        client.unpublish("csi-0123", target);
        assertThat(file).hasContent("of the host");
        assertThat(target).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({"Directory, NOT_FOUND", "File, NOT_FOUND", "Socket, NOT_FOUND", "Nonsense, INVALID_ARGUMENT"})
    void aHostPathIsWhatItsTypeSays(String type, Status.Code code) {
        Failure failure = Failure.of(() -> client.publish(Client.inline(
                "csi-0123",
                driver.place("t"),
                Map.of("path", driver.allowed().resolve("nothing").toString(), "type", type))));
        assertThat(failure.code()).isEqualTo(code);
        assertThat(driver.place("t")).doesNotExist();
    }

    @Test
    void otherHostPathsAreNotAllowed() {
        for (Path path : List.of(Path.of("/etc"), folder, Path.of(driver.allowed() + "-not"))) {
            Failure failure = Failure.of(() ->
                    client.publish(Client.inline("csi-0123", driver.place("t"), Map.of("path", path.toString()))));
            assertThat(failure.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(failure.message()).contains(path.toString(), "--allow-inline-host-path");
        }
    }
}
