package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.csi.v1.CreateVolumeGroupSnapshotRequest;
import io.berth.csi.v1.DeleteVolumeGroupSnapshotRequest;
import io.berth.csi.v1.ListSnapshotsRequest;
import io.berth.csi.v1.ListSnapshotsResponse;
import io.berth.csi.v1.Snapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The driver is killed at random moments while it makes and deletes snapshots of a group of volumes that are written to.
 * Afterwards the group is there with all its snapshots, of one moment, or none of it is, and the writer goes on.
 */
class GroupKillTest {
    private static final int ROUNDS = 40;
    private static final long BYTES = 32 << 20;
    private static final List<String> VOLUMES = List.of("a", "b");
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** Give the seed of a failed run to repeat its choices; the threads' interleaving is the machine's. */
    private final long seed = Long.getLong("seed", System.nanoTime());

    @TempDir
    Path folder;

    @Test
    @Timeout(900)
    void aGroupIsWholeOrNotThereAndNothingStaysFrozen() throws Exception {
        System.out.println("GroupKillTest: -Dseed=" + seed);
        Random random = new Random(seed);
        try (LoopFileSystem xfs = LoopFileSystem.mount(folder.resolve("xfs"), "xfs", 2L << 30);
                Driver driver = Driver.start(xfs.folder(), xfs.pool("advisory"));
                ExecutorService threads = Executors.newSingleThreadExecutor()) {
            VOLUMES.forEach(name -> make(driver, name));
            Groups groups = new Groups(driver);
            try (Writer writer = new Writer(driver)) {
                Duration longest = Crash.time(() -> {
                            groups.run();
                            groups.delete();
                        })
                        .multipliedBy(2);
                Crash crash = new Crash(driver, threads, random, longest);
                crash.repeat(ROUNDS, groups::haveShownEnough, List.of(groups), round -> {
                    driver.restart();
                    writer.awaitProgress();
                    groups.check();
                });
            }
            groups.delete();
            assertThat(groups.haveShownEnough())
                    .as("groups were made, deleted and looked into")
                    .isTrue();
            VOLUMES.forEach(name -> delete(driver, name));
            driver.assertNothingLeft("fast");
            assertThat(driver.log()).doesNotContain("a defect of Berth");
        }
    }

    private static void make(Driver driver, String name) {
        var unused = driver.client()
                .controller()
                .createVolume(Client.creation("fast", name, BYTES)
                        .putParameters("format", "image")
                        .build());
        driver.client().stage("fast." + name, driver.place(name));
    }

    private static void delete(Driver driver, String name) {
        driver.client().unstage("fast." + name, driver.place(name));
        driver.client().delete("fast." + name);
    }

    private static Path counter(Driver driver, String volume) {
        return driver.place(volume).resolve("counter");
    }

    /** Writes the same ever larger number to each volume, one after the other, until it is closed. */
    private static final class Writer implements AutoCloseable {
        private final Driver driver;
        private final AtomicLong written = new AtomicLong();
        private final ExecutorService thread = Executors.newSingleThreadExecutor();
        private final CompletableFuture<Void> end;
        private volatile boolean closed;

        Writer(Driver driver) {
            this.driver = driver;
            this.end = CompletableFuture.runAsync(this::write, thread);
        }

