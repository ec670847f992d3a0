package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.berth.csi.v1.NodeGetInfoRequest;
import io.berth.csi.v1.NodeGetInfoResponse;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The {@code berth} command as people and scripts use it. */
@Timeout(120)
class CommandTest {
    private static final int OK = 0;
    private static final int FAILED = 1;
    private static final int USAGE = 2;
    private static final int NOT_FOUND = 3;

    /** What {@link #demo} prints last: two mounts, one folder, one process, all its own. */
    private static final String NOTHING_LEFT = "0\nproject\n1\n";

    private static final JsonMapper JSON = new JsonMapper();
    private static final Path PROJECT = Path.of("..").toAbsolutePath().normalize();

    @TempDir
    Path folder;

    private static Command.Result berth(Map<String, String> environment, List<String> arguments) {
        List<String> command = new ArrayList<>(List.of(Driver.command()));
        command.addAll(arguments);
        return Command.run(Duration.ofMinutes(1), environment, command);
    }

    private static Command.Result berth(String... arguments) {
        return berth(Map.of(), List.of(arguments));
    }

    /** A command on the two pools of the driver in the folder. */
    private Command.Result onPools(String... arguments) {
        return berth(
                Map.of(
                        "BERTH_POOL",
                        "fast=local:" + folder + "/fast,limit=advisory;shared=hostpath:" + folder + "/shared"),
                List.of(arguments));
    }

    private static void assertCode(Command.Result result, int code) {
        assertThat(result.code()).as("%s", result).isEqualTo(code);
    }

    private static JsonNode json(Command.Result result) throws IOException {
        assertCode(result, OK);
        return JSON.readTree(result.out());
    }

    @Test
    void theVersionIsOneLine() {
        Command.Result result = berth("version");
        assertCode(result, OK);
        assertThat(result.out()).matches("berth [0-9]+\\.[0-9]+\\.[0-9]+.*\n");
        assertThat(result.err()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "serve",
                "controller",
                "node",
                "demo",
                "doctor",
                "version",
                "pools",
                "pools list",
                "pools show",
                "volumes",
                "volumes list",
                "volumes show",
                "volumes clone",
                "volumes expand",
                "volumes du",
                "volumes check",
                "volumes delete",
                "volumes restore",
                "volumes adopt",
                "volumes reap",
                "snapshots",
                "snapshots list",
                "snapshots show",
                "snapshots create",
                "snapshots restore",
                "snapshots delete"
            })
    void everyCommandExplainsItself(String command) {
        List<String> arguments = new ArrayList<>(command.isEmpty() ? List.of() : List.of(command.split(" ")));
        arguments.add("--help");
        Command.Result result = berth(Map.of(), arguments);
        assertCode(result, OK);
        assertThat(result.out()).contains(("Usage: berth " + command).strip(), "--help");
        assertThat(result.err()).isEmpty();
    }

    @Test
    void whatIsNoCommandIsAUsageErrorThatHelps() {
        for (List<String> arguments : List.of(List.<String>of(), List.of("volume"), List.of("serve", "--nod-id=n"))) {
            Command.Result result = berth(Map.of(), arguments);
            assertCode(result, USAGE);
            assertThat(result.out()).isEmpty();
            assertThat(result.err()).containsAnyOf("volumes", "--node-id");
        }
    }

    @Test
    void allWrongSettingsAreReportedAtOnce() throws IOException {
        Path file = Files.writeString(folder.resolve("berth.yaml"), "reap-rate: -1\nmax-callz: 3\n");
        Command.Result result = berth(
                Map.of("BERTH_LOG_LEVEL", "loud", "BERTH_NODEID", "n1"),
                List.of(
                        "serve",
                        "--config=" + file,
                        "--endpoint=tcp://localhost:1",
                        "--pool=Fast=floppy:/srv",
                        "--max-volumes=many",
                        "--allow-host-path=relative"));
        assertCode(result, USAGE);
        assertThat(result.out()).isEmpty();
        assertThat(result.err())
                .contains(
                        "node-id",
                        "reap-rate",
                        "max-callz",
                        "max-calls",
                        "BERTH_LOG_LEVEL",
                        "BERTH_NODEID",
                        "BERTH_NODE_ID",
                        "--endpoint",
                        "--pool",
                        "--max-volumes",
                        "--allow-host-path");
        assertThat(result.err().lines()).hasSizeGreaterThanOrEqualTo(9).allMatch(line -> line.startsWith("berth: "));
    }

