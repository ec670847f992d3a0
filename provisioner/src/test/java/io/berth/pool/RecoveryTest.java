package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TemporaryPool;
import io.berth.catalog.ArchiveName;
import io.berth.volume.Format;
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
        return new Volume(
                new VolumeId(config.name(), "v"),
                "v",
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
