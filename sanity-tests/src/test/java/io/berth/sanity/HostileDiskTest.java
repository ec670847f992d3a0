package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.csi.v1.ListVolumesRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whatever lies in a pool, and whatever state its disk is in: a clear error that names the cause, nothing changed outside,
 * and the driver lives.
 */
@Timeout(120)
class HostileDiskTest {
    private static final Set<Status.Code> CLEAR = Set.of(
            Status.Code.INVALID_ARGUMENT,
            Status.Code.NOT_FOUND,
            Status.Code.ALREADY_EXISTS,
            Status.Code.FAILED_PRECONDITION);

    @TempDir
    Path folder;

    private Path outside;
    private Path pool;
    private Path records;
    private Optional<Driver> running = Optional.empty();

    @BeforeEach
    void prepare() throws IOException {
        outside = folder.resolve("outside");
        pool = folder.resolve("fast");
        records = pool.resolve(".berth");
        for (String name : List.of("inner", "volumes", "trash", "paths", "creating", "deleting")) {
            Files.createDirectories(outside.resolve(name));
        }
        Files.writeString(outside.resolve("inner/file"), "must stay");
        Files.createDirectories(pool);
    }

    @AfterEach
    void stop() {
        running.ifPresent(Driver::close);
        Driver.unmountBelow(folder);
    }

    private Driver start() {
        Driver driver = Driver.start(folder);
        running = Optional.of(driver);
        return driver;
    }

    /** Puts a symbolic link to a place outside where something is. */
    private static void replaceByLink(Path path, Path target) throws IOException {
        Files.move(path, Path.of(path + ".moved"));
        Files.createSymbolicLink(path, target);
    }

    private static void assertClear(Failure failure, String... names) {
        assertThat(CLEAR).as("%s", failure).contains(failure.code());
        assertThat(failure.message()).contains(names);
    }

    @Test
    void aLinkInThePlaceOfAVolumeIsNotFollowed() throws IOException {
        Driver driver = start();
        Client client = driver.client();
        client.create("fast", "v", 0);
        client.create("fast", "w", 0);
        replaceByLink(pool.resolve("fast.v"), outside);
        Tree before = Tree.of(outside);

        assertClear(Failure.of(() -> client.stage("fast.v", driver.place("s"))), "fast.v");
        assertThat(MountTable.below(driver.place(""))).isEmpty();
        client.delete("fast.v");
        Await.until(
                Duration.ofSeconds(30),
                () -> Driver.files(records.resolve("trash")).isEmpty(),
                () -> "the link is still in the trash");
        assertThat(Tree.of(outside)).isEqualTo(before);
        client.stage("fast.w", driver.place("s"));
    }

    @Test
    void aLinkInTheWayToAVolumeIsNotFollowed() throws IOException {
        Driver driver = start();
        Client client = driver.client();
        createAt(client, "v", "a/inner");
        createAt(client, "w", "b/inner");
        replaceByLink(pool.resolve("a"), outside);
        Tree before = Tree.of(outside);

        assertClear(Failure.of(() -> client.stage("fast.v", driver.place("s"))), "a");
        assertClear(Failure.of(() -> client.delete("fast.v")), "a");
        Files.createSymbolicLink(pool.resolve("link"), outside);
        assertClear(Failure.of(() -> createAt(client, "x", "link/inner")), "link");
        assertClear(Failure.of(() -> createAt(client, "x", "link/new")), "link");
        assertClear(Failure.of(() -> createAt(client, "x", "link")), "link");
        assertThat(Failure.of(() -> client.get("fast.x")).code()).isEqualTo(Status.Code.NOT_FOUND);
        assertThat(Tree.of(outside)).isEqualTo(before);
        client.stage("fast.w", driver.place("s"));
    }