    @Test
    void aFlagWinsOverAVariableAndAVariableOverTheFile() throws IOException {
        Path file = Files.writeString(folder.resolve("berth.yaml"), "max-volumes: 1\nreap-rate: 100\n");
        Map<String, String> variable = Map.of("BERTH_MAX_VOLUMES", "2");
        assertThat(maxVolumes(List.of("--config=" + file), Map.of())).isEqualTo(1);
        assertThat(maxVolumes(List.of("--config=" + file), variable)).isEqualTo(2);
        assertThat(maxVolumes(List.of("--config=" + file, "--max-volumes=3"), variable))
                .isEqualTo(3);
        assertThat(maxVolumes(List.of(), Map.of("BERTH_CONFIG", file.toString())))
                .isEqualTo(1);
    }

    private long maxVolumes(List<String> flags, Map<String, String> environment) {
        try (Driver driver = Driver.start(folder, flags, environment)) {
            NodeGetInfoResponse info = driver.client().node().nodeGetInfo(NodeGetInfoRequest.getDefaultInstance());
            return info.getMaxVolumesPerNode();
        }
    }

    @Test
    void aLivingSocketAndAFileAreNotReplaced() throws IOException {
        try (Driver driver = Driver.start(folder)) {
            Command.Result second = serveOn(driver.socket().toString());
            assertCode(second, FAILED);
            assertThat(second.err()).contains(driver.socket().toString());
            assertThat(driver.client().isReady()).isTrue();
        }
        Path file = Files.writeString(folder.resolve("file"), "must stay");
        assertCode(serveOn(file.toString()), FAILED);
        assertThat(file).hasContent("must stay");
        Command.Result tooLong = serveOn(folder.resolve("x".repeat(108)).toString());
        assertThat(tooLong.code()).isNotEqualTo(OK);
        assertThat(tooLong.err()).contains("107");
    }

    private static Command.Result serveOn(String socket) {
        return berth("serve", "--node-id=n2", "--endpoint=unix://" + socket);
    }

    @Test
    void volumesAreSeenBesideARunningDriver() throws IOException {
        try (Driver driver = Driver.start(folder)) {
            driver.client().create("fast", "a", 1 << 20);
            driver.client().create("shared", "b", 0);
            assertThat(json(onPools("volumes", "list", "--json")).findValuesAsText("id"))
                    .containsExactlyInAnyOrder("fast.a", "shared.b");
            Command.Result table = onPools("volumes", "list");
            assertCode(table, OK);
            assertThat(table.out().lines()).hasSize(3);
            assertThat(table.out()).contains("fast.a", "1 MiB", "shared.b");

            driver.client().stage("fast.a", driver.place("s"));
            JsonNode shown = json(onPools("volumes", "show", "fast.a", "--json"));
            assertThat(shown.path("capacityBytes").asLong()).isEqualTo(1 << 20);
            assertThat(shown.path("path").asText())
                    .isEqualTo(folder.resolve("fast/fast.a").toString());
            assertThat(shown.path("mountedAt").path(0).asText())
                    .isEqualTo(driver.place("s").toString());
            assertCode(onPools("volumes", "show", "fast.a"), OK);
            assertCode(onPools("volumes", "show", "fast.never"), NOT_FOUND);
        }
    }