        private void write() {
            try (FileChannel a = open("a");
                    FileChannel b = open("b")) {
                for (long number = 1; !closed; number++) {
                    a.write(ByteBuffer.allocate(Long.BYTES).putLong(0, number), 0);
                    b.write(ByteBuffer.allocate(Long.BYTES).putLong(0, number), 0);
                    written.set(number);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private FileChannel open(String volume) throws IOException {
            return FileChannel.open(counter(driver, volume), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        }

        /** Waits until it has written, which it cannot to a frozen file system. */
        void awaitProgress() {
            long before = written.get();
            Await.until(PATIENCE, () -> end.isDone() || written.get() > before + 1, () -> "a volume is frozen");
            assertThat(end).as("the writer").isNotDone();
        }

        /** Thaws what a failed test left frozen: a thread that writes to it could not be ended. */
        @Override
        public void close() {
            closed = true;
            for (String volume : VOLUMES) {
                Command.run("fsfreeze", "--unfreeze", driver.place(volume).toString());
            }
            thread.close();
            end.join();
        }
    }

    /** A client that makes a group, and deletes it, and makes the next. */
    private static final class Groups implements Runnable {
        private final Driver driver;
        private int life;
        private boolean made;
        private boolean deletes;
        private int ended;
        private int seen;

        Groups(Driver driver) {
            this.driver = driver;
        }

        private String name() {
            return "g" + life;
        }

        @Override
        public void run() {
            if (made) {
                delete();
            } else {
                var unused = driver.client()
                        .groups()
                        .createVolumeGroupSnapshot(CreateVolumeGroupSnapshotRequest.newBuilder()
                                .setName(name())
                                .addAllSourceVolumeIds(VOLUMES.stream()
                                        .map(volume -> "fast." + volume)
                                        .toList())
                                .build());
                made = true;
            }
        }

        private static List<Snapshot> snapshots(Driver driver) {
            return driver
                    .client()
                    .controller()
                    .listSnapshots(ListSnapshotsRequest.getDefaultInstance())
                    .getEntriesList()
                    .stream()
                    .map(ListSnapshotsResponse.Entry::getSnapshot)
                    .sorted(Comparator.comparing(Snapshot::getSourceVolumeId))
                    .toList();
        }

        void delete() {
            deletes = true;
            var unused = driver.client()
                    .groups()
                    .deleteVolumeGroupSnapshot(DeleteVolumeGroupSnapshotRequest.newBuilder()
                            .setGroupSnapshotId("fast." + name())
                            .addAllSnapshotIds(snapshots(driver).stream()
                                    .map(Snapshot::getSnapshotId)
                                    .toList())
                            .build());
            made = false;
            deletes = false;
            life++;
            ended++;
        }

        boolean haveShownEnough() {
            return ended > ROUNDS / 10 && seen > ROUNDS / 10;
        }

        /** Holds when the group is there, if it should be, with a snapshot of each volume, or no trace of it is. */
        void check() {
            List<Snapshot> snapshots = snapshots(driver);
            Path records = driver.pool("fast").resolve(".berth/snapshots");
            for (String name : List.of("creating", "copying", "deleting", "groups/creating", "groups/deleting")) {
                assertThat(Driver.files(records.resolve(name))).as(name).isEmpty();
            }
            assertThat(Driver.files(records.resolve("data"))).hasSameSizeAs(snapshots);
            assertThat(Driver.files(records.resolve("groups/ready"))).hasSize(snapshots.isEmpty() ? 0 : 1);
            if (snapshots.isEmpty()) {
                assertThat(made && !deletes)
                        .as("the acknowledged group is gone")
                        .isFalse();
                return;
            }
            assertThat(snapshots).allSatisfy(snapshot -> {
                assertThat(snapshot.getReadyToUse()).isTrue();
                assertThat(snapshot.getGroupSnapshotId()).isEqualTo("fast." + name());
            });
            assertThat(snapshots).extracting(Snapshot::getSourceVolumeId).containsExactly("fast.a", "fast.b");
            long a = restoredCounter(snapshots.getFirst().getSnapshotId());
            long b = restoredCounter(snapshots.getLast().getSnapshotId());
            assertThat(a - b).as("what was written to a and not yet to b").isBetween(0L, 1L);
            seen++;
        }

        private long restoredCounter(String snapshot) {
            var unused = driver.client()
                    .controller()
                    .createVolume(Client.creation("fast", "restored", BYTES)
                            .setVolumeContentSource(Client.ofSnapshot(snapshot))
                            .build());
            Path at = driver.place("restored");
            driver.client().stage("fast.restored", at);
            try {
                return ByteBuffer.wrap(Files.readAllBytes(at.resolve("counter")))
                        .getLong();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } finally {
                driver.client().unstage("fast.restored", at);
                driver.client().delete("fast.restored");
            }
        }
    }
}