    private static void createAt(Client client, String name, String subDir) {
        var unused = client.controller()
                .createVolume(Client.creation("fast", name, 0)
                        .putParameters("subDir", subDir)
                        .build());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "volumes", "creating", "deleting", "trash", "paths", "archived", "tmp", "lock", "pool.json"})
    void aLinkAmongThePoolsOwnFoldersIsNotFollowed(String name) throws IOException {
        start().client().create("fast", "v", 0);
        assertThat(running.orElseThrow().terminate()).isZero();
        Path target = Files.exists(outside.resolve(name)) ? outside.resolve(name) : outside.resolve("inner/file");
        replaceByLink(name.isEmpty() ? records : records.resolve(name), name.isEmpty() ? outside : target);
        Tree before = Tree.of(outside);

        Driver driver = Driver.startUnready(folder, List.of());
        running = Optional.of(driver);
        Client client = driver.client();
        Await.until(Duration.ofSeconds(30), () -> !isStarting(client), () -> "still starting");
        for (Runnable call : List.<Runnable>of(
                () -> client.create("fast", "w", 0),
                () -> client.get("fast.v"),
                () -> client.delete("fast.v"),
                client::isReady)) {
            assertClear(Failure.of(call), "pool fast", name.isEmpty() ? ".berth" : ".berth/" + name);
        }
        assertThat(client.create("shared", "w", 0).getVolumeId()).isEqualTo("shared.w");
        assertThat(Tree.of(outside)).isEqualTo(before);
    }

    private static boolean isStarting(Client client) {
        try {
            return !client.isReady();
        } catch (StatusRuntimeException e) {
            return false;
        }
    }

    @Test
    void linksInAVolumesDataAreDeletedAndWhatTheyPointToStays() throws IOException {
        Driver driver = start();
        Client client = driver.client();
        client.create("fast", "v", 0);
        client.stage("fast.v", driver.place("s"));
        Files.createDirectories(driver.place("s").resolve("a/b/c"));
        Files.createSymbolicLink(driver.place("s").resolve("a/b/link"), outside);
        Files.createSymbolicLink(driver.place("s").resolve("file"), outside.resolve("inner/file"));
        Files.createLink(pool.resolve("fast.v/hard"), outside.resolve("inner/file"));
        Tree before = Tree.of(outside);
        client.unstage("fast.v", driver.place("s"));
        client.delete("fast.v");
        driver.assertNothingLeft("fast");
        assertThat(Tree.of(outside)).isEqualTo(before);
    }

    @Test
    void aLinkBelowAnAllowedHostPathIsNotFollowed() throws IOException {
        Driver driver = start();
        Files.createSymbolicLink(driver.allowed().resolve("link"), outside);
        Tree before = Tree.of(outside);
        for (String below : List.of("link", "link/inner", "link/new")) {
            Map<String, String> attributes =
                    Map.of("path", driver.allowed().resolve(below).toString(), "type", "DirectoryOrCreate");
            assertClear(
                    Failure.of(() -> driver.client().publish(Client.inline("csi-0123", driver.place("t"), attributes))),
                    "link");
        }
        assertThat(Tree.of(outside)).isEqualTo(before);
        assertThat(MountTable.below(driver.place(""))).isEmpty();
    }

    /** What may have become of a record. */
    record Damage(String name, UnaryOperator<String> to) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Damage> damages() {
        return Stream.of(
                new Damage("edited", text -> text.replace("\"capacity\" : 4096", "\"capacity\" : 8192")),
                new Damage("cut short", text -> text.substring(0, text.length() / 2)),
                new Damage("empty", text -> ""),
                new Damage("of a newer format", text -> text.replace("\"berth\" : 1", "\"berth\" : 2")),
                new Damage("of another volume", text -> text.replace("fast.v", "fast.w")),
                new Damage(
                        "pointing outside", text -> text.replace("\"path\" : \"fast.v\"", "\"path\" : \"../outside\"")),
                new Damage("no JSON", text -> "\0\1\2"),
                new Damage("deeply nested", text -> "[".repeat(60_000)),
                new Damage("huge", text -> text + " ".repeat(1 << 20)));
    }

    @ParameterizedTest
    @MethodSource("damages")
    void aDamagedRecordStopsOnlyItsOwnVolume(Damage damage) throws IOException {
        Driver driver = start();
        Client client = driver.client();
        client.create("fast", "v", 4096);
        client.create("fast", "sound", 4096);
        Path record = records.resolve("volumes/fast.v.json");
        String sound = Files.readString(record);
        String damaged = damage.to().apply(sound);
        assertThat(damaged).isNotEqualTo(sound);
        Files.writeString(record, damaged);
        Tree before = Tree.of(outside);

        assertOnlyItsOwnVolumeStops(driver);
        driver.kill9();
        driver.restart();
        assertOnlyItsOwnVolumeStops(driver);
        assertThat(Tree.of(outside)).isEqualTo(before);

        Files.writeString(record, sound);
        assertThat(driver.client().get("fast.v").getCapacityBytes()).isEqualTo(4096);
        driver.client().stage("fast.v", driver.place("s"));
    }

    private void assertOnlyItsOwnVolumeStops(Driver driver) {
        Client client = driver.client();
        for (Runnable call : List.<Runnable>of(
                () -> client.get("fast.v"),
                () -> client.create("fast", "v", 4096),
                () -> client.stage("fast.v", driver.place("s")),
                () -> client.delete("fast.v"))) {
            Failure failure = Failure.of(call);
            assertThat(failure.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(failure.message()).contains("fast.v");
        }
        assertThat(pool.resolve("fast.v")).isDirectory();
        assertThat(client.get("fast.sound").getCapacityBytes()).isEqualTo(4096);
        assertThat(client.controller()
                        .listVolumes(ListVolumesRequest.getDefaultInstance())
                        .getEntriesList())
                .extracting(entry -> entry.getVolume().getVolumeId())
                .containsExactly("fast.sound");
        assertThat(client.isReady()).isTrue();
    }

    @Test
    void aLinkOrAFolderInThePlaceOfARecordIsNoRecord() throws IOException {
        Driver driver = start();
        Client client = driver.client();
        client.create("fast", "v", 0);
        client.create("fast", "w", 0);
        Files.move(records.resolve("volumes/fast.v.json"), outside.resolve("record"), StandardCopyOption.ATOMIC_MOVE);
        Files.createSymbolicLink(records.resolve("volumes/fast.v.json"), outside.resolve("record"));
        Files.delete(records.resolve("volumes/fast.w.json"));
        Files.createDirectory(records.resolve("volumes/fast.w.json"));
        Tree before = Tree.of(outside);
        for (String id : List.of("fast.v", "fast.w")) {
            assertClear(Failure.of(() -> client.get(id)), id);
            assertClear(Failure.of(() -> client.stage(id, driver.place("s"))), id);
        }
        assertThat(client.isReady()).isTrue();
        assertThat(Tree.of(outside)).isEqualTo(before);
    }

    /** Makes the pool a small disk of its own, and gives the name of its device. */
    private String mountSmallDisk() {
        Path image = folder.resolve("image");
        Command.succeed("truncate", "--size=8M", image.toString());
        Command.succeed("mkfs.ext4", "-q", "-m", "0", image.toString());
        Command.succeed("mount", "-o", "loop,errors=remount-ro", image.toString(), pool.toString());
        return Path.of(Command.succeed("findmnt", "--noheadings", "--output=SOURCE", pool.toString())
                        .strip())
                .getFileName()
                .toString();
    }

    @Test
    void aFullDiskIsAnErrorThatLeavesNothing() throws IOException {
        mountSmallDisk();
        Files.delete(pool.resolve("lost+found"));
        Driver driver = start();
        Client client = driver.client();
        client.create("fast", "before", 0);
        Path filler = folder.resolve("fast/filler");
        Command.run("dd", "if=/dev/zero", "of=" + filler, "bs=1k");

        for (String name : List.of("one", "two", "three")) {
            Failure failure = Failure.of(() -> client.create("fast", name, 0));
            assertThat(failure.code()).as("%s", failure).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            assertThat(failure.message()).containsAnyOf("pool fast", pool.toString());
        }
        assertThat(Failure.of(() -> client.publish(
                                Client.inline("csi-0123", driver.place("t"), Map.of("pool", "fast", "size", "4Ki"))))
                        .code())
                .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(client.isReady()).isTrue();
        client.delete("fast.before");
        Files.delete(filler);
        driver.assertNothingLeft("fast");
        assertThat(client.create("fast", "one", 0).getVolumeId()).isEqualTo("fast.one");
    }

    @Test
    void aDiskWithoutInodesIsAnErrorThatLeavesNothing() {
        Command.succeed("mount", "-t", "tmpfs", "-o", "nr_inodes=64", "none", pool.toString());
        Driver driver = start();
        Client client = driver.client();
        int made = 0;
        Optional<Failure> full = Optional.empty();
        while (full.isEmpty() && made < 64) {
            String name = "v" + made;
            try {
                client.create("fast", name, 0);
                made++;
            } catch (StatusRuntimeException e) {
                full = Optional.of(Failure.of(e));
            }
        }
        assertThat(full.map(Failure::code)).contains(Status.Code.RESOURCE_EXHAUSTED);
        for (int i = 0; i < made; i++) {
            client.delete("fast.v" + i);
        }
        driver.assertNothingLeft("fast");
        client.create("fast", "v", 0);
    }

    @Test
    void aReadOnlyPoolSaysSoUntilItIsWritable() {
        mountSmallDisk();
        start().client().create("fast", "v", 0);
        assertThat(running.orElseThrow().terminate()).isZero();
        Command.succeed("mount", "-o", "remount,ro", pool.toString());

        Driver driver = Driver.startUnready(folder, List.of());
        running = Optional.of(driver);
        Client client = driver.client();
        Await.until(Duration.ofSeconds(30), () -> !isStarting(client), () -> "still starting");
        for (Runnable call : List.<Runnable>of(
                () -> client.create("fast", "w", 0), () -> client.delete("fast.v"), client::isReady)) {
            assertReadOnly(Failure.of(call));
        }
        client.create("shared", "other", 0);

        Command.succeed("mount", "-o", "remount,rw", pool.toString());
        assertThat(client.isReady()).isTrue();
        client.create("fast", "w", 0);
        client.delete("fast.v");
        assertThat(Failure.of(() -> client.get("fast.v")).code()).isEqualTo(Status.Code.NOT_FOUND);
    }

    @Test
    void aDiskThatAnErrorMadeReadOnlyStopsWhatWritesAndNothingElse() throws IOException {
        String device = mountSmallDisk();
        Driver driver = start();
        Client client = driver.client();
        client.create("fast", "v", 0);
        Files.writeString(Path.of("/sys/fs/ext4", device, "trigger_fs_error"), "1");
        assertReadOnly(Failure.of(() -> client.create("fast", "w", 0)));
        assertReadOnly(Failure.of(() -> client.delete("fast.v")));
        assertThat(client.get("fast.v").getVolumeId()).isEqualTo("fast.v");
        client.stage("fast.v", driver.place("s"));
        client.create("shared", "other", 0);
    }

    private static void assertReadOnly(Failure failure) {
        assertThat(failure.code()).as("%s", failure).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(failure.message()).containsAnyOf("read-only", "Read-only");
    }

    @Test
    void aPoolWhoseDiskIsGoneSaysSo() throws IOException {
        Driver driver = start();
        Client client = driver.client();
        client.create("fast", "v", 0);
        Files.move(pool, folder.resolve("gone"));
        Failure probe = Failure.of(client::isReady);
        assertThat(probe.code()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(probe.message()).contains("pool fast", pool.toString());
        Files.move(folder.resolve("gone"), pool);
        assertThat(client.isReady()).isTrue();
    }
}