    @Test
    void aVolumeInUseIsNotDeletedAndAnotherIs() {
        try (Driver driver = Driver.start(folder)) {
            driver.client().create("fast", "a", 0);
            driver.client().stage("fast.a", driver.place("s"));
            Command.Result inUse = onPools("volumes", "delete", "fast.a");
            assertCode(inUse, FAILED);
            assertThat(inUse.err()).contains("fast.a", driver.place("s").toString());
            driver.client().unstage("fast.a", driver.place("s"));
            assertCode(onPools("volumes", "delete", "fast.a"), OK);
            assertThat(Failure.of(() -> driver.client().get("fast.a")).code()).isEqualTo(Status.Code.NOT_FOUND);
            driver.assertNothingLeft("fast");
        }
    }

    @Test
    void anArchivedVolumeIsBroughtBackBesideARunningDriver() throws IOException {
        try (Driver driver = Driver.start(folder)) {
            var unused = driver.client()
                    .controller()
                    .createVolume(Client.creation("fast", "a", 0)
                            .putParameters("onDelete", "archive")
                            .build());
            Files.writeString(folder.resolve("fast/fast.a/file"), "kept");
            driver.client().delete("fast.a");
            assertThat(Failure.of(() -> driver.client().get("fast.a")).code()).isEqualTo(Status.Code.NOT_FOUND);

            JsonNode archives = json(onPools("volumes", "list", "--archived", "--json"));
            String archive = archives.findValuesAsText("archive").getFirst();
            assertThat(archive).startsWith("fast.a@");
            assertCode(onPools("volumes", "restore", archive), OK);
            driver.client().stage("fast.a", driver.place("s"));
            assertThat(driver.place("s").resolve("file")).hasContent("kept");
            assertCode(onPools("volumes", "restore", archive), NOT_FOUND);
            assertCode(onPools("volumes", "restore", "../x"), USAGE);
        }
    }

    @Test
    void snapshotsAreMadeListedRestoredAndDeletedBesideARunningDriver() throws IOException {
        try (Driver driver = Driver.start(folder)) {
            driver.client().create("fast", "a", 1 << 20);
            Files.writeString(folder.resolve("fast/fast.a/file"), "then");
            assertThat(onPools("snapshots", "create", "fast.a", "s").out()).isEqualTo("created fast.s of fast.a\n");
            assertCode(onPools("snapshots", "create", "fast.a", "s"), OK);
            Files.writeString(folder.resolve("fast/fast.a/file"), "now");

            JsonNode list = json(onPools("snapshots", "list", "--source", "fast.a", "--json"));
            assertThat(list.findValuesAsText("id")).containsExactly("fast.s");
            assertThat(json(onPools("snapshots", "list", "--source=fast.b", "--json"))
                            .path("snapshots"))
                    .isEmpty();
            assertThat(onPools("snapshots", "list").out()).contains("fast.s", "fast.a", "1 MiB", "ready");
            JsonNode shown = json(onPools("snapshots", "show", "fast.s", "--json"));
            assertThat(shown.path("ready").asBoolean()).isTrue();
            assertThat(shown.path("capacityBytes").asLong()).isEqualTo(1 << 20);
            assertThat(driver.client().snapshots()).containsExactly("fast.s");
            assertThat(json(onPools("pools", "show", "fast", "--json"))
                            .path("directoryCopiesBy")
                            .asText())
                    .isIn("snapshot", "clone", "copy_file_range", "read_write");

            assertCode(onPools("snapshots", "restore", "fast.s", "b", "--size=2Mi", "--parameter=mode=0700"), OK);
            assertThat(folder.resolve("fast/fast.b/file")).hasContent("then");
            assertThat(driver.client().get("fast.b").getCapacityBytes()).isEqualTo(2 << 20);
            JsonNode restored = json(onPools("volumes", "show", "fast.b", "--json"));
            assertThat(restored.path("source").asText()).isEqualTo("snapshot fast.s");
            assertThat(restored.path("mode").asText()).isEqualTo("0700");

            assertCode(onPools("snapshots", "delete", "fast.s", "fast.s"), OK);
            assertThat(driver.client().snapshots()).isEmpty();
            assertCode(onPools("snapshots", "show", "fast.s"), NOT_FOUND);
            assertCode(onPools("snapshots", "restore", "fast.s", "c"), NOT_FOUND);
            assertCode(onPools("snapshots", "create", "fast.never", "s"), NOT_FOUND);
            assertCode(onPools("snapshots", "create", "fast.a"), USAGE);
        }
    }

