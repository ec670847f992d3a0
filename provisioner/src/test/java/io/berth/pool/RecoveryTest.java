package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TemporaryPool;
import io.berth.catalog.ArchiveName;
import io.berth.volume.AccessMode;
import io.berth.volume.Attachment;
import io.berth.volume.Format;
import io.berth.volume.NodeId;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a crash leaves at each step of a volume's life, and what the next start makes of it. */
class RecoveryTest {
    @TempDir
    Path folder;

    private PoolConfig config;
    private Pool pool;
    private Path root;
    private Path records;

    @BeforeEach
    void open() {
        config = TemporaryPool.config(folder, "fast", "local", "");
        pool = Pool.open(config);
        root = config.root();
        records = root.resolve(".berth");
    }

    @AfterEach
    void close() {
        pool.close();
    }

    private void restart() {
        pool.close();
        pool = Pool.open(config);
        pool.recover();
    }

    private Volume volume(String path, OnDelete onDelete) {
        return volume("v", path, onDelete);
    }

    private Volume volume(String name, String path, OnDelete onDelete) {
        return new Volume(
                new VolumeId(config.name(), name),
                name,
                VolumePath.parse(path),
                Format.Directory.ADVISORY,
                1 << 20,
                Instant.parse("2026-01-02T03:04:05Z"),
                onDelete,
                Ownership.ROOT,
                false,
                false,
                Optional.empty(),
                Map.of());
    }

    private Path record(String state) {
        return records.resolve(state).resolve("fast.v.json");
    }

    /** A second name of one file, as a power cut leaves on btrfs. */
    private static void link(Path there, Path also) throws IOException {
        Files.createLink(also, there);
    }

