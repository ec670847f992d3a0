package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The plugin as people use it, through a real dockerd. */
@Timeout(180)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DockerTest {
    private static final int MANY = 50;

    @TempDir
    static Path folder;

    private DockerHost host;

    /** On which Docker. */
    Docker docker() {
        return Docker.INSTALLED;
    }

    @BeforeAll
    void start() throws IOException {
        Path disk = makeDisk(folder.resolve("limited"));
        try {
            host = DockerHost.start(
                    docker(),
                    folder,
                    "limited=local:" + disk,
                    "found=hostpath:" + Files.createDirectory(folder.resolve("found")) + ",discover=true",
                    "nas=nfs:nas.example:/export,path=" + Files.createDirectory(folder.resolve("nas")));
        } catch (RuntimeException | Error e) {
            Driver.unmountBelow(folder);
            throw e;
        }
    }

    /** A small disk whose file system can hold folders to their limits. */
    private static Path makeDisk(Path path) throws IOException {
        Path image = folder.resolve("disk");
        Command.succeed("truncate", "--size=1G", image.toString());
        Command.succeed("mkfs.btrfs", "--quiet", image.toString());
        Files.createDirectory(path);
        Command.succeed("mount", "-o", "loop", image.toString(), path.toString());
        Command.succeed("btrfs", "quota", "enable", path.toString());
        return path;
    }

    @AfterEach
    void clean() {
        host.clean();
    }

    @AfterAll
    void stop() {
        host.close();
        Driver.unmountBelow(folder);
    }

    @Test
    void aVolumeIsMadeByTheContainerThatWantsIt() {
        Command.Result onTerminal = Command.run(
                Duration.ofMinutes(1),
                host.dockerd().environment(),
                List.of(
                        "script",
                        "--quiet",
                        "--return",
                        "--command",
                        "docker run -it --network=none -v c1:/data --volume-driver=berth busybox"
                                + " sh -c 'tty && echo hello >/data/file'",
                        "/dev/null"));
        assertThat(onTerminal.code()).as("%s", onTerminal).isZero();
        assertThat(onTerminal.out()).contains("/dev/");

        assertThat(host.run("c1", "cat /data/file")).isEqualTo("hello");
        assertThat(host.volumes()).containsExactly("c1");
        assertThat(host.data("c1").resolve("file")).hasContent("hello\n");
        assertThat(host.driver().client().get("fast.c1").getVolumeId()).isEqualTo("fast.c1");
    }

    @Test
    void optionsDecideWhatAVolumeIs() throws IOException {
        host.docker(
                "volume", "create", "--driver=berth", "--opt=pool=shared", "--opt=uid=1000", "--opt=mode=0750", "v1");
        Path data = host.data("v1");
        assertThat(data).startsWith(folder.resolve("berth/shared"));
        assertThat(Files.getAttribute(data, "unix:uid")).isEqualTo(1000);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(data)))
                .isEqualTo("rwxr-x---");
        assertThat(host.run("v1", "stat -c '%u %a' /data")).isEqualTo("1000 750");
    }

    @ParameterizedTest
    @CsvSource({
        "siez=1g, nearest is size",
        "size=lots, option size",
        "pool=slow, no such pool",
        "mode=9999, mode",
        "mode=, mode"
    })
    void aBadOptionIsRefusedAndLeavesNothing(String option, String why) {
        assertThat(host.complaint("volume", "create", "--driver=berth", "--opt=" + option, "v1"))
                .contains(why);
        assertThat(host.volumes()).isEmpty();
        host.driver().assertNothingLeft("fast");
    }

    @Test
    void aLimitStopsAWriteInAContainer() {
        host.docker(
                "volume",
                "create",
                "--driver=berth",
                "--opt=pool=limited",
                "--opt=size=64m",
                "--opt=limit=enforced",
                "v1");
        String written = host.run("v1", "dd if=/dev/zero of=/data/f bs=1M count=256 2>&1; sync; stat -c %s /data/f");
        assertThat(written).containsIgnoringCase("quota");
        assertThat(Long.parseLong(written.lines().toList().getLast())).isLessThanOrEqualTo(64 << 20);
    }

    @Test
    void oneContainerStopsAndTheOtherStillWrites() {
        host.keepRunning("one", "v1");
        host.keepRunning("two", "v1");
        assertThat(host.mountIds()).hasSize(2);
        assertThat(host.mounts()).hasSize(1);

        host.docker("stop", "one");

        assertThat(host.mountIds()).hasSize(1);
        host.exec("two", "echo still here >/data/file");
        assertThat(host.run("v1", "cat /data/file")).isEqualTo("still here");
        host.docker("stop", "two");
        assertThat(host.mounts()).isEmpty();
    }

    @Test
    void filesAreCopiedInAndOutWhileAContainerRuns() throws IOException {
        Path in = Files.writeString(folder.resolve("in"), "copied");
        Path out = folder.resolve("out");
        host.keepRunning("one", "v1");

        host.docker("cp", in.toString(), "one:/data/file");
        host.docker("cp", "one:/data/file", out.toString());

        assertThat(out).hasContent("copied");
        assertThat(host.exec("one", "cat /data/file && echo more >>/data/file && grep -c ' /data ' /proc/mounts"))
                .endsWith("1");
        assertThat(host.mountIds()).hasSize(1);
        assertThat(host.mounts()).hasSize(1);
        host.docker("stop", "one");
        assertThat(host.mountIds()).isEmpty();
        assertThat(host.mounts()).isEmpty();
    }

    @Test
    void whatAContainerHasIsInUseWhateverIsMountedOutside() {
        host.keepRunning("one", "v1");
        assertThat(Failure.of(() -> host.driver().client().delete("fast.v1")).message())
                .contains("in use: mounted at");
        Command.succeed("umount", host.mounts().getFirst().toString());

        assertThat(Failure.of(() -> host.driver().client().delete("fast.v1")).message())
                .contains("has it mounted in its container");
        host.docker("stop", "one");
        host.docker("rm", "one");
        host.driver().client().delete("fast.v1");
    }

    @Test
    void theOwnerThatWasAskedForOutlivesTheFilesOfTheImage() {
        host.docker("volume", "create", "--driver=berth", "--opt=uid=1000", "--opt=gid=1000", "--opt=mode=0700", "v1");
        assertThat(seed("v1:/seed", "stat -c '%u:%g %a' /seed && ls /seed")).isEqualTo("1000:1000 700\nfile");
    }

    /** An XFS: ext4 grows for a process with CAP_SYS_RESOURCE, which root of a test machine may lack. */
    @Test
    void aVolumeInUseGrowsForItsContainer() {
        host.docker(
                "volume",
                "create",
                "--driver=berth",
                "--opt=format=image",
                "--opt=fsType=xfs",
                "--opt=size=300M",
                "v1");
        host.keepRunning("one", "v1");
        String before = host.exec("one", "df -k /data | tail -n 1 | awk '{print $2}'");
        Command.Result expanded = Command.run(
                Duration.ofMinutes(1),
                Map.of(),
                List.of(
                        Driver.command(),
                        "volumes",
                        "expand",
                        "--pool=fast=local:" + folder.resolve("berth/fast"),
                        "fast.v1",
                        "600Mi"));
        assertThat(expanded.code()).as("%s", expanded).isZero();
        assertThat(Long.parseLong(host.exec("one", "df -k /data | tail -n 1 | awk '{print $2}'")))
                .isGreaterThan(Long.parseLong(before) * 3 / 2);
    }

    @Test
    void filesAreCopiedInAndOutOfAContainerThatIsStopped() throws IOException {
        Path in = Files.writeString(folder.resolve("in"), "copied");
        host.keepRunning("one", "v1");
        host.docker("stop", "one");

        host.docker("cp", in.toString(), "one:/data/file");

        assertThat(host.data("v1").resolve("file")).hasContent("copied");
        assertThat(host.mountIds()).isEmpty();
        assertThat(host.mounts()).isEmpty();
    }

    @Test
    void anEmptyVolumeIsSeededByTheImageUnlessToldOtherwise() {
        assertThat(seed("v1:/seed", "cat /seed/file")).isEqualTo("of the image");
        assertThat(host.data("v1").resolve("file")).hasContent("of the image");
        assertThat(seed("w1:/seed:nocopy", "ls /seed")).isEmpty();
        assertThat(host.mountIds()).isEmpty();
    }

    private String seed(String volume, String command) {
        return host.docker(
                "run",
                "--rm",
                "--network=none",
                "--volume-driver=berth",
                "--volume=" + volume,
                Dockerd.IMAGE,
                "sh",
                "-c",
                command);
    }

    @Test
    void aContainersOwnVolumeGoesWithItANamedOneStays() {
        host.docker(
                "run",
                "--rm",
                "--network=none",
                "--volume-driver=berth",
                "--volume=named:/named",
                "--volume=/own",
                Dockerd.IMAGE,
                "touch",
                "/named/f",
                "/own/f");
        assertThat(host.volumes()).containsExactly("named");
    }

    @Test
    void aReadOnlyVolumeTakesNoWrites() {
        host.run("v1", "echo kept >/data/file");
        host.keepRunning("one", "v1", "--volume=v1:/same:ro");
        assertThat(host.exec("one", "cat /same/file; echo lost >/same/file || echo refused"))
                .isEqualTo("kept\nrefused");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../../evil", "a/b", "..", ".hidden", "-flag", "a b", "é"})
    void aNameThatIsNoneIsRefusedAndMakesNothing(String name) {
        assertThat(host.complaint("volume", "create", "--driver=berth", "--", name))
                .isNotEmpty();
        assertThat(folder.resolve("evil")).doesNotExist();
        assertThat(folder.resolve("berth/evil")).doesNotExist();
        assertThat(host.volumes()).isEmpty();
    }

    @Test
    void volumesOfBothDoorsAreTheSame() {
        Client csi = host.driver().client();
        csi.create("fast", "one", 1 << 20);
        csi.create("shared", "two", 1 << 20);
        host.docker("volume", "create", "--driver=berth", "--opt=size=1m", "three");

        assertThat(host.volumes()).containsExactlyInAnyOrder("one", "shared.two", "three");
        host.run("shared.two", "echo by docker >/data/file");
        assertThat(host.data("shared.two").resolve("file")).hasContent("by docker\n");
        assertThat(csi.get("fast.three").getCapacityBytes()).isEqualTo(1 << 20);

        csi.delete("fast.three");
        csi.delete("shared.two");
        assertThat(host.volumes()).containsExactly("one");
        assertThat(host.complaint("volume", "rm", "one")).contains("berth volumes delete fast.one");
        csi.delete("fast.one");
        assertThat(Failure.of(() -> csi.get("fast.one")).code()).isEqualTo(Status.Code.NOT_FOUND);
    }

    @Test
    void whatOneDoorUsesTheOtherDoesNotRemove() {
        Client csi = host.driver().client();
        Path staging = host.driver().place("v1");
        host.docker("volume", "create", "--driver=berth", "--opt=size=1m", "v1");
        csi.stage("fast.v1", staging);
        assertThat(host.complaint("volume", "rm", "v1")).contains("in use", staging.toString());
        csi.unstage("fast.v1", staging);

        host.keepRunning("one", "v1");
        Failure failure = Failure.of(() -> csi.delete("fast.v1"));
        assertThat(failure.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(failure.message()).contains("state/mounts/v1");
        assertThat(host.complaint("volume", "rm", "v1")).contains("volume is in use");
        host.docker("stop", "one");
    }

    @Test
    void inspectShowsWhatPeopleAskFor() {
        host.docker("volume", "create", "--driver=berth", "--opt=size=64m", "--label=team=blue", "v1");
        JsonNode shown = host.inspect("v1");
        assertThat(shown.at("/Driver").asText()).isEqualTo("berth");
        assertThat(shown.at("/Labels/team").asText()).isEqualTo("blue");
        assertThat(shown.at("/Options/size").asText()).isEqualTo("64m");
        assertThat(shown.at("/Scope").asText()).isEqualTo("local");
        assertThat(shown.at("/CreatedAt").asText()).startsWith("20");
        assertThat(status("v1"))
                .containsEntry("pool", "fast")
                .containsEntry("kind", "local")
                .containsEntry("format", "directory")
                .containsEntry("limit", "advisory")
                .containsEntry("size", "64 MiB")
                .containsEntry("health", "ok");
    }

    @Test
    void inspectShowsWhatIsUsedAndWhichSnapshotsThereAre() {
        host.docker("volume", "create", "--driver=berth", "--opt=pool=limited", "--opt=size=64m", "v1");
        host.keepRunning("one", "v1");
        host.exec("one", "dd if=/dev/zero of=/data/f bs=1M count=16 && sync");
        Client csi = host.driver().client();
        String snapshot = csi.snapshot("limited.v1", "before").getSnapshotId();
        try {
            Map<String, String> status = status("v1");
            assertThat(status).containsEntry("limit", "enforced").containsEntry("mountIds", "1");
            assertThat(status.get("used")).matches("1[67](\\.[0-9]+)? MiB");
            assertThat(status.get("snapshots")).isEqualTo("[\"" + snapshot + "\"]");
        } finally {
            csi.deleteSnapshot(snapshot);
        }
    }

    private Map<String, String> status(String volume) {
        Map<String, String> status = new HashMap<>();
        host.inspect(volume)
                .at("/Status")
                .properties()
                .forEach(entry -> status.put(
                        entry.getKey(),
                        entry.getValue().isValueNode()
                                ? entry.getValue().asText()
                                : entry.getValue().toString()));
        return status;
    }

    @Test
    void foldersOfAPoolsRootAreVolumesThatAreNeverDeleted() throws IOException {
        Path photos = Files.createDirectory(folder.resolve("found/photos"));
        Path photo = Files.writeString(photos.resolve("photo"), "there before\n");
        try {
            assertThat(host.volumes()).containsExactly("found.photos");
            assertThat(host.run("found.photos", "cat /data/photo && echo new >/data/new"))
                    .isEqualTo("there before");
            host.docker("volume", "rm", "found.photos");
            assertThat(photo).hasContent("there before\n");
            assertThat(photos.resolve("new")).hasContent("new\n");
            assertThat(host.volumes()).containsExactly("found.photos");
        } finally {
            Command.succeed("rm", "-r", photos.toString());
        }
    }

    @Test
    void aVolumeBeginsAsACopyOfAnother() {
        host.run("v1", "echo hello >/data/file");
        host.docker("volume", "create", "--driver=berth", "--opt=from=v1", "v2");
        assertThat(host.run("v2", "cat /data/file && echo changed >/data/file")).isEqualTo("hello");
        assertThat(host.run("v1", "cat /data/file")).isEqualTo("hello");
    }

    @Test
    void optionsOfDockersOwnDriverWork() throws IOException {
        Path mine = Files.createDirectories(folder.resolve("berth/allowed/mine"));
        host.docker(
                "volume", "create", "--driver=berth", "--opt=type=none", "--opt=o=bind", "--opt=device=" + mine, "b1");
        host.docker("volume", "create", "--driver=berth", "--opt=type=tmpfs", "--opt=o=size=4m,mode=0700", "t1");
        host.run("b1", "echo hello >/data/file");
        assertThat(mine.resolve("file")).hasContent("hello\n");
        assertThat(host.run("t1", "stat -c %a /data; dd if=/dev/zero of=/data/f bs=1M count=8 2>&1 || true"))
                .startsWith("700")
                .containsIgnoringCase("no space left");
        assertThat(host.complaint(
                        "volume",
                        "create",
                        "--driver=berth",
                        "--opt=type=none",
                        "--opt=o=bind",
                        "--opt=device=/etc",
                        "b2"))
                .contains("host path /etc is not allowed");
        host.docker("volume", "rm", "b1", "t1");
        assertThat(mine.resolve("file")).exists();
    }

    @Test
    void aFolderOfAnExportIsUsedByTheOptionsOfDockersOwnDriver() throws IOException {
        Path team = Files.createDirectory(folder.resolve("nas/team"));
        host.docker(
                "volume",
                "create",
                "--driver=berth",
                "--opt=type=nfs",
                "--opt=device=:/export/team",
                "--opt=o=addr=nas.example,noatime",
                "n1");
        host.run("n1", "echo hello >/data/file");
        assertThat(host.inspect("n1").at("/Status/share").asText()).isEqualTo("/export/team");
        assertThat(host.complaint("volume", "create", "--driver=berth", "--opt=share=nas.example:/", "n2"))
                .contains("holds pool nas");
        host.docker("volume", "rm", "n1");
        assertThat(team.resolve("file")).hasContent("hello\n");
    }

    /** By the commands of docs/docker.md. */
    @Test
    void dataMovesOverFromDockersOwnDriver() {
        host.docker("volume", "create", "old");
        host.docker(
                "run",
                "--rm",
                "--network=none",
                "--volume=old:/data",
                Dockerd.IMAGE,
                "sh",
                "-c",
                "echo kept >/data/file && chown 1000 /data/file");
        host.docker("volume", "create", "--driver=berth", "new");
        host.docker(
                "run",
                "--rm",
                "--network=none",
                "--volume=old:/from:ro",
                "--volume=new:/to",
                Dockerd.IMAGE,
                "cp",
                "-a",
                "/from/.",
                "/to/");
        host.docker("volume", "rm", "old");
        assertThat(host.run("new", "cat /data/file && stat -c %u /data/file")).isEqualTo("kept\n1000");
    }

    /** By the command of docs/docker.md. */
    @Test
    void anonymousVolumesAreFoundAndRemoved() {
        host.docker("volume", "create", "--driver=berth", "named");
        host.docker(
                "run", "--network=none", "--name=k1", "--volume-driver=berth", "--volume=/data", Dockerd.IMAGE, "true");
        host.docker("rm", "k1");
        assertThat(host.volumes()).hasSize(2).contains("named");
        Command.Result removed = Command.run(
                Duration.ofMinutes(1),
                host.dockerd().environment(),
                List.of(
                        "sh",
                        "-c",
                        "docker volume ls -qf dangling=true -f driver=berth | grep -xE '[0-9a-f]{64}'"
                                + " | xargs --no-run-if-empty docker volume rm"));
        assertThat(removed.code()).as("%s", removed).isZero();
        assertThat(host.volumes()).containsExactly("named");
    }

    @Test
    void manyContainersComeAndGoAtOnce() throws Exception {
        List<MountTable.Mount> before = MountTable.below(Path.of("/"));
        try (ExecutorService threads = Executors.newFixedThreadPool(MANY)) {
            List<Future<?>> lives = new ArrayList<>();
            IntStream.range(0, MANY).forEach(i -> lives.add(threads.submit(() -> live("v1" + i))));
            for (Future<?> life : lives) {
                life.get();
            }
        }
        assertThat(host.volumes()).isEmpty();
        assertThat(host.mountIds()).isEmpty();
        assertThat(MountTable.below(Path.of("/"))).containsExactlyInAnyOrderElementsOf(before);
    }

    private void live(String volume) {
        host.docker("volume", "create", "--driver=berth", volume);
        assertThat(host.run(volume, "echo " + volume + " >/data/file && cat /data/file"))
                .isEqualTo(volume);
        host.docker("volume", "rm", volume);
    }

    @Test
    void twoServicesOfAComposeFileShareAVolume() throws IOException {
        Path file = Files.writeString(folder.resolve("compose.yml"), """
                version: "2.4"
                services:
                  writer:
                    image: busybox
                    network_mode: none
                    command: sh -c "echo from the writer >/data/file"
                    volumes: ["shared:/data"]
                  reader:
                    image: busybox
                    network_mode: none
                    command: sh -c "until [ -s /data/file ]; do sleep 0.1; done; cat /data/file"
                    volumes: ["shared:/data:ro"]
                volumes:
                  shared:
                    driver: berth
                    driver_opts:
                      size: 64m
                """);
        assertThat(compose(file, "up", "--no-color")).contains("from the writer");
        assertThat(host.volumes()).containsExactly("test_shared");
        compose(file, "down", "--volumes");
        assertThat(host.volumes()).isEmpty();
    }

    /** The one of docs/docker.md, with busybox in place of the database. */
    @Test
    void theComposeFileOfTheDocumentationMakesWhatItSays() throws IOException {
        String file = Files.readString(Path.of("../docs/docker.md"));
        String services = file.substring(file.indexOf("services:"), file.indexOf("```", file.indexOf("services:")))
                .replace(
                        "image: postgres:17",
                        "image: busybox\n    network_mode: none\n    command: touch "
                                + "/var/lib/postgresql/data/PG_VERSION");
        Path compose = Files.writeString(folder.resolve("compose.yaml"), services);
        compose(compose, "up", "--no-color");

        assertThat(status("test_data")).containsEntry("size", "10 GiB");
        Path data = host.data("test_data");
        assertThat(data.resolve("PG_VERSION")).exists();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(data)))
                .isEqualTo("rwx------");
        compose(compose, "down", "--volumes");
        assertThat(host.volumes()).isEmpty();

        Files.writeString(compose, services.replace("\"0700\"", "0700"));
        assertThat(tryCompose(compose, "up", "--no-color").err()).contains("mode \"448\"", "in quotes");
    }

    private String compose(Path file, String... arguments) {
        Command.Result result = tryCompose(file, arguments);
        assertThat(result.code()).as("%s", result).isZero();
        return result.out();
    }

    private Command.Result tryCompose(Path file, String... arguments) {
        List<String> line = new ArrayList<>(List.of(
                docker().program("usr/bin/docker-compose").toString(), "--project-name=test", "--file=" + file));
        line.addAll(List.of(arguments));
        Map<String, String> environment = new HashMap<>(host.dockerd().environment());
        environment.put("COMPOSE_HTTP_TIMEOUT", "60");
        return Command.run(Duration.ofMinutes(2), environment, line);
    }
}
