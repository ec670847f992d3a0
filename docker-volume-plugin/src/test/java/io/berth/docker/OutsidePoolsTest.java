package io.berth.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.berth.mount.MountPoint;
import io.berth.mount.Mounts;
import io.berth.service.Volumes;
import io.berth.volume.CapacityRange;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Volumes by the options of Docker's local driver and others, which are in no pool. */
class OutsidePoolsTest {
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

    private Map<String, String> bind(Path path, String o) {
        return Map.of("type", "none", "o", o, "device", path.toString());
    }

    /** Options as they are written, with spaces between. */
    private Map<String, String> options(String text) {
        Map<String, String> options = new TreeMap<>();
        for (String option : text.split(" ", -1)) {
            int equals = option.indexOf('=');
            options.put(
                    option.substring(0, equals),
                    option.substring(equals + 1)
                            .replace("ALLOWED", plugin.folder.resolve("allowed").toString()));
        }
        return options;
    }

    private Path mounted(String name) throws IOException {
        PluginClient.Answer answer = docker.mount(name, "a1");
        assertThat(answer.err()).isEmpty();
        return Path.of(answer.json().path("Mountpoint").asText());
    }

    private MountPoint mountAt(Path path) {
        return plugin.mounted().stream()
                .filter(mount -> mount.target().equals(path))
                .findFirst()
                .orElseThrow();
    }

    @ParameterizedTest
    @ValueSource(strings = {"4m", "4M", "4MB", "4Mi", "4096K"})
    void unitsOfMemoryArePowersOf1024(String size) throws IOException {
        assertThat(docker.create("c1", Map.of("type", "tmpfs", "o", "size=" + size))
                        .err())
                .isEmpty();
        assertThat(Files.getFileStore(mounted("c1")).getTotalSpace()).isEqualTo(4 << 20);
    }

    @Test
    void aFolderOfTheHostIsBoundAndStays() throws IOException {
        Path host = Files.createDirectory(plugin.folder.resolve("allowed/host"));
        Files.writeString(host.resolve("file"), "mine");

        assertThat(docker.create("c1", bind(host, "bind,ro,noexec")).err()).isEmpty();
        Path mountpoint = mounted("c1");

        assertThat(mountpoint.resolve("file")).hasContent("mine");
        assertThat(mountAt(mountpoint).readOnly()).isTrue();
        docker.close();
        plugin.restart();
        docker = plugin.connect();
        JsonNode volume = docker.volume("Get", "c1").json().path("Volume");
        assertThat(volume.path("Mountpoint").asText()).isEqualTo(mountpoint.toString());
        assertThat(volume.at("/Status/path").asText()).isEqualTo(host.toString());
        assertThat(docker.unmount("c1", "a1").err()).isEmpty();
        assertThat(plugin.mounted()).isEmpty();
        assertThat(docker.volume("Remove", "c1").err()).isEmpty();
        assertThat(docker.volume("Get", "c1").err()).contains("there is no volume");
        assertThat(host.resolve("file")).hasContent("mine");
    }

    @Test
    void aMountpointOfLocalPersistIsMade() throws IOException {
        Path host = plugin.folder.resolve("allowed/a/b");

        assertThat(docker.create("c1", Map.of("mountpoint", host.toString())).err())
                .isEmpty();
        Files.writeString(mounted("c1").resolve("file"), "mine");

        assertThat(host.resolve("file")).hasContent("mine");
    }