    private static void move(Path from, Path to) {
        try {
            Files.move(from, to);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private List<PoolCheck.Finding> findings() {
        List<PoolCheck.Finding> findings = new ArrayList<>();
        PoolCheck.run(pool, false, findings::add);
        return findings;
    }

    private void isEmpty() {
        assertThat(TemporaryPool.names(root)).isSubsetOf(".berth", "a");
        for (String state : List.of("creating", "volumes", "deleting", "paths")) {
            assertThat(TemporaryPool.names(records.resolve(state))).isSubsetOf("a");
        }
        assertThat(findings()).isEmpty();
        assertThat(pool.promisedBytes()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"fast.v", "a/b"})
    void anIntentToCreateIsUndone(String path) {
        pool.volumes().create(volume(path, OnDelete.DELETE));
        move(record("volumes"), record("creating"));
        restart();
        isEmpty();
        pool.volumes().create(volume(path, OnDelete.DELETE));
    }

    @Test
    void anIntentWithoutItsEffectIsUndone() throws Exception {
        pool.volumes().create(volume("fast.v", OnDelete.DELETE));
        move(record("volumes"), record("creating"));
        Files.delete(root.resolve("fast.v"));
        restart();
        isEmpty();
    }

    @Test
    void anIntentThatWasCutShortIsForgotten() throws Exception {
        Files.writeString(record("creating"), "{\n  \"berth\" : 1,");
        restart();
        isEmpty();
    }

    @Test
    void aClaimThatWasBeingWrittenIsWrittenAnew() throws Exception {
        pool.volumes().create(volume("a/b", OnDelete.DELETE));
        move(record("volumes"), record("creating"));
        Files.delete(root.resolve("a/b"));
        Files.move(records.resolve("paths/a/b"), records.resolve("tmp/fast.v.claim"));
        Files.write(records.resolve("tmp/fast.v.claim"), new byte[0]);
        restart();
        pool.volumes().create(volume("a/b", OnDelete.DELETE));
        assertThat(findings()).isEmpty();
    }

    @Test
    void undoingKeepsWhatIsNotEmpty() throws Exception {
        pool.volumes().create(volume("fast.v", OnDelete.DELETE));
        Files.writeString(root.resolve("fast.v/file"), "somebody's");
        move(record("volumes"), record("creating"));
        restart();
        assertThat(root.resolve("fast.v/file")).exists();
        assertThat(findings()).extracting(PoolCheck.Finding::subject).containsExactly("fast.v");
    }

    @ParameterizedTest
    @ValueSource(strings = {"fast.v", "a/b"})
    void anIntentToDeleteIsFinished(String path) {
        pool.volumes().create(volume(path, OnDelete.DELETE));
        move(record("volumes"), record("deleting"));
        restart();
        isEmpty();
        assertThat(pool.trash().count()).isOne();
    }

    @Test
    void anIntentToDeleteWhoseDataIsInTheTrashIsFinished() {
        pool.volumes().create(volume("fast.v", OnDelete.DELETE));
        move(record("volumes"), record("deleting"));
        move(root.resolve("fast.v"), records.resolve("trash/fast.v@0000"));
        restart();
        isEmpty();
    }

    @ParameterizedTest
    @EnumSource(value = OnDelete.class, names = "DELETE", mode = EnumSource.Mode.EXCLUDE)
    void anIntentToKeepIsFinishedAndCanBeRestored(OnDelete onDelete) throws Exception {
        Volume volume = volume("fast.v", onDelete);
        pool.volumes().create(volume);
        Files.writeString(root.resolve("fast.v/file"), "kept");
        move(record("volumes"), record("deleting"));
        restart();
        assertThat(pool.volumes().find(volume.id())).isEmpty();
        assertThat(pool.volumes().archives().restore(ArchiveName.of(volume))).isEqualTo(volume);
        assertThat(root.resolve("fast.v/file")).hasContent("kept");
        assertThat(findings()).isEmpty();
    }

    @Test
    void anArchiveThatWasMovedBeforeTheCrashIsFinished() throws Exception {
        Volume volume = volume("fast.v", OnDelete.ARCHIVE);
        pool.volumes().create(volume);
        move(record("volumes"), record("deleting"));
        move(root.resolve("fast.v"), root.resolve(ArchiveName.pathOf(volume).toString()));
        restart();
        pool.volumes().archives().restore(ArchiveName.of(volume));
        assertThat(root.resolve("fast.v")).isDirectory();
    }

    @Test
    void aRestoreThatWasCutShortIsDoneByTheNext() {
        Volume volume = volume("fast.v", OnDelete.ARCHIVE);
        pool.volumes().create(volume);
        pool.volumes().delete(volume);
        move(root.resolve(ArchiveName.pathOf(volume).toString()), root.resolve("fast.v"));
        restart();
        assertThat(pool.volumes().archives().restore(ArchiveName.of(volume))).isEqualTo(volume);
        assertThat(findings()).isEmpty();
    }

    @Test
    void aRecordThatWasBeingRewrittenIsTheOldOne() throws Exception {
        Volume volume = volume("fast.v", OnDelete.DELETE);
        pool.volumes().create(volume);
        Files.writeString(records.resolve("tmp/fast.v.json"), "{ half");
        restart();
        assertThat(pool.volumes().find(volume.id())).contains(volume);
        assertThat(pool.volumes().expand(volume, 2 << 20).capacityBytes()).isEqualTo(2 << 20);
        restart();
        assertThat(pool.volumes().find(volume.id())).map(Volume::capacityBytes).contains(2L << 20);
    }

    @ParameterizedTest
    @ValueSource(strings = {"fast.v", "a/b"})
    void aVolumeThatIsAnIntentToCreateTooIsAVolume(String path) throws Exception {
        Volume volume = volume(path, OnDelete.DELETE);
        pool.volumes().create(volume);
        link(record("volumes"), record("creating"));
        restart();
        staysAsItIs(volume);
    }

    @Test
    void anOldIntentToCreateDoesNotComeOverTheVolume() throws Exception {
        Volume volume = volume("fast.v", OnDelete.DELETE);
        pool.volumes().create(volume);
        link(record("volumes"), record("creating"));
        pool.volumes().expand(volume, 2 << 20);
        restart();
        staysAsItIs(volume.withCapacity(2 << 20));
    }

    @ParameterizedTest
    @ValueSource(strings = {"fast.v", "a/b"})
    void aVolumeThatIsAnIntentToDeleteTooIsDeleted(String path) throws Exception {
        pool.volumes().create(volume(path, OnDelete.DELETE));
        link(record("volumes"), record("deleting"));
        restart();
        isEmpty();
    }

    @ParameterizedTest
    @EnumSource(OnDelete.class)
    void anotherIntentToDeleteIsNotAboutTheVolume(OnDelete onDelete) throws Exception {
        Volume volume = volume("a/b", onDelete);
        pool.volumes().create(volume);
        Files.writeString(root.resolve("a/b/file"), "new");
        Files.copy(record("volumes"), record("deleting"));
        restart();
        staysAsItIs(volume);
        assertThat(root.resolve("a/b/file")).hasContent("new");
        assertThat(records.resolve("paths/a/b")).hasContent("fast.v");
    }

    @Test
    void anIntentIsNotJudgedBesideARecordThatCannotBeRead() throws Exception {
        pool.volumes().create(volume("fast.v", OnDelete.DELETE));
        link(record("volumes"), record("deleting"));
        Files.delete(record("volumes"));
        Files.writeString(record("volumes"), "{}");
        restart();
        assertThat(record("deleting")).exists();
        assertThat(root.resolve("fast.v")).isDirectory();
    }

    @Test
    void anIntentToDeleteBesideAnOtherToCreateIsOver() throws Exception {
        Volume volume = volume("fast.v", OnDelete.DELETE);
        pool.volumes().create(volume);
        Files.copy(record("volumes"), record("deleting"));
        move(record("volumes"), record("creating"));
        Files.writeString(root.resolve("fast.v/file"), "somebody's");
        restart();
        assertThat(root.resolve("fast.v/file")).exists();
        assertThat(pool.trash().count()).isZero();
        assertThat(TemporaryPool.names(records.resolve("deleting"))).isEmpty();
    }

    @Test
    void anOldIntentToDeleteDoesNotTouchWhatIsAnothersNow() throws Exception {
        Volume old = volume("a/b", OnDelete.DELETE);
        pool.volumes().create(old);
        Files.copy(record("volumes"), folder.resolve("old"));
        pool.volumes().delete(old);
        Volume other = volume("w", "a/b", OnDelete.DELETE);
        pool.volumes().create(other);
        Files.copy(folder.resolve("old"), record("deleting"));
        restart();
        staysAsItIs(other);
        assertThat(records.resolve("paths/a/b")).hasContent("fast.w");
    }

    private void staysAsItIs(Volume volume) {
        assertThat(pool.volumes().find(volume.id())).contains(volume);
        assertThat(root.resolve(volume.path().toPath())).isDirectory();
        for (String state : List.of("creating", "deleting")) {
            assertThat(TemporaryPool.names(records.resolve(state))).isEmpty();
        }
        assertThat(findings()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(value = OnDelete.class, names = "DELETE", mode = EnumSource.Mode.EXCLUDE)
    void anArchiveThatIsAnIntentToDeleteTooIsAnArchive(OnDelete onDelete) throws Exception {
        Volume volume = volume("fast.v", onDelete);
        pool.volumes().create(volume);
        pool.volumes().delete(volume);
        ArchiveName name = ArchiveName.of(volume);
        link(records.resolve("archived/" + name + ".json"), record("deleting"));
        restart();
        assertThat(record("deleting")).doesNotExist();
        assertThat(findings()).isEmpty();
        assertThat(pool.volumes().archives().restore(name)).isEqualTo(volume);
    }

    @Test
    void aVolumeThatIsAnArchiveTooIsAVolume() throws Exception {
        Volume volume = volume("fast.v", OnDelete.ARCHIVE);
        pool.volumes().create(volume);
        ArchiveName name = ArchiveName.of(volume);
        link(record("volumes"), records.resolve("archived/" + name + ".json"));
        restart();
        assertThat(findings())
                .extracting(PoolCheck.Finding::subject, PoolCheck.Finding::state)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple(name.toString(), PoolCheck.Finding.State.REPAIRABLE));
        assertThat(pool.volumes().archives().restore(name)).isEqualTo(volume);
        staysAsItIs(volume);
        pool.volumes().delete(volume);
        assertThat(records.resolve("archived/" + name + ".json")).exists();
    }

    @Test
    void aPathIsClaimedAgain() throws Exception {
        Volume volume = volume("a/b", OnDelete.DELETE);
        pool.volumes().create(volume);
        Files.delete(records.resolve("paths/a/b"));
        restart();
        staysAsItIs(volume);
        assertThat(records.resolve("paths/a/b")).hasContent("fast.v");
    }

    @Test
    void aVolumeWhoseClaimIsLostIsDeletedWithItsData() throws Exception {
        Volume volume = volume("a/b", OnDelete.DELETE);
        pool.volumes().create(volume);
        Files.delete(records.resolve("paths/a/b"));
        pool.volumes().delete(volume);
        isEmpty();
        assertThat(root.resolve("a/b")).doesNotExist();
    }

    @Test
    void whatANodeWasNotGivenIsNotCounted() throws Exception {
        NodeId node = new NodeId("n");
        pool.nodes().register(node);
        Volume volume = volume("fast.v", OnDelete.DELETE);
        pool.volumes().create(volume);
        pool.nodes().reserve(node, volume.id());
        Files.createFile(records.resolve("nodes/n/fast.gone"));
        pool.nodes().attach(volume, node, new Attachment(AccessMode.SINGLE_NODE_WRITER, false));
        Files.createFile(records.resolve("nodes/n/fast.w"));
        pool.volumes().create(volume("w", "fast.w", OnDelete.DELETE));
        restart();
        assertThat(pool.nodes().volumes(node)).containsExactly(volume.id());
    }

    @Test
    void whatAnotherLivingProcessIsDoingIsLeftToIt() {
        pool.volumes().create(volume("fast.v", OnDelete.DELETE));
        move(record("volumes"), record("creating"));
        try (Pool other = Pool.openExisting(config);
                VolumeLocks.Held held = other.volumes().lock(new VolumeId(config.name(), "v"))) {
            restart();
            assertThat(record("creating")).exists();
        }
        restart();
        isEmpty();
    }

    @Test
    void anIntentOfANewerFormatIsLeftAlone() throws Exception {
        pool.volumes().create(volume("fast.v", OnDelete.DELETE));
        move(record("volumes"), record("creating"));
        String text = Files.readString(record("creating"));
        Files.writeString(record("creating"), text.replace("\"berth\" : 1", "\"berth\" : 9"));
        restart();
        assertThat(record("creating")).exists();
        assertThat(root.resolve("fast.v")).isDirectory();
    }

    @Test
    void theCheckFindsAndRepairs() throws Exception {
        pool.volumes().create(volume("a/b", OnDelete.DELETE));
        Files.delete(records.resolve("paths/a/b"));
        Files.createDirectory(root.resolve("fast.stranger"));
        Files.createDirectory(records.resolve("paths/c"));
        Files.writeString(records.resolve("paths/c/d"), "fast.gone");
        Files.writeString(records.resolve("volumes/fast.bad.json"), "{}");
        assertThat(findings())
                .extracting(PoolCheck.Finding::subject, PoolCheck.Finding::state)
                .containsExactlyInAnyOrder(
                        org.assertj.core.groups.Tuple.tuple("fast.v", PoolCheck.Finding.State.REPAIRABLE),
                        org.assertj.core.groups.Tuple.tuple("fast.gone", PoolCheck.Finding.State.REPAIRABLE),
                        org.assertj.core.groups.Tuple.tuple(
                                "fast.stranger", PoolCheck.Finding.State.FOR_THE_ADMINISTRATOR),
                        org.assertj.core.groups.Tuple.tuple("fast.bad", PoolCheck.Finding.State.FOR_THE_ADMINISTRATOR));
        PoolCheck.run(pool, true, finding -> {});
        assertThat(findings())
                .extracting(PoolCheck.Finding::subject)
                .containsExactlyInAnyOrder("fast.stranger", "fast.bad");
        assertThat(root.resolve("fast.stranger")).isDirectory();
    }
}
