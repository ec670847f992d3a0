package io.berth.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.linux.PathHandle;
import io.berth.mount.Mounts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is mounted for whom, over the socket. */
class MountedVolumesTest {
    @TempDir
    Path folder;

    private Plugin plugin;
    private PluginClient docker;

    @BeforeEach
    void start() throws IOException {
        plugin = new Plugin(folder);
        docker = plugin.connect();
    }

    @AfterEach
    void stop() throws IOException {
        docker.close();
        plugin.close();
    }

    private void restart() throws IOException {
        docker.close();
        plugin.restart();
        docker = plugin.connect();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "../x", "a/b", "a@b/../c"})
    void anIdThatIsNoneIsRefusedByMountAndUnknownToUnmount(String id) throws IOException {
        docker.create("c1", Map.of());

        assertThat(docker.mount("c1", id).err()).startsWith("ID ");
        assertThat(docker.unmount("c1", id).err()).isEmpty();
        assertThat(plugin.mounted()).isEmpty();
    }

    @Test
    void aVolumeWhoseFolderWasRemovedIsUnmountedAndRemoved() throws IOException {
        docker.create("c1", Map.of());
        docker.mounted("c1", "a1");
        Files.delete(plugin.folder.resolve("fast/fast.c1"));
        assertThat(docker.mount("c1", "a2").err()).contains("is gone");
        assertThat(docker.unmount("c1", "a2").err()).isEmpty();
        assertThat(docker.unmount("c1", "a1").err()).isEmpty();
        assertThat(plugin.mounted()).isEmpty();
        assertThat(docker.volume("Remove", "c1").err()).isEmpty();
        assertThat(docker.create("c1", Map.of()).err()).isEmpty();
        docker.mounted("c1", "a3");
    }

    @Test
    void aVolumeWhoseFolderWasMadeAgainIsMountedAnew() throws IOException {
        docker.create("c1", Map.of());
        docker.mounted("c1", "a1");
        Path data = plugin.folder.resolve("fast/fast.c1");
        Files.delete(data);
        Files.createDirectory(data);
        Files.writeString(docker.mounted("c1", "a2").resolve("file"), "hello");
        assertThat(data.resolve("file")).hasContent("hello");
        assertThat(docker.unmount("c1", "a1").err()).isEmpty();
        assertThat(docker.unmount("c1", "a2").err()).isEmpty();
        assertThat(plugin.mounted()).isEmpty();
    }

    @Test
    void aVolumeStaysMountedWhileAnIdIsLeft() throws IOException {
        docker.create("c1", Map.of());
        docker.mounted("c1", "a1");
        docker.mounted("c1", "a2");

        assertThat(docker.unmount("c1", "a1").err()).isEmpty();
        assertThat(plugin.mounted()).hasSize(1);
        assertThat(docker.unmount("c1", "a2").err()).isEmpty();
        assertThat(plugin.mounted()).isEmpty();
        assertThat(plugin.idFiles()).isEmpty();
    }

    /** As Docker does with the files of an image, before it starts the first container. */
    @Test
    void theOwnerThatWasAskedForStaysWhenDockerCopiesFilesIntoANewVolume() throws IOException {
        docker.create("v", Map.of("uid", "1000", "mode", "0700"));
        Path copyUp = docker.mounted("v", "copy");
        Files.setAttribute(copyUp, "unix:uid", 0);
        Files.setAttribute(copyUp, "unix:gid", 5);
        Files.setPosixFilePermissions(copyUp, PosixFilePermissions.fromString("rwxr-xr-x"));
        docker.unmount("v", "copy");

        Path container = docker.mounted("v", "container");
        assertThat(Files.getAttribute(container, "unix:uid")).isEqualTo(1000);
        assertThat(Files.getAttribute(container, "unix:gid")).isEqualTo(5);
        assertThat(Files.getPosixFilePermissions(container)).isEqualTo(PosixFilePermissions.fromString("rwx------"));
        Files.setAttribute(container, "unix:uid", 1001);
        docker.unmount("v", "container");
        assertThat(Files.getAttribute(docker.mounted("v", "next"), "unix:uid")).isEqualTo(1001);
    }

    /** As a restart=always container does after a boot, whose start Docker does not try again. */
    @Test
    void aMountWaitsForAPoolThatIsNotThereYet() throws Exception {
        docker.create("v", Map.of());
        Path pool = plugin.folder.resolve("fast");
        Files.move(pool, plugin.folder.resolve("away"));
        try (ExecutorService other = Executors.newSingleThreadExecutor()) {
            var mount = other.submit(() -> plugin.connect().mount("v", "a"));
            assertThatThrownBy(() -> mount.get(1500, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
            Files.move(plugin.folder.resolve("away"), pool);

            assertThat(mount.get().err()).isEmpty();
        }
        docker.unmount("v", "a");
    }

    /** As docker cp does with a container that runs. */
    @Test
    void anIdIsTakenBackAsOftenAsItWasGiven() throws IOException {
        docker.create("c1", Map.of());
        docker.mounted("c1", "a1");
        docker.mounted("c1", "a1");

        assertThat(plugin.idFiles()).containsExactly("c1@a1");
        docker.unmount("c1", "a1");
        restart();
        assertThat(plugin.mounted()).hasSize(1);
        docker.unmount("c1", "a1");
        assertThat(plugin.mounted()).isEmpty();
        assertThat(docker.unmount("c1", "a1").err()).isEmpty();
    }

    /** As docker cp does when the pool is away for a moment. */
    @Test
    void aMountThatFailsIsTakenBackTooIfTheIdWasThere() throws IOException {
        docker.create("c1", Map.of());
        docker.mounted("c1", "a1");
        Files.move(plugin.folder.resolve("fast/fast.c1"), plugin.folder.resolve("fast/away"));

        assertThat(docker.mount("c1", "a1").err()).isNotEmpty();
        assertThat(docker.unmount("c1", "a1").err()).isEmpty();

        assertThat(plugin.idFiles()).containsExactly("c1@a1");
        Files.move(plugin.folder.resolve("fast/away"), plugin.folder.resolve("fast/fast.c1"));
        docker.mounted("c1", "a2");
        docker.unmount("c1", "a2");
        assertThat(plugin.mounted()).hasSize(1);
    }

    @Test
    void aMountThatFailsSaysWhyAlthoughItCannotBeCounted() throws IOException {
        docker.create("c1", Map.of());
        docker.mounted("c1", "a1");
        Files.move(plugin.folder.resolve("fast/fast.c1"), plugin.folder.resolve("fast/away"));
        String why = docker.mount("c1", "a1").err();
        Files.createDirectory(plugin.folder.resolve("state/docker/ids/.new")); // where a count is written first

        assertThat(docker.mount("c1", "a1").err()).isEqualTo(why).contains("fast.c1");
    }

    @Test
    void anIdThatADockerdLeftIsTakenBackOnce() throws IOException {
        docker.activate();
        docker.create("c1", Map.of());
        docker.mounted("c1", "a1"); // and dockerd is killed, and its container
        docker.activate();
        docker.mounted("c1", "a1");

        docker.unmount("c1", "a1");
        assertThat(plugin.mounted()).isEmpty();
    }

    @Test
    void aContainerThatOutlivedItsDockerdKeepsItsVolumeAtACopy() throws IOException {
        docker.activate();
        docker.create("c1", Map.of());
        Path mountpoint = docker.mounted("c1", "a1");
        Path container = Files.createDirectory(plugin.folder.resolve("container"));
        try (PathHandle source = PathHandle.open(mountpoint).orElseThrow()) {
            Mounts.bind(source, container, Set.of());
        }
        docker.activate();
        docker.mounted("c1", "a1");
        docker.unmount("c1", "a1");

        assertThat(plugin.mounted()).hasSize(2);
        Mounts.unmount(container);
    }

    @Test
    void idsAreOnDiskBeforeTheAnswerAndOutliveTheProcess() throws IOException {
        docker.create("c1", Map.of());
        Path mountpoint = docker.mounted("c1", "a1");
        docker.mounted("c1", "a2");
        restart();

        assertThat(plugin.idFiles()).containsExactly("c1@a1", "c1@a2");
        assertThat(docker.volume("Path", "c1").json().path("Mountpoint").asText())
                .isEqualTo(mountpoint.toString());
        docker.unmount("c1", "a1");
        assertThat(plugin.mounted()).hasSize(1);
        docker.unmount("c1", "a2");
        assertThat(plugin.mounted()).isEmpty();
    }

    @Test
    void whatIsMountedDecidesNotWhatIsRemembered() throws IOException {
        docker.create("c1", Map.of());
        Path mountpoint = docker.mounted("c1", "a1");
        Mounts.unmount(mountpoint); // as a reboot does

        assertThat(docker.volume("Path", "c1").json().path("Mountpoint").asText())
                .isEmpty();
        docker.mounted("c1", "a2");
        assertThat(plugin.mounted()).hasSize(1);
    }

    @Test
    void aFailedMountLeavesNoId() throws IOException {
        docker.create("c1", Map.of());
        Files.delete(plugin.folder.resolve("fast/fast.c1"));

        assertThat(docker.mount("c1", "a1").err()).contains("c1");

        assertThat(plugin.idFiles()).isEmpty();
        assertThat(docker.mount("nosuch", "a1").err()).isEqualTo("there is no volume \"nosuch\"");
        assertThat(plugin.idFiles()).isEmpty();
    }

    @Test
    void unmountNeverFailsForWhatIsNotThere() throws IOException {
        assertThat(docker.unmount("nosuch", "a1").err()).isEmpty();
    }

    @Test
    void aVolumeWhoseRecordIsDamagedIsUnmountedAndNotRemoved() throws IOException {
        docker.create("c1", Map.of());
        docker.mounted("c1", "a1");
        Path record = plugin.folder.resolve("fast/.berth/volumes/fast.c1.json");
        Files.writeString(record, "{}");

        assertThat(docker.unmount("c1", "a1").err()).isEmpty();

        assertThat(plugin.mounted()).isEmpty();
        assertThat(docker.volume("Remove", "c1").err()).contains("the record of volume fast.c1");
        assertThat(record).exists();
    }

    @Test
    void anUnmountThatCannotBeDoneWithoutTheRecordSaysWhyTheRecordIsMissing() throws IOException {
        docker.create("c1", Map.of());
        docker.mount("c1", "a1");
        docker.create("c2", Map.of());
        Path mountpoint = docker.mounted("c2", "a1");
        Mounts.unmount(mountpoint);
        Mounts.bind(plugin.mounts.resolve("c1"), mountpoint, Set.of(), Optional.empty()); // another volume
        Files.writeString(plugin.folder.resolve("fast/.berth/volumes/fast.c2.json"), "{}");

        assertThat(docker.unmount("c2", "a1").err())
                .contains("the record of volume fast.c2", "another volume: fast.c1");
        assertThat(plugin.mounted()).hasSize(2);
    }

    @Test
    void manyContainersComeAndGoAtOnce() throws Exception {
        try (ExecutorService containers = Executors.newFixedThreadPool(50)) {
            List<Callable<String>> lives = new ArrayList<>();
            IntStream.range(0, 50).forEach(i -> lives.add(() -> life("c" + i % 25, "id" + i)));
            for (Future<String> life : containers.invokeAll(lives)) {
                assertThat(life.get()).isEmpty();
            }
        }
        assertThat(plugin.mounted()).isEmpty();
        assertThat(plugin.idFiles()).isEmpty();
    }

    private String life(String name, String id) throws IOException {
        try (PluginClient mine = plugin.connect()) {
            String errors =
                    mine.create(name, Map.of()).err() + mine.volume("Get", name).err();
            PluginClient.Answer mount = mine.mount(name, id);
            Files.writeString(Path.of(mount.json().path("Mountpoint").asText()).resolve(id), id);
            return errors + mount.err() + mine.unmount(name, id).err();
        }
    }
}