    @Test
    void aSnapshotThatIsBeingMadeShowsHowFarItIs() throws IOException {
        try (Driver driver = Driver.start(folder)) {
            driver.client().create("fast", "a", 0);
            assertCode(onPools("snapshots", "create", "fast.a", "s"), OK);
        }
        Path records = folder.resolve("fast/.berth/snapshots");
        Files.move(records.resolve("ready/fast.s.json"), records.resolve("creating/fast.s.json"));
        Files.createSymbolicLink(records.resolve("copying/fast.s@progress"), Path.of("7 files, 70 bytes"));
        JsonNode shown = json(onPools("snapshots", "show", "fast.s", "--json"));
        assertThat(shown.path("ready").asBoolean(true)).isFalse();
        assertThat(shown.path("progress").asText()).isEqualTo("7 files, 70 bytes");
        assertThat(onPools("snapshots", "list").out()).contains("7 files, 70 bytes");
    }

    private void assertUsage(List<String> arguments, String... explained) {
        Command.Result result = onPools(arguments.toArray(String[]::new));
        assertCode(result, USAGE);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).startsWith("berth: ").contains(explained);
    }

    @Test
    void aWrongPageSizeOrIdIsNamedAsItWasTyped() {
        try (Driver driver = Driver.start(folder)) {
            driver.client().create("fast", "a", 2 << 20);
            assertCode(onPools("snapshots", "create", "fast.a", "s"), OK);

            for (String things : List.of("snapshots", "volumes")) {
                assertUsage(List.of(things, "list", "--from=elsewhere"), "--from \"elsewhere\"");
                assertUsage(List.of(things, "list", "--max=0"), "--max \"0\"");
                assertUsage(List.of(things, "delete", "fast.a", "../x"), "\"../x\"", "'berth " + things + " list'");
                assertCode(onPools(things, "delete", "never.a"), NOT_FOUND);
            }
            assertUsage(List.of("snapshots", "list", "--source=fast.a", "--from=fast:r:0"), "--from \"fast:r:0\"");
            assertUsage(List.of("snapshots", "restore", "fast.s", "b", "--size=1Mi"), "--size \"1Mi\"", "2 MiB");
            assertUsage(List.of("volumes", "clone", "fast.a", "b", "--size=1Mi"), "--size \"1Mi\"", "2 MiB");
            assertUsage(List.of("volumes", "clone", "fast.a", "b", "--size=big"), "--size \"big\"");
            assertUsage(List.of("volumes", "expand", "fast.a", "1Mi"), "SIZE \"1Mi\"", "2 MiB", "never shrink");
            assertUsage(List.of("volumes", "expand", "fast.a", "many"), "SIZE \"many\"");

            assertThat(driver.client().get("fast.a").getCapacityBytes()).isEqualTo(2 << 20);
            assertThat(driver.client().snapshots()).containsExactly("fast.s");
            assertCode(onPools("volumes", "show", "fast.b"), NOT_FOUND);
        }
    }

    @Test
    void aCopyDoesNotTakeTheNameOfAnotherVolume() {
        try (Driver driver = Driver.start(folder)) {
            driver.client().create("fast", "a", 0);
            driver.client().create("fast", "b", 0);
            assertCode(onPools("snapshots", "create", "fast.a", "s"), OK);
            assertCode(onPools("volumes", "clone", "fast.a", "c"), OK);

            Command.Result onEmpty = onPools("volumes", "clone", "fast.a", "b");
            assertCode(onEmpty, FAILED);
            assertThat(onEmpty.err()).contains("the name is taken: volume fast.b exists and is no copy");
            Command.Result onCopy = onPools("snapshots", "restore", "fast.s", "c");
            assertCode(onCopy, FAILED);
            assertThat(onCopy.err())
                    .contains("the name is taken: volume fast.c exists and its source is \"volume fast.a\"");
        }
    }

    @Test
    void volumesAreClonedAndExpandedAndTheirUseIsAddedUp() throws IOException {
        try (Driver driver = Driver.start(folder)) {
            driver.client().create("fast", "a", 1 << 20);
            Files.write(folder.resolve("fast/fast.a/file"), new byte[200_000]);
            assertCode(onPools("volumes", "clone", "fast.a", "b", "--parameter", "pool=shared"), OK);
            assertThat(folder.resolve("shared/shared.b/file")).hasSize(200_000);
            assertCode(onPools("volumes", "clone", "fast.a", "c", "--parameter=sise=1"), USAGE);
            assertCode(onPools("volumes", "clone", "fast.never", "c"), NOT_FOUND);

            assertThat(onPools("volumes", "expand", "fast.a", "3Mi").out()).isEqualTo("fast.a has 3 MiB\n");
            assertThat(driver.client().get("fast.a").getCapacityBytes()).isEqualTo(3 << 20);

            JsonNode used = json(onPools("volumes", "du", "--walk", "--json")).path("volumes");
            assertThat(used.findValuesAsText("id")).containsExactlyInAnyOrder("fast.a", "shared.b");
            assertThat(used.findValues("usedBytes"))
                    .allSatisfy(bytes -> assertThat(bytes.asLong()).isBetween(200_000L, 300_000L));
            assertThat(onPools("volumes", "du", "fast.a").out().lines()).hasSize(2);
            assertCode(onPools("volumes", "du", "fast.never"), NOT_FOUND);
        }
    }

    @Test
    void checkFindsWhatDoesNotFit() throws IOException {
        try (Driver driver = Driver.start(folder)) {
            driver.client().create("fast", "a", 0);
            assertCode(onPools("volumes", "check"), OK);
            Files.createDirectory(folder.resolve("fast/fast.stranger"));
            Files.delete(folder.resolve("fast/fast.a"));
            Files.writeString(folder.resolve("shared/.berth/volumes/shared.bad.json"), "{");
            Command.Result found = onPools("volumes", "check", "--json");
            assertCode(found, FAILED);
            assertThat(JSON.readTree(found.out()).findValuesAsText("subject"))
                    .containsExactlyInAnyOrder("fast.stranger", "fast.a", "shared.bad");
            assertCode(onPools("volumes", "check", "--repair"), FAILED);
            assertThat(folder.resolve("fast/fast.stranger")).isDirectory();
            assertCode(onPools("volumes", "adopt", "--size=1Gi", "fast.stranger"), OK);
            assertThat(driver.client().get("fast.stranger").getCapacityBytes()).isEqualTo(1L << 30);
            assertCode(onPools("volumes", "adopt", "fast.nosuch"), NOT_FOUND);
        }
    }

    @Test
    void reapEmptiesTheTrashOfAStoppedDriver() throws IOException {
        try (Driver driver = Driver.start(folder, List.of("--reap-rate=1"))) {
            driver.client().create("fast", "a", 0);
            for (int i = 0; i < 300; i++) {
                Files.createDirectories(folder.resolve("fast/fast.a/" + i % 7 + "/" + i));
            }
            driver.client().delete("fast.a");
            driver.kill9();
        }
        assertThat(Driver.files(folder.resolve("fast/.berth/trash"))).isNotEmpty();
        assertCode(onPools("volumes", "reap"), OK);
        assertThat(Driver.files(folder.resolve("fast/.berth/trash"))).isEmpty();
    }

    @Test
    void poolsAreListedAndShown() throws IOException {
        try (Driver driver = Driver.start(folder)) {
            driver.client().create("fast", "a", 1 << 20);
            JsonNode pools = json(onPools("pools", "list", "--json")).path("pools");
            assertThat(pools.findValuesAsText("name")).containsExactly("fast", "shared");
            assertThat(pools.path(0).path("kind").asText()).isEqualTo("local");
            JsonNode fast = json(onPools("pools", "show", "fast", "--json"));
            assertThat(fast.path("promisedBytes").asLong()).isEqualTo(1 << 20);
            assertThat(fast.path("uuid").asText()).hasSize(36);
            assertThat(onPools("pools", "list").out()).contains("fast", "local", "shared", "hostpath");
            assertCode(onPools("pools", "show", "never"), NOT_FOUND);
        }
        Command.Result broken = berth("pools", "list", "--pool=lost=local:" + folder.resolve("missing"));
        assertCode(broken, FAILED);
        assertThat(broken.out()).contains("lost");
    }

    @Test
    void theDoctorSaysWhatIsMissing() throws IOException {
        Files.createDirectory(folder.resolve("fast"));
        Command.Result well = berth("doctor", "--pool=fast=local:" + folder.resolve("fast"), "--json");
        assertThat(JSON.readTree(well.out()).path("findings"))
                .isNotEmpty()
                // The mounts of these tests are private, which is told where there is a kubelet.
                .filteredOn(finding -> !finding.path("subject").asText().equals("propagation"))
                .noneMatch(finding -> finding.path("state").asText().equals("BROKEN"));
        Command.Result ill = berth("doctor", "--pool=fast=local:" + folder.resolve("missing"));
        assertCode(ill, FAILED);
        assertThat(ill.out()).contains("broken", folder.resolve("missing").toString());
        assertThat(folder.resolve("missing")).doesNotExist();
    }

    @Test
    void theDoctorLooksAtWhatImagesNeedWhereOnlyTheyHoldToALimit() throws IOException {
        Files.createDirectory(folder.resolve("fast"));
        String pool = "--pool=fast=local:" + folder.resolve("fast");
        assertThat(berth("doctor", pool + ",limit=advisory").out()).doesNotContain("images ");
        assertThat(berth("doctor", pool + ",limit=enforced").out())
                .containsPattern("images +(can be made|images with ext4 do not grow: .*CAP_SYS_RESOURCE)");
        // Without the devices of this machine.
        Command.Result ill = Command.run(
                "unshare",
                "--mount",
                "sh",
                "-c",
                "mount -t tmpfs -o nodev tmpfs /sys && exec \"$0\" doctor \"$1\"",
                Driver.command(),
                pool + ",limit=enforced");
        assertCode(ill, FAILED);
        assertThat(ill.out()).containsPattern("broken +images .*modprobe loop");
    }

    /**
     * Runs the demo with a /tmp, a mount table and a process table of its own, and holds when nothing is left in them.
     *
     * @param as what runs it
     */
    private static Command.Result demo(String as) {
        String script = """
                set -eu
                mount -t tmpfs none /tmp
                mkdir /tmp/project
                mount --bind "$1" /tmp/project
                cd /
                before=$(wc -l </proc/self/mountinfo)
                code=0
                %s /tmp/project/deploy/demo || code=$?
                echo $(($(wc -l </proc/self/mountinfo) - before)) >&2
                ls -A /tmp >&2
                set -- /proc/[0-9]*
                echo $# >&2
                exit $code
                """.formatted(as);
        return Command.run(
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--mount-proc",
                "--propagation=private",
                "sh",
                "-c",
                script,
                "sh",
                PROJECT.toString());
    }

    @Test
    void theDemoRunsAndLeavesNothing() {
        Command.Result result = demo("");
        assertCode(result, OK);
        assertThat(result.out()).contains("CreateVolume", "NodePublishVolume", "DeleteVolume");
        assertThat(result.err()).isEqualTo(NOTHING_LEFT);
    }

    @Test
    void theDemoRunsForAnOrdinaryUserWhereTheMachineAllowsIt() {
        String ordinary = "setpriv --reuid=65534 --regid=65534 --clear-groups";
        boolean allowed = Command.run("sh", "-c", ordinary + " unshare --map-root-user --mount true")
                        .code()
                == OK;
        Command.Result result = demo(ordinary);
        if (allowed) {
            assertCode(result, OK);
            assertThat(result.out()).contains("CreateVolume", "DeleteVolume");
            assertThat(result.err()).isEqualTo(NOTHING_LEFT);
        } else {
            assertCode(result, FAILED);
            assertThat(result.err()).contains("user namespaces").endsWith(NOTHING_LEFT);
        }
    }
}
