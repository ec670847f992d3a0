package io.berth.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.berth.pool.PoolConfig;
import io.berth.service.Snapshots;
import io.berth.service.Volumes;
import io.berth.volume.AccessMode;
import io.berth.volume.CapacityRange;
import io.berth.volume.Format;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What Docker's calls do, over the socket. */
class VolumeDriverTest {
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

    @ParameterizedTest
    @CsvSource({
        "true, home=nfs:server:/export",
        "false, home=nfs:server:/export fast=local:/srv/fast",
        "false, home=hostpath:/srv/home",
        "false, ''",
    })
    void isGlobalWhereEveryMachineHasTheSameVolumes(boolean global, String pools) {
        List<PoolConfig> configs = Stream.of(pools.split(" "))
                .filter(pool -> !pool.isEmpty())
                .map(PoolConfig::parse)
                .toList();
        assertThat(VolumeDriver.areGlobal(configs)).isEqualTo(global);
    }

    private void restart() throws IOException {
        docker.close();
        plugin.restart();
        docker = plugin.connect();
    }

    /** A volume as a CSI call makes it. */
    private String createThroughCsi(String pool, String name) {
        return plugin.volumes
                .create(new Volumes.Wanted(
                        name, CapacityRange.atLeast(1 << 20), VolumeParameters.parse(Map.of("pool", pool)), false))
                .id()
                .toString();
    }

    private List<String> list() throws IOException {
        JsonNode volumes = docker.call("VolumeDriver.List", "{}").json().path("Volumes");
        return StreamSupport.stream(volumes.spliterator(), false)
                .map(volume -> volume.path("Name").asText())
                .toList();
    }

    @Test
    void aVolumeIsMadeMountedAndRemoved() throws IOException {
        assertThat(docker.create("c1", Map.of()).err()).isEmpty();

        Path mountpoint = docker.mounted("c1", "a1");
        Files.writeString(mountpoint.resolve("file"), "hello");

        assertThat(mountpoint).isAbsolute().isEqualTo(plugin.mounts.resolve("c1"));
        assertThat(plugin.folder.resolve("fast/fast.c1/file")).hasContent("hello");
        assertThat(docker.volume("Path", "c1").json().path("Mountpoint").asText())
                .isEqualTo(mountpoint.toString());
        assertThat(docker.unmount("c1", "a1").err()).isEmpty();
        assertThat(plugin.mounted()).isEmpty();
        assertThat(docker.volume("Path", "c1").body()).isEqualTo("{\"Err\":\"\",\"Mountpoint\":\"\"}");
        assertThat(docker.volume("Remove", "c1").err()).isEmpty();
        assertThat(docker.volume("Get", "c1").err()).isEqualTo("there is no volume \"c1\"");
        assertThat(plugin.folder.resolve("fast/fast.c1")).doesNotExist();
        assertThat(plugin.mounts).isEmptyDirectory();
    }

    /** Earlier versions let everybody pass. */
    @Test
    void nobodyPassesThroughTheStateButAGroupThatIsNamed() throws IOException {
        Path state = plugin.folder.resolve("state");
        for (Path closed : List.of(state, state.resolve("docker"), plugin.mounts)) {
            assertThat(Files.getAttribute(closed, "unix:mode")).isEqualTo(040700);
            Files.setAttribute(closed, "unix:mode", 0711);
        }
        plugin.stateGroup = OptionalInt.of(165536);
        restart();
        for (Path open : List.of(state, plugin.mounts)) {
            assertThat(Files.getAttribute(open, "unix:mode")).isEqualTo(040710);
            assertThat(Files.getAttribute(open, "unix:gid")).isEqualTo(165536);
        }
        assertThat(Files.getAttribute(state.resolve("docker"), "unix:mode")).isEqualTo(040700);
        plugin.stateGroup = OptionalInt.empty();
        restart();
        assertThat(Files.getAttribute(state, "unix:mode")).isEqualTo(040700);
    }

    @Test
    void getShowsWhatDockerNeedsAndPeopleAskFor() throws IOException {
        docker.create("c1", Map.of("size", "64m", "uid", "1000", "onDelete", "retain"));

        JsonNode volume = docker.volume("Get", "c1").json().path("Volume");

        assertThat(volume.path("Name").asText()).isEqualTo("c1");
        assertThat(volume.path("Mountpoint").asText()).isEmpty();
        assertThat(Duration.between(Instant.parse(volume.path("CreatedAt").asText()), Instant.now()))
                .isLessThan(Duration.ofMinutes(1));
        JsonNode status = volume.path("Status");
        assertThat(status.path("pool").asText()).isEqualTo("fast");
        assertThat(status.path("kind").asText()).isEqualTo("local");
        assertThat(status.path("size").asText()).isEqualTo("64 MiB");
        assertThat(status.path("onDelete").asText()).isEqualTo("retain");
        assertThat(status.path("health").asText()).isEqualTo("ok");
    }

