package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.csi.v1.Snapshot;
import io.berth.csi.v1.VolumeContentSource;
import io.grpc.Status;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The driver is killed at random moments while clients make, restore, clone and delete snapshots. Whatever is visible
 * afterwards is whole, what was acknowledged is there or gone as it should be, and in the end no byte is left.
 */
class SnapshotKillTest {
    private static final int CLIENTS = 3;
    private static final int FOLDERS = 10;
    private static final int FILES_PER_FOLDER = 25;
    private static final int MOST_IN_TRASH = 100;
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    /** Give the seed of a failed run to repeat its choices; the threads' interleaving is the machine's. */
    private final long seed = Long.getLong("seed", System.nanoTime());

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"ext4", "btrfs"})
    @Timeout(900)
    void nothingHalfMadeIsEverVisible(String type) throws Exception {
        System.out.println("SnapshotKillTest: -Dseed=" + seed);
        int rounds = type.equals("btrfs") ? 20 : 60;
        try (LoopFileSystem fileSystem = LoopFileSystem.mount(folder.resolve(type), type, 1 << 30);
                Driver driver = Driver.start(fileSystem.folder(), fileSystem.pool("advisory"));
                ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
            run(driver, threads, rounds);
        }
    }

    private void run(Driver driver, ExecutorService threads, int rounds) throws Exception {
        Random random = new Random(seed);
        List<Worker> workers = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            Worker worker = new Worker(driver, "w" + i, new Random(random.nextLong()));
            worker.prepare();
            workers.add(worker);
        }
        Duration longest = Crash.time(workers.getFirst()::live);
        Crash crash = new Crash(driver, threads, random, longest);
        crash.repeat(rounds, () -> wholeLives(workers) > rounds / 6, workers, round -> {
            driver.restart();
            assertNothingIsHalfMade(driver);
            workers.forEach(Worker::check);
            awaitRoom(driver);
        });
        workers.forEach(Worker::finish);
        assertThat(wholeLives(workers)).isGreaterThan(rounds / 6);
        driver.assertNothingLeft("fast");
        assertThat(driver.log()).doesNotContain("a defect of Berth");
    }

    /** Rounds can be too short for the trash to be emptied in any, and each copy takes some hundred inodes. */
    private static void awaitRoom(Driver driver) {
        Path trash = driver.pool("fast").resolve(".berth/trash");
        if (Driver.files(trash).size() > MOST_IN_TRASH) {
            Await.until(PATIENCE, () -> Driver.files(trash).isEmpty(), () -> "the trash is not emptied");
        }
    }

    private static int wholeLives(List<Worker> workers) {
        return workers.stream().mapToInt(worker -> worker.ended).sum();
    }

    /** What the driver shows after its start is whole: nothing was being made before. */
    private static void assertNothingIsHalfMade(Driver driver) {
        Path pool = driver.pool("fast");
        Path records = pool.resolve(".berth");
        for (String name : List.of("creating", "copying", "snapshots/creating", "snapshots/copying")) {
            assertThat(Driver.files(records.resolve(name))).as(name).isEmpty();
        }
        List<String> shown = driver.client().snapshots();
        Path data = records.resolve("snapshots/data");
        assertThat(Driver.files(data).stream().map(path -> path.getFileName().toString()))
                .containsExactlyInAnyOrderElementsOf(shown);
        Driver.files(data).forEach(SnapshotKillTest::assertWhole);
        Driver.files(pool).stream().filter(path -> !path.equals(records)).forEach(SnapshotKillTest::assertWhole);
    }

    private static void write(Path root) {
        try {
            for (int i = 0; i < FOLDERS; i++) {
                Path inner = Files.createDirectory(root.resolve("d" + i));
                for (int j = 0; j < FILES_PER_FOLDER; j++) {
                    Files.writeString(inner.resolve("f" + j), (i + "/" + j + "\n").repeat(1000));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void assertWhole(Path root) {
        try (Stream<Path> files = Files.walk(root)) {
            long bytes = 0;
            long count = 0;
            for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                bytes += Files.readString(file).lines().count();
                count++;
            }
            assertThat(count).as("files in %s", root).isEqualTo(FOLDERS * FILES_PER_FOLDER);
            assertThat(bytes).as("lines in %s", root).isEqualTo(1000L * FOLDERS * FILES_PER_FOLDER);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A step of a life is one call, or the same until the copy is done. */
    private enum Step {
        SNAPSHOT,
        RESTORE,
        CLONE,
        DELETE_SNAPSHOT,
        DELETE_RESTORED,
        DELETE_CLONE
    }

    /** A client with a volume, of which it makes and deletes copies. */
    private static final class Worker implements Runnable {
        private final Driver driver;
        private final String name;
        private final Random random;
        private final EnumSet<Step> done = EnumSet.noneOf(Step.class);
        private int life;
        private int ended;

        Worker(Driver driver, String name, Random random) {
            this.driver = driver;
            this.name = name;
            this.random = random;
        }

        void prepare() {
            driver.client().create("fast", name, 1 << 20);
            write(driver.pool("fast").resolve("fast." + name));
        }

        private String snapshot() {
            return name + "-s" + life;
        }

        private String restored() {
            return name + "-r" + life;
        }

        private String cloned() {
            return name + "-c" + life;
        }

        private Step next() {
            return EnumSet.complementOf(done).iterator().next(); // they are done in their order
        }

        /** Lives a whole life. */
        void live() {
            int before = ended;
            while (ended == before) {
                run();
            }
        }

        /** Takes the next step; after a crash, the same again. */
        @Override
        public void run() {
            switch (next()) {
                case SNAPSHOT -> {
                    Snapshot made = driver.client().snapshot("fast." + name, snapshot());
                    if (!made.getReadyToUse()) {
                        return;
                    }
                }
                case RESTORE -> create(restored(), Client.ofSnapshot("fast." + snapshot()));
                case CLONE -> create(cloned(), Client.ofVolume("fast." + restored()));
                case DELETE_SNAPSHOT -> driver.client().deleteSnapshot("fast." + snapshot());
                case DELETE_RESTORED -> driver.client().delete("fast." + restored());
                case DELETE_CLONE -> driver.client().delete("fast." + cloned());
            }
            done.add(next());
            if (done.size() == Step.values().length) {
                done.clear();
                life++;
                ended++;
            }
        }

        private void create(String volume, VolumeContentSource source) {
            var unused = driver.client()
                    .controller()
                    .createVolume(Client.creation("fast", volume, 1 << 20)
                            .setVolumeContentSource(source)
                            .build());
        }

        /** Holds when what was acknowledged is so; sometimes gives up what was not, which is then cleaned away. */
        void check() {
            List<String> snapshots = driver.client().snapshots();
            if (done.contains(Step.SNAPSHOT)
                    && !done.contains(Step.DELETE_SNAPSHOT)
                    && next() != Step.DELETE_SNAPSHOT) {
                assertThat(snapshots).contains("fast." + snapshot());
            }
            if (done.contains(Step.DELETE_SNAPSHOT)) {
                assertThat(snapshots).doesNotContain("fast." + snapshot());
            }
            if (done.contains(Step.RESTORE) && !done.contains(Step.DELETE_RESTORED) && next() != Step.DELETE_RESTORED) {
                assertThat(driver.client().get("fast." + restored()).getVolumeId())
                        .isNotEmpty();
            }
            if (done.contains(Step.DELETE_RESTORED)) {
                assertThat(Failure.of(() -> driver.client().get("fast." + restored()))
                                .code())
                        .isEqualTo(Status.Code.NOT_FOUND);
            }
            if (random.nextInt(6) == 0) {
                giveUp();
            }
        }

        private void giveUp() {
            driver.client().delete("fast." + cloned());
            driver.client().delete("fast." + restored());
            driver.client().deleteSnapshot("fast." + snapshot());
            done.clear();
            life++;
        }

        void finish() {
            giveUp();
            assertWhole(driver.pool("fast").resolve("fast." + name));
            driver.client().delete("fast." + name);
        }
    }
}
