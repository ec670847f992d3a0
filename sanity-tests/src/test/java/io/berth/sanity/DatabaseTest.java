package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.csi.v1.VolumeContentSource;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * SQLite moves money between accounts in a volume of which snapshots and clones are made. Where a copy is of one moment, the
 * database in it is sound however busy it was, has all that was committed before, and no money was made or lost. A directory
 * that is copied file by file has no such moment, so there the database is at rest.
 */
@Timeout(300)
class DatabaseTest {
    private static final int ROUNDS = 5;
    private static final int TRANSFERS_BETWEEN_ROUNDS = 10;
    private static final int ACCOUNTS = 100;
    private static final long BALANCE = 1000;
    private static final long BYTES = 400 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final String TRANSFER = """
            BEGIN IMMEDIATE;
            INSERT INTO transfer (note) VALUES (hex(randomblob(200)));
            UPDATE account SET balance = balance - 7 WHERE id = last_insert_rowid() %% %1$d + 1;
            UPDATE account SET balance = balance + 7 WHERE id = last_insert_rowid() * 13 %% %1$d + 1;
            COMMIT;
            SELECT last_insert_rowid();
            """.formatted(ACCOUNTS);

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "btrfs, directory, '', wal",
        "btrfs, directory, '', delete",
        "btrfs, image, ext4, wal",
        "xfs, image, ext4, delete",
        "xfs, image, xfs, wal",
        "ext4, image, ext4, wal",
    })
    void everyCopyOfADatabaseInUseIsSound(String poolOn, String format, String fileSystem, String journal) {
        try (LoopFileSystem disk = LoopFileSystem.mount(folder.resolve("disk"), poolOn, 4L << 30);
                Driver driver = Driver.start(disk.folder(), disk.pool("advisory"))) {
            Path data = makeDatabase(driver, format, fileSystem, journal);
            try (Writer writer = new Writer(data)) {
                for (int round = 0; round < ROUNDS; round++) {
                    writer.awaitTransfers(TRANSFERS_BETWEEN_ROUNDS);
                    long before = writer.transfers();
                    snapshotAndClone(driver, format, fileSystem);
                    long after = writer.transfers() + 1;
                    assertSound(driver, "restored", before, after);
                    assertSound(driver, "cloned", before, after);
                }
            }
            end(driver, data);
        }
    }

    @ParameterizedTest
    @CsvSource({"xfs, wal", "xfs, delete", "ext4, wal"})
    void aCopyFileByFileOfADatabaseAtRestIsSound(String poolOn, String journal) {
        try (LoopFileSystem disk = LoopFileSystem.mount(folder.resolve("disk"), poolOn, 4L << 30);
                Driver driver = Driver.start(disk.folder(), disk.pool("advisory"))) {
            Path data = makeDatabase(driver, "directory", "", journal);
            try (Writer writer = new Writer(data)) {
                writer.awaitTransfers(TRANSFERS_BETWEEN_ROUNDS);
            }
            snapshotAndClone(driver, "directory", "");
            long all = transfers(data);
            assertSound(driver, "restored", all, all);
            assertSound(driver, "cloned", all, all);
            end(driver, data);
        }
    }

    /** Makes and stages volume {@code db} with the database; gives where it is staged. */
    private static Path makeDatabase(Driver driver, String format, String fileSystem, String journal) {
        create(driver, "db", VolumeContentSource.getDefaultInstance(), format, fileSystem);
        Path data = driver.place("db");
        driver.client().stage("fast.db", data);
        String script = """
                PRAGMA journal_mode = %s;
                CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
                CREATE TABLE transfer (id INTEGER PRIMARY KEY, note TEXT NOT NULL);
                CREATE INDEX by_note ON transfer (note);
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
                INSERT INTO account SELECT i, %d FROM n;
                """.formatted(journal, ACCOUNTS, BALANCE);
        sqlite(data, script);
        return data;
    }

    private static void create(
            Driver driver, String name, VolumeContentSource source, String format, String fileSystem) {
        var creation = Client.creation("fast", name, BYTES).putParameters("format", format);
        if (!fileSystem.isEmpty()) {
            creation.putParameters("fsType", fileSystem);
        }
        if (source.getTypeCase() != VolumeContentSource.TypeCase.TYPE_NOT_SET) {
            creation.setVolumeContentSource(source);
        }
        var unused = driver.client().controller().createVolume(creation.build());
    }

    /** Makes volumes {@code restored}, of a snapshot, and {@code cloned}. */
    private static void snapshotAndClone(Driver driver, String format, String fileSystem) {
        Await.until(
                PATIENCE,
                () -> driver.client().snapshot("fast.db", "snapshot").getReadyToUse(),
                () -> "the snapshot is not ready");
        create(driver, "cloned", Client.ofVolume("fast.db"), format, fileSystem);
        create(driver, "restored", Client.ofSnapshot("fast.snapshot"), format, fileSystem);
        driver.client().deleteSnapshot("fast.snapshot");
    }

    private static void assertSound(Driver driver, String name, long least, long most) {
        Path at = driver.place(name);
        driver.client().stage("fast." + name, at);
        List<String> answers = sqlite(
                        at, "PRAGMA integrity_check; SELECT sum(balance) FROM account; SELECT count(*) FROM transfer;")
                .lines()
                .toList();
        assertThat(answers)
                .as(name)
                .startsWith("ok", Long.toString(ACCOUNTS * BALANCE))
                .hasSize(3);
        assertThat(Long.parseLong(answers.getLast())).as(name).isBetween(least, most);
        driver.client().unstage("fast." + name, at);
        driver.client().delete("fast." + name);
    }

    private static void end(Driver driver, Path data) {
        driver.client().unstage("fast.db", data);
        driver.client().delete("fast.db");
        driver.assertNothingLeft("fast");
        assertThat(driver.log()).doesNotContain("a defect of Berth");
    }

    private static Path database(Path data) {
        return data.resolve("bank.db");
    }

    private static String sqlite(Path data, String script) {
        return Command.succeed(
                "sqlite3", "-batch", "-cmd", ".timeout 30000", database(data).toString(), script);
    }

    private static long transfers(Path data) {
        return Long.parseLong(sqlite(data, "SELECT count(*) FROM transfer;").strip());
    }

    /**
     * A client of the database that writes without a pause until it is closed. It counts by what it is answered: somebody who
     * asked the database would wait for a writer who leaves no gap.
     */
    private static final class Writer implements AutoCloseable {
        private final Process process;
        private final Thread thread = new Thread(this::write, "writer");
        private volatile long transfers;

        Writer(Path data) {
            try {
                process = new ProcessBuilder(
                                "sqlite3",
                                "-batch",
                                "-bail",
                                "-cmd",
                                ".timeout 30000",
                                database(data).toString())
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            thread.start();
        }

        private void write() {
            try (BufferedWriter requests = process.outputWriter();
                    BufferedReader answers = process.inputReader()) {
                Optional<String> transfer = Optional.of("0");
                while (transfer.isPresent()) {
                    transfers = Long.parseLong(transfer.get());
                    requests.write(TRANSFER);
                    requests.flush();
                    transfer = Optional.ofNullable(answers.readLine());
                }
            } catch (IOException e) {
                process.destroy(); // it was ended
            }
        }

        /** How many it knows to be committed; there may be one more. */
        long transfers() {
            return transfers;
        }

        /** Waits until it has made so many more. */
        void awaitTransfers(int count) {
            long enough = transfers + count;
            Await.until(
                    PATIENCE, () -> transfers >= enough || !thread.isAlive(), () -> "the writer makes no transfers");
            assertThat(thread.isAlive()).as("the writer goes on").isTrue();
        }

        @Override
        public void close() {
            process.destroyForcibly();
            Await.until(PATIENCE, () -> !process.isAlive() && !thread.isAlive(), () -> "the writer does not end");
        }
    }
}