    @Test
    void optionsDecideOwnerModePoolAndFolder() throws IOException {
        assertThat(docker.create(
                                "c1",
                                Map.of("pool", "home", "uid", "1000", "gid", "2000", "mode", "0770", "subdir", "a/b"))
                        .err())
                .isEmpty();

        Path data = plugin.folder.resolve("home/a/b");
        assertThat(Files.getAttribute(data, "unix:uid")).isEqualTo(1000);
        assertThat(Files.getAttribute(data, "unix:gid")).isEqualTo(2000);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(data)))
                .isEqualTo("rwxrwx---");
        assertThat(list()).containsExactly("c1");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "siez|64m|option \"siez\": unknown; the nearest is size",
                "ondelete|retain|option \"ondelete\": unknown; the nearest is onDelete",
                "size|much|option size \"much\"",
                "size|0|option size \"0\"",
                "mode|rwx|mode \"rwx\"",
                "pool|slow|no such pool",
                "docker.name|c2|unknown",
                "subdir|../evil|path part \"..\"",
            })
    void aBadOptionIsRefusedAndLeavesNothing(String key, String value, String why) throws IOException {
        assertThat(docker.create("c1", Map.of(key, value)).err()).contains(why);

        assertThat(list()).isEmpty();
        assertThat(docker.volume("Get", "c1").err()).isNotEmpty();
    }

    @Test
    void aSecondCreateSucceedsWithTheSameOptionsOrNone() throws IOException {
        docker.create("c1", Map.of("size", "64m", "mode", "0700"));

        assertThat(docker.create("c1", Map.of("size", "64m", "mode", "0700")).err())
                .isEmpty();
        assertThat(docker.create("c1", Map.of()).err()).isEmpty();
        assertThat(docker.create("c1", Map.of("size", "65m", "mode", "0700")).err())
                .contains("capacity");
        assertThat(docker.create("c1", Map.of("size", "63M", "mode", "0700")).err())
                .isEmpty();
        assertThat(docker.create("c1", Map.of("size", "64m")).err()).contains("mode");
        assertThat(docker.create("c1", Map.of("size", "64m", "mode", "0700", "pool", "home"))
                        .err())
                .contains("its pool is fast");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../../evil",
                "/a/b",
                "a/../b",
                "a/./b",
                "a//b",
                "a/",
                "a/b c",
                "a/b+c",
                "a+b",
                "",
                ".",
                "..",
                "-c",
                "c\u0000",
                "ä",
                "a b",
                ".berth"
            })
    void aNameThatIsNoneIsRefusedByEveryCall(String name) throws IOException {
        for (String method : List.of("Get", "Path", "Create", "Remove")) {
            assertThat(docker.volume(method, name).err()).as(method).contains("volume name");
        }
        assertThat(docker.mount(name, "a1").err()).contains("volume name");
        assertThat(docker.unmount(name, "a1").err()).contains("volume name");
        assertThat(plugin.idFiles()).isEmpty();
        assertThat(docker.volume("Get", "c".repeat(129)).err()).contains("volume name");
    }

    @Test
    void aSizeIsALimitInEveryKindOfPoolUnlessThePoolSaysOtherwise() throws IOException {
        assertThat(docker.create("limited", Map.of("size", "32M", "pool", "nas"))
                        .err())
                .isEmpty();
        assertThat(docker.create("unlimited", Map.of("pool", "nas")).err()).isEmpty();
        assertThat(docker.create("promised", Map.of("size", "32M")).err()).isEmpty();

        assertThat(plugin.volumes.get("nas.limited").format()).isNotEqualTo(Format.Directory.ADVISORY);
        assertThat(plugin.volumes.get("nas.limited").capacityBytes()).isEqualTo(32 << 20);
        assertThat(plugin.volumes.get("nas.unlimited").format()).isEqualTo(Format.Directory.ADVISORY);
        assertThat(plugin.volumes.get("nas.unlimited").capacityBytes()).isZero();
        assertThat(plugin.volumes.get("fast.promised").format()).isEqualTo(Format.Directory.ADVISORY);
    }

    @Test
    void aSizeIsRoundedUpToWhatTheFormatNeeds() throws IOException {
        assertThat(docker.create("v", Map.of("size", "10000001", "format", "image"))
                        .err())
                .isEmpty();
        assertThat(plugin.volumes.get("fast.v").capacityBytes()).isEqualTo(16 << 20);
    }

    @Test
    void anOptionThatIsGivenInTwoSpellingsIsRefused() throws IOException {
        assertThat(docker.create("v", Map.of("subdir", "a", "subDir", "b")).err())
                .contains("given twice, as subDir and subdir");
    }

    @Test
    void staleIdsDoNotKeepAVolume() throws IOException {
        docker.create("c1", Map.of());
        docker.mounted("c1", "lost");

        assertThat(docker.volume("Remove", "c1").err()).isEmpty();

        assertThat(plugin.mounted()).isEmpty();
        assertThat(plugin.idFiles()).isEmpty();
        assertThat(docker.volume("Remove", "c1").err()).isEmpty();
    }

    @Test
    void volumesOfBothDoorsAreTheSame() throws IOException {
        createThroughCsi("fast", "pvc-1");
        createThroughCsi("home", "pvc-2");
        docker.create("c1", Map.of());

        assertThat(list()).containsExactly("c1", "home.pvc-2", "pvc-1");
        assertThat(plugin.volumes.find("fast.c1")).isPresent();
        assertThat(docker.volume("Get", "pvc-1").err()).isEmpty();
        assertThat(docker.create("home.pvc-2", Map.of()).err()).isEmpty();
    }

    @Test
    void dockerRemovesWhatItMade() throws IOException {
        createThroughCsi("fast", "pvc-1");
        createThroughCsi("home", "pvc-2");
        docker.create("c1", Map.of());
        docker.create("home.c2", Map.of());
        docker.mounted("pvc-1", "a1");
        docker.unmount("pvc-1", "a1");

        assertThat(docker.volume("Remove", "c1").err()).isEmpty();
        assertThat(docker.volume("Remove", "home.c2").err()).isEmpty();
        assertThat(docker.volume("Remove", "pvc-1").err()).contains("berth volumes delete fast.pvc-1");
        assertThat(docker.volume("Remove", "home.pvc-2").err()).contains("berth volumes delete home.pvc-2");
        assertThat(list()).containsExactly("home.pvc-2", "pvc-1");

        plugin.removesAll = true;
        restart();
        assertThat(docker.volume("Remove", "pvc-1").err()).isEmpty();
        assertThat(docker.volume("Remove", "home.pvc-2").err()).isEmpty();
        assertThat(list()).isEmpty();
    }

    /** Its data would stay, but not its record, without which its pods do not start. */
    @Test
    void aFolderThatAClaimHasTakenIsNotDockersToRemove() throws IOException {
        Files.createDirectories(plugin.folder.resolve("home/team/db"));
        plugin.volumes.create(new Volumes.Wanted(
                "pvc-1",
                CapacityRange.atLeast(1 << 20),
                VolumeParameters.parse(Map.of("pool", "home", "subDir", "team/db", "onDelete", "retain")),
                false));

        assertThat(docker.volume("Remove", "home.pvc-1").err()).contains("berth volumes delete home.pvc-1");

        assertThat(plugin.volumes.find("home.pvc-1")).isPresent();
    }

    @Test
    void aRemoveThatFailedHalfwayIsCarriedThroughByTheNext() throws IOException {
        for (Map.Entry<String, String> volume :
                Map.of("c1", "fast.c1", "home.c2", "home.c2").entrySet()) {
            docker.create(volume.getKey(), Map.of());
            String pool = volume.getValue().substring(0, 4);
            Path records = plugin.folder.resolve(pool).resolve(".berth");
            String record = volume.getValue() + ".json";
            Files.move(
                    records.resolve("volumes").resolve(record),
                    records.resolve("deleting").resolve(record));

            assertThat(docker.volume("Remove", volume.getKey()).err()).isEmpty();

            assertThat(records.resolve("deleting").resolve(record)).doesNotExist();
            assertThat(plugin.folder.resolve(pool).resolve(volume.getValue())).doesNotExist();
        }
    }

    @Test
    void aVolumeInUseThroughOneDoorIsNotRemovedThroughTheOther() throws IOException {
        String id = createThroughCsi("fast", "pvc-1");
        Path staging = plugin.folder.resolve("staging");
        plugin.node.stage(id, staging, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of());

        plugin.removesAll = true;
        restart();
        assertThat(docker.volume("Remove", "pvc-1").err()).contains("in use: mounted at " + staging);
        plugin.node.unstage(id, staging);

        docker.mounted("pvc-1", "a1");
        assertThatThrownBy(() -> plugin.volumes.delete(id))
                .hasMessageContaining("in use: mounted at " + plugin.mounts.resolve("pvc-1"));
        docker.unmount("pvc-1", "a1");
        assertThat(docker.volume("Remove", "pvc-1").err()).isEmpty();
    }

    @Test
    void aVolumeHasOneNameAndKeepsIt() throws IOException {
        docker.create("c1", Map.of("pool", "home"));
        createThroughCsi("fast", "c1");
        docker.create("c2", Map.of());

        assertThat(list()).containsExactly("c1", "c2", "fast.c1");
        assertThat(docker.volume("Get", "c1").json().at("/Volume/Status/pool").asText())
                .isEqualTo("home");
        assertThat(docker.volume("Get", "fast.c1")
                        .json()
                        .at("/Volume/Status/pool")
                        .asText())
                .isEqualTo("fast");
        assertThat(docker.volume("Get", "home.c1").err()).isNotEmpty();
        assertThat(docker.volume("Get", "fast.c2").err()).isNotEmpty();
    }

    @Test
    void aNameThatIsAnIdSaysItsPool() throws IOException {
        assertThat(docker.create("home.c1", Map.of()).err()).isEmpty();
        assertThat(docker.create("other.c1", Map.of()).err()).isEmpty();
        assertThat(docker.create("fast.c1", Map.of()).err()).contains("pool fast is the default, so call it c1");
        assertThat(docker.create("home.c2", Map.of("pool", "fast")).err()).contains("says pool home");

        assertThat(list()).containsExactly("home.c1", "other.c1");
        assertThat(plugin.volumes.find("home.c1")).isPresent();
        assertThat(plugin.volumes.find("fast.other.c1")).isPresent();
    }

    @Test
    void aPoolThatCannotBeUsedHarmsNoOther() throws IOException {
        docker.create("c1", Map.of());
        docker.create("c2", Map.of("pool", "home"));
        docker.close();
        Files.move(plugin.folder.resolve("home"), plugin.folder.resolve("away"));
        plugin.restart();
        docker = plugin.connect();

        assertThat(docker.mount("c1", "a1").err()).isEmpty();
        assertThat(docker.volume("Get", "c2").err()).isEmpty();
        assertThat(status("c2", "health")).contains("pool home cannot be used");
        assertThat(list()).containsExactly("c1", "c2");
        assertThat(docker.mount("c2", "a1").err()).contains("pool home cannot be used");
        assertThat(docker.volume("Get", "c3").err()).contains("pool home cannot be used");
        assertThat(docker.unmount("c2", "a1").err()).isEmpty();
        assertThat(docker.create("c3", Map.of()).err()).contains("not known whether there is a volume \"c3\"");
        assertThat(docker.create("c3", Map.of("pool", "fast")).err()).isEmpty();
        assertThat(docker.mount("c3", "a1").err()).isEmpty();
    }

    @Test
    void aVolumeStaysWhatItWasHereWhateverElseIsCalledSo() throws IOException {
        createThroughCsi("fast", "c1");
        docker.mount("c1", "a1");
        plugin.volumes.create(new Volumes.Wanted(
                "c1",
                CapacityRange.ANY,
                VolumeParameters.parse(Map.of("pool", "home")).with(VolumeNames.MADE_AS, "c1"),
                false));

        assertThat(list()).containsExactly("c1", "home.c1");
        assertThat(status("c1", "pool")).isEqualTo("fast");
        assertThat(status("home.c1", "pool")).isEqualTo("home");
    }

    @Test
    void aVolumeIsNotTakenForAnotherOfItsNameWhileItsPoolIsAway() throws IOException {
        docker.create("c1", Map.of("pool", "home"));
        createThroughCsi("fast", "c1");
        docker.close();
        Files.move(plugin.folder.resolve("home"), plugin.folder.resolve("away"));
        plugin.restart();
        docker = plugin.connect();

        assertThat(docker.mount("c1", "a1").err()).contains("pool home cannot be used");
        assertThat(plugin.mounted()).isEmpty();
    }

    @Test
    void aVolumeBeginsAsACopyOfAnotherOrOfASnapshot() throws IOException {
        docker.create("c1", Map.of("pool", "home"));
        Files.writeString(docker.mounted("c1", "a1").resolve("file"), "hello");
        plugin.snapshots.create(new Snapshots.Wanted("s1", "home.c1", Map.of()), Duration.ofSeconds(30));

        assertThat(docker.create("c2", Map.of("from", "c1")).err()).isEmpty();
        assertThat(docker.create("c3", Map.of("from", "home.s1")).err()).isEmpty();
        assertThat(docker.create("c4", Map.of("from", "snapshot:home.s1")).err())
                .isEmpty();

        for (String copy : List.of("c2", "c3", "c4")) {
            assertThat(docker.mounted(copy, "a1").resolve("file")).hasContent("hello");
            assertThat(status(copy, "pool")).isEqualTo("home");
        }
        assertThat(status("c1", "snapshots")).isEqualTo("[\"home.s1\"]");
        assertThat(docker.create("c2", Map.of("from", "c1")).err()).isEmpty();
        assertThat(docker.create("c2", Map.of("from", "home.s1")).err()).contains("its source is");
        assertThat(docker.create("c5", Map.of("from", "nosuch")).err()).contains("no such volume or snapshot");
        assertThat(docker.create("c5", Map.of("from", "volume:home.s1")).err()).contains("no such volume");
    }

    @Test
    void aNameOfBothAVolumeAndASnapshotIsNoSource() throws IOException {
        docker.create("home.c1", Map.of());
        plugin.snapshots.create(new Snapshots.Wanted("c1", "home.c1", Map.of()), Duration.ofSeconds(30));

        assertThat(docker.create("c2", Map.of("from", "home.c1")).err())
                .contains("write volume:home.c1 or snapshot:home.c1");
        assertThat(docker.create("c2", Map.of("from", "volume:home.c1")).err()).isEmpty();
    }

    @Test
    void theStatusTellsTheLimitAndHowFullAnImageIs() throws IOException {
        assertThat(docker.create("c1", Map.of("size", "64m", "format", "image")).err())
                .isEmpty();
        assertThat(status("c1", "limit")).isEqualTo("enforced");
        assertThat(status("c1", "format")).isEqualTo("image");
        assertThat(status("c1", "used")).isEmpty();

        Files.write(docker.mounted("c1", "a1").resolve("file"), new byte[8 << 20]);

        assertThat(status("c1", "used")).endsWith(" MiB");
        assertThat(status("c1", "health")).isEqualTo("ok");
        docker.create("c2", Map.of("size", "64m", "limit", "advisory"));
        assertThat(status("c2", "limit")).isEqualTo("advisory");
        assertThat(status("c2", "format")).isEqualTo("directory");
    }

    @Test
    void theStatusTellsWhatIsWrong() throws IOException {
        docker.create("c1", Map.of());
        Files.delete(plugin.folder.resolve("fast/fast.c1"));

        assertThat(status("c1", "health")).startsWith("DataMissing: ");
    }

    private String status(String name, String key) throws IOException {
        JsonNode value = docker.volume("Get", name).json().at("/Volume/Status/" + key);
        return value.isValueNode() ? value.asText() : value.toString();
    }

    @Test
    void foldersAreFoundAsVolumesAndNeverDeleted() throws IOException {
        Path photos = Files.createDirectories(plugin.folder.resolve("home/photos"));
        Files.writeString(photos.resolve("file"), "mine");
        Files.createDirectory(plugin.folder.resolve("fast/hidden"));
        docker.create("c1", Map.of("pool", "home", "subdir", "taken/c1"));

        assertThat(list()).containsExactly("c1", "home.photos");
        assertThat(docker.volume("Get", "home.photos").err()).isEmpty();
        assertThat(status("home.photos", "health")).isEqualTo("ok");
        assertThat(plugin.volumes.find("home.photos")).isEmpty();
        assertThat(docker.create("home.photos", Map.of("size", "1m")).err()).contains("differs");
        assertThat(docker.mounted("home.photos", "a1").resolve("file")).hasContent("mine");
        assertThat(plugin.volumes.find("home.photos")).isPresent();
        docker.unmount("home.photos", "a1");
        assertThat(docker.volume("Remove", "home.photos").err()).isEmpty();

        assertThat(photos.resolve("file")).hasContent("mine");
        assertThat(list()).containsExactly("c1", "home.photos");
        assertThat(docker.volume("Get", "hidden").err()).contains("there is no volume");
    }
}