    /** As when the disk that it lies on is not mounted: an empty folder in its place would be taken for the data. */
    @Test
    void aMountpointThatIsGoneIsNotMadeAgain() throws IOException {
        Path host = plugin.folder.resolve("allowed/a/b");
        Map<String, String> options = Map.of("mountpoint", host.toString());
        docker.create("c1", options);
        Files.delete(host);

        assertThat(docker.mount("c1", "a1").err())
                .isEqualTo("host path " + host + ": nothing is there; mount the disk that has it, or make it");
        assertThat(docker.create("c1", options).err()).contains("mount the disk that has it, or make it");
        assertThat(docker.create("c1", Map.of()).err()).isEmpty();

        assertThat(host).doesNotExist();
        Files.createDirectory(host);
        assertThat(mounted("c1")).isEmptyDirectory();
        docker.unmount("c1", "a1");
        docker.volume("Remove", "c1");
        Files.delete(host);
        assertThat(docker.create("c1", options).err()).isEmpty();
        assertThat(host).isEmptyDirectory();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "mountpoint=ALLOWED/disk/a mounted=true",
                "type=none o=bind device=ALLOWED/disk/a mounted=true",
            })
    void aFolderThatAwaitsADiskIsUsedOnlyWhileItIsMounted(String options) throws Exception {
        Path allowed = plugin.folder.resolve("allowed");
        Path disk = allowed.resolve("disk");
        Files.createDirectories(disk.resolve("a"));
        Mounts.bind(allowed, allowed, Set.of(), Optional.empty()); // as it is seen in a container

        assertThat(docker.create("c1", options(options)).err()).contains("no file system but that of / is mounted at");
        mountDisk(disk);
        assertThat(docker.create("c1", options(options)).err()).isEmpty();
        Files.writeString(disk.resolve("a/file"), "mine");
        Mounts.unmount(disk);
        assertThat(docker.volume("Get", "c1").err()).isEmpty();
        try (ExecutorService other = Executors.newSingleThreadExecutor()) {
            var mount = other.submit(() -> plugin.connect().mount("c1", "a1"));
            assertThatThrownBy(() -> mount.get(1500, TimeUnit.MILLISECONDS)) // it waits for it, as for a pool
                    .isInstanceOf(TimeoutException.class);
            mountDisk(disk);
            assertThat(mount.get().err()).isEmpty();
        }
        docker.unmount("c1", "a1");
        Mounts.unmount(disk);
        assertThat(disk.resolve("a")).isEmptyDirectory();
    }

    private static void mountDisk(Path at) throws IOException {
        Mounts.tmpfs("disk", at, 1 << 20, 0755, 0, 0, Set.of());
        Files.createDirectory(at.resolve("a"));
    }

    private String health(String name) throws IOException {
        return docker.volume("Get", name).json().at("/Volume/Status/health").asText();
    }

    @Test
    void theStatusTellsWhetherItCouldBeMounted() throws IOException {
        Path host = plugin.folder.resolve("allowed/host");
        Path team = Files.createDirectory(plugin.folder.resolve("nas/team"));
        docker.create("memory", Map.of("type", "tmpfs", "o", "size=1m"));
        docker.create("host", Map.of("mountpoint", host.toString()));
        docker.create("team", options("share=nas.example:/export/team"));
        for (String name : List.of("memory", "host", "team")) {
            assertThat(health(name)).as(name).isEqualTo("ok");
        }

        Files.delete(host);
        Files.delete(team);
        assertThat(health("host"))
                .isEqualTo("DataMissing: host path " + host
                        + ": nothing is there; mount the disk that has it, or make it");
        assertThat(health("team")).startsWith("DataMissing: there is no folder team in pool nas");
        assertThat(host).doesNotExist();
        Files.move(plugin.folder.resolve("nas"), plugin.folder.resolve("away"));
        Files.createSymbolicLink(host, plugin.folder.resolve("fast"));
        assertThat(health("host")).contains("a symbolic link");
        assertThat(health("team")).contains("pool nas");
        assertThat(health("memory")).isEqualTo("ok");
    }

    @Test
    void memoryIsBoundedAndGoneWithItsLastUser() throws IOException {
        assertThat(docker.create(
                                "c1",
                                Map.of("type", "tmpfs", "device", "tmpfs", "o", "size=4m,uid=1000,mode=0750,nosuid"))
                        .err())
                .isEmpty();
        Path mountpoint = mounted("c1");

        assertThat(mountAt(mountpoint).fsType()).isEqualTo("tmpfs");
        assertThat(Files.getFileStore(mountpoint).getTotalSpace()).isEqualTo(4 << 20);
        assertThat(Files.getAttribute(mountpoint, "unix:uid")).isEqualTo(1000);
        Files.writeString(mountpoint.resolve("file"), "lost");
        docker.unmount("c1", "a1");
        assertThat(plugin.mounted()).isEmpty();
        assertThat(mounted("c1")).isEmptyDirectory();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "type=nfs device=:/export/team o=addr=nas.example,ro",
                "type=nfs device=nas.example:/export/team o=ro",
                "type=nfs device=other:/export/team/ o=ro,addr=NAS.example",
                "share=nas.example:/export/team nfsopts=ro",
                "server=nas.example share=/export/team nfsopts=ro",
            })
    void aFolderOfAnExportIsMountedAndStays(String options) throws IOException {
        Path team = Files.createDirectory(plugin.folder.resolve("nas/team"));
        Files.writeString(team.resolve("file"), "of the team");

        assertThat(docker.create("c1", options(options)).err()).isEmpty();
        Path mountpoint = mounted("c1");

        assertThat(mountpoint.resolve("file")).hasContent("of the team");
        assertThat(mountAt(mountpoint).readOnly()).isTrue();
        docker.close();
        plugin.restart();
        docker = plugin.connect();
        JsonNode status = docker.volume("Get", "c1").json().path("Volume").path("Status");
        assertThat(status.path("server").asText()).isEqualTo("nas.example");
        assertThat(status.path("share").asText()).isEqualTo("/export/team");
        assertThat(docker.create("c1", options(options)).err()).isEmpty();
        assertThat(docker.create("c1", options(options.replace("ro", "rw"))).err())
                .contains("has other options");
        assertThat(docker.unmount("c1", "a1").err()).isEmpty();
        assertThat(plugin.mounted()).isEmpty();
        assertThat(docker.volume("Remove", "c1").err()).isEmpty();
        assertThat(docker.volume("Get", "c1").err()).contains("there is no volume");
        assertThat(team.resolve("file")).hasContent("of the team");
    }

    /** As docker run -v nas.example/export/team:/m. */
    @Test
    void aNameMaySayTheFolderOfAnExport() throws IOException {
        String name = "nas.example/export/team";
        Path team = plugin.folder.resolve("nas/team");
        assertThat(docker.volume("Get", name).err()).contains("there is no volume");
        assertThat(docker.create(name, Map.of()).err()).contains("there is no folder team in pool nas");
        Files.createDirectory(team);
        assertThat(docker.create(name, Map.of()).err()).isEmpty();
        Path mountpoint = mounted(name);
        Files.writeString(mountpoint.resolve("file"), "of the team");

        assertThat(mountpoint).isEqualTo(plugin.mounts.resolve("nas.example+export+team"));
        docker.close();
        plugin.restart();
        docker = plugin.connect();
        assertThat(docker.call("VolumeDriver.List", "{}")
                        .json()
                        .at("/Volumes/0/Name")
                        .asText())
                .isEqualTo(name);
        assertThat(docker.volume("Path", name).json().path("Mountpoint").asText())
                .isEqualTo(mountpoint.toString());
        assertThat(docker.create(name, Map.of()).err()).isEmpty();
        assertThat(docker.create(name, Map.of("nfsopts", "ro")).err()).contains("has other options");
        assertThat(docker.unmount(name, "a1").err()).isEmpty();
        assertThat(plugin.mounted()).isEmpty();
        assertThat(plugin.idFiles()).isEmpty();
        assertThat(docker.volume("Remove", name).err()).isEmpty();
        assertThat(docker.volume("Get", name).err()).contains("there is no volume");
        assertThat(team.resolve("file")).hasContent("of the team");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "127.0.0.1/export/team|nfsopts=port=1|NFS server 127.0.0.1 does not answer on port 1",
                "127.0.0.1/export/team|nfsopts=port=1 create=true|in no pool",
                "nas.example/export|''|the whole of pool nas",
                "nas.example/export/.berth|''|path",
                "nas.example/export/nas.c1|create=true|is a volume's, or lies in or around one",
                "nas.example/export/team|size=1g|\"size\": not with a name that says a share",
                "nas.example/export/team|share=nas.example:/export/b|\"share\": not with a name that says a share",
                "nas.example/export/team|create=yes|option create \"yes\": true or false",
                "c1|create=true|share=SERVER:/path",
                "c1|type=nfs device=:/export/team o=addr=nas.example create=true|\"device\": not with share",
            })
    void aNameThatSaysNoFolderOfAnExportIsRefused(String name, String options, String why) throws IOException {
        docker.create("c2", Map.of("pool", "nas"));
        assertThat(docker.create(name, options.isEmpty() ? Map.of() : options(options))
                        .err())
                .contains(why);
        assertThat(docker.volume("Get", name).err()).contains("there is no volume");
    }

    @Test
    void theFolderOfAnExportIsMadeWhereThatIsAskedFor() throws IOException {
        Path team = plugin.folder.resolve("nas/a/team");
        Map<String, String> create = options("share=nas.example:/export/a/team create=true");
        assertThat(docker.create("c1", options("share=nas.example:/export/a/team create=false"))
                        .err())
                .contains("there is no folder");

        assertThat(docker.create("c1", create).err()).isEmpty();
        assertThat(team).isEmptyDirectory();
        Files.delete(team);
        assertThat(docker.create("c1", create).err()).contains("there is no folder");
        assertThat(docker.create("nas.example/export/b", Map.of("create", "true"))
                        .err())
                .isEmpty();
        assertThat(plugin.folder.resolve("nas/b")).isEmptyDirectory();
    }

    @Test
    void aFolderOfAnExportThatHasBecomeAVolumesIsNotMounted() throws IOException {
        Files.createDirectory(plugin.folder.resolve("nas/team"));
        assertThat(docker.create("c1", options("type=nfs device=:/export/team o=addr=nas.example"))
                        .err())
                .isEmpty();
        assertThat(docker.create("v1", Map.of("pool", "nas", "subDir", "team/v1"))
                        .err())
                .isEmpty();

        assertThat(docker.mount("c1", "a1").err()).contains("is a volume's, or lies in or around one");
        assertThat(plugin.idFiles()).isEmpty();
        assertThat(plugin.mounted()).isEmpty();
    }

    @Test
    void aSecondCreateSucceedsWithTheSameOptionsOrNone() throws IOException {
        Path host = Files.createDirectory(plugin.folder.resolve("allowed/host"));
        docker.create("c1", bind(host, "bind"));
        docker.create("c2", Map.of());

        assertThat(docker.create("c1", bind(host, "bind")).err()).isEmpty();
        assertThat(docker.create("c1", Map.of()).err()).isEmpty();
        assertThat(docker.create("c1", bind(host, "bind,ro")).err()).contains("has other options");
        assertThat(docker.create("c1", Map.of("size", "1m")).err()).contains("is in no pool");
        assertThat(docker.create("c2", bind(host, "bind")).err()).contains("is in a pool");
        assertThat(docker.create("home.c1", bind(host, "bind")).err()).contains("it says pool home");
    }

    @Test
    void noOtherVolumeHasItsName() throws IOException {
        docker.create("c1", Map.of("type", "tmpfs", "o", "size=1m"));
        plugin.volumes.create(
                new Volumes.Wanted("c1", CapacityRange.ANY, VolumeParameters.parse(Map.of("pool", "fast")), false));

        assertThat(StreamSupport.stream(
                                docker.call("VolumeDriver.List", "{}")
                                        .json()
                                        .path("Volumes")
                                        .spliterator(),
                                false)
                        .map(volume -> volume.path("Name").asText()))
                .containsExactly("c1", "fast.c1");
        assertThat(docker.volume("Get", "fast.c1").err()).isEmpty();
        assertThat(docker.volume("Remove", "c1").err()).isEmpty();
        assertThat(plugin.volumes.find("fast.c1")).isPresent();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "type=nfs device=:/ o=addr=127.0.0.1,port=1|NFS server 127.0.0.1 does not answer on port 1",
                "type=nfs device=:/export o=addr=nas.example|the whole of pool nas",
                "type=nfs device=:/export/../etc o=addr=nas.example|NFS export path",
                "type=nfs device=:/export/.berth o=addr=nas.example|path",
                "type=nfs device=:/export/nosuch o=addr=nas.example|there is no folder nosuch in pool nas",
                "type=nfs device=:/export/team|type=nfs takes device=:/path with o=addr=SERVER",
                "type=nfs o=addr=nas.example|type=nfs takes device=:/path with o=addr=SERVER",
                "type=nfs device=:/export/team o=addr=nas.example,addr=other|addr is given twice",
                "type=nfs device=:/export/team o=addr=nas_example|NFS server \"nas_example\"",
                "type=nfs device=:/export/team o=addr=nas.example,nfsver=4|option o \"nfsver=4\": not allowed, the nearest is nfsvers",
                "type=nfs device=:/export/team o=addr=nas.example size=1g|\"size\": not with type=nfs",
                "share=127.0.0.1:/export/team nfsopts=port=1|NFS server 127.0.0.1 does not answer on port 1",
                "share=nas.example:/ nfsopts=ro|holds pool nas",
                "share=/export/team|share=SERVER:/path, or share=/path with server=SERVER",
                "server=nas.example|share=SERVER:/path, or share=/path with server=SERVER",
                "server=nas.example share=nas.example:/export/team|share=SERVER:/path, or share=/path with server=SERVER",
                "share=nas.example:/export/team nfsopts=soft,hard|option nfsopts \"hard\": contradicts",
                "share=nas.example:/export/team o=ro|\"o\": not with share",
                "type=ext4 device=/dev/sda1|option type \"ext4\"",
                "device=/etc|option type \"\"",
                "type=none device=ALLOWED|type=none needs o=bind",
                "type=none device=ALLOWED o=rbind|with rbind",
                "type=none device=ALLOWED o=bind,evil|option o: mount_flags \"evil\"",
                "type=none device=ALLOWED o=bind size=1m|\"size\": not with type=none",
                "type=none device=ALLOWED/nosuch o=bind|nothing is there",
                "type=none device=relative o=bind|option device: path \"relative\"",
                "type=none device=/etc o=bind|host path /etc is not allowed",
                "type=none device=ALLOWED o=bind mounted=yes|option mounted: mounted \"yes\": true or false",
                "type=tmpfs o=size=1m mounted=true|\"mounted\": only with mountpoint=/a/path and with type=none",
                "mounted=true pool=fast|a pool has it in its own settings, as --pool NAME=KIND:/a/path,mounted=true",
                "share=nas.example:/export/team mounted=true|\"mounted\": not with share",
                "mountpoint=/etc|host path /etc is not allowed",
                "mountpoint=ALLOWED/../fast|option mountpoint: path",
                "type=tmpfs|a tmpfs needs a size",
                "type=tmpfs o=size=1m,mode=9|mode \"9\"",
                "type=tmpfs o=size=1m,nr_inodes=5|option o: mount_flags \"nr_inodes=5\"",
                "type=tmpfs o=size=1m pool=fast|\"pool\": not with type=tmpfs",
            })
    void whatIsNotAllowedIsRefusedAndLeavesNothing(String options, String why) throws IOException {
        assertThat(docker.create("c1", options(options)).err()).contains(why);

        assertThat(docker.volume("Get", "c1").err()).contains("there is no volume");
        assertThat(plugin.folder.resolve("state/docker/volumes")).isEmptyDirectory();
    }

    @Test
    void everyOptionAndNoOtherIsInTheDocument() throws IOException {
        String text = Files.readString(Path.of("../docs/docker.md"));
        String table = text.substring(text.indexOf("| key | meaning |"), text.indexOf("### Options of other drivers"));

        assertThat(table.lines()
                        .filter(line -> line.startsWith("| `"))
                        .flatMap(line -> Stream.of(
                                line.substring(2, line.indexOf(" |", 2)).split(", ")))
                        .map(key -> key.replace("`", "")))
                .containsExactlyInAnyOrderElementsOf(CreateOptions.OF_POOLS);
    }

    @Test
    void aRecordThatCannotBeReadHarmsNoOther() throws IOException {
        docker.create("c1", Map.of("type", "tmpfs", "o", "size=1m"));
        docker.close();
        Files.writeString(
                plugin.folder.resolve("state/docker/volumes/c2.json"), "{\"version\":1,\"created\":\"then\"}");
        Files.writeString(plugin.folder.resolve("state/docker/volumes/c3.json"), "no JSON");
        plugin.restart();
        docker = plugin.connect();

        assertThat(docker.volume("Get", "c1").err()).isEmpty();
        assertThat(docker.volume("Get", "c2").err()).contains("there is no volume");
    }
}
