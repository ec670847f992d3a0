package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The driver is killed at random moments while several clients move volumes through their lives. What it acknowledged must
 * hold when it is started again; what it did not, the clients repeat, as Kubernetes does, or forget: then it is whole or
 * not there.
 */
class KillTest {
    private static final int ROUNDS = 200;
    private static final int ALL_CHECKED_EVERY = 10;
    private static final long BYTES = 1 << 20;
    private static final int CLIENTS = 4;
    private static final int VOLUMES_PER_CLIENT = 4;
    private static final Duration LONGEST_LIFE = Duration.ofMillis(150);

    /** Give the seed of a failed run to repeat its choices; the threads' interleaving is the machine's. */
    private final long seed = Long.getLong("seed", System.nanoTime());

    @TempDir
    Path folder;

    @Test
    @Timeout(900)
    void whatWasAcknowledgedSurvivesTwoHundredKills() throws Exception {
        System.out.println("KillTest: -Dseed=" + seed);
        Random random = new Random(seed);
        try (Driver driver = Driver.start(folder);
                ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
            List<Worker> workers = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                workers.add(new Worker(driver, "w" + i, new Random(random.nextLong())));
            }
            Crash crash = new Crash(driver, threads, random, LONGEST_LIFE);
            crash.repeat(ROUNDS, () -> wholeLives(workers) > ROUNDS / 4, workers, round -> {
                if (random.nextInt(8) == 0) {
                    killDuringStart(driver, random);
                }
                driver.restart();
                boolean all = round % ALL_CHECKED_EVERY == 0;
                workers.forEach(worker -> worker.check(all));
            });
            workers.forEach(Worker::finish);
            assertThat(wholeLives(workers)).isGreaterThan(ROUNDS / 4);
            driver.assertNothingLeft("fast");
            driver.assertNothingLeft("shared");
            assertThat(driver.log()).doesNotContain("a defect of Berth");
        }
    }

    private static int wholeLives(List<Worker> workers) {
        return workers.stream().mapToInt(worker -> worker.ended).sum();
    }

    private void killDuringStart(Driver driver, Random random) throws InterruptedException {
        Process process = driver.spawnAgain();
        LockSupport.parkNanos(random.nextLong(LONGEST_LIFE.toNanos() * 2));
        process.destroyForcibly();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    }

    /** A step of a life is one call. */
    private enum Step {
        CREATE,
        STAGE,
        PUBLISH,
        UNPUBLISH,
        UNSTAGE,
        DELETE
    }

    /** A volume in the hands of one client. */
    private static final class Life {
        private final Driver driver;
        private final String pool;
        private final String name;
        private final boolean inline;
        private final Map<String, String> parameters;
        private final List<Step> steps;
        private final Set<Step> acknowledged = EnumSet.noneOf(Step.class);
        private boolean tried;

        Life(Driver driver, String name, Random random) {
            this.driver = driver;
            this.name = name;
            this.pool = random.nextBoolean() ? "fast" : "shared";
            this.inline = random.nextInt(4) == 0;
            this.parameters = random.nextInt(3) == 0 ? Map.of("subDir", "own-" + name) : Map.of();
            this.steps = inline ? List.of(Step.PUBLISH, Step.UNPUBLISH) : List.of(Step.values());
        }

        private String id() {
            return inline ? name : pool + "." + name;
        }

        private Path staging() {
            return driver.place(name + "-staging");
        }

        private Path target() {
            return driver.place(name + "-target");
        }

        boolean isOver() {
            return acknowledged.contains(steps.getLast());
        }

        private Step next() {
            return steps.get(acknowledged.size());
        }

        /** Takes the next step; after a crash, the same again. */
        void step() {
            Step step = next();
            tried = true;
            switch (step) {
                case CREATE -> create();
                case STAGE -> stage();
                case PUBLISH -> publish();
                case UNPUBLISH -> driver.client().unpublish(id(), target());
                case UNSTAGE -> driver.client().unstage(id(), staging());
                case DELETE -> driver.client().delete(id());
            }
            tried = false;
            acknowledged.add(step);
        }

        private void create() {
            var unused = driver.client()
                    .controller()
                    .createVolume(Client.creation(pool, name, BYTES)
                            .putAllParameters(parameters)
                            .build());
        }

        private void stage() {
            driver.client().stage(id(), staging());
            write(staging());
        }

        private void publish() {
            if (inline) {
                driver.client().publish(Client.inline(id(), target(), Map.of("pool", pool, "size", "1Mi")));
                write(target());
            } else {
                driver.client().publish(id(), staging(), target());
            }
            assertHasData(target());
        }

        /** Whether the volume may be whole or not there, as its creation or deletion was tried without an answer. */
        boolean isUncertain() {
            return tried && !inline && (next() == Step.CREATE || next() == Step.DELETE);
        }

        /** Deletes a volume that nobody asked for any more, if it is there; then it must have been whole. */
        void cleanUp() {
            try {
                var unused = driver.client().get(id());
            } catch (StatusRuntimeException e) {
                assertThat(e.getStatus().getCode()).as("%s", this).isEqualTo(Status.Code.NOT_FOUND);
                return;
            }
            driver.client().stage(id(), staging());
            if (acknowledged.contains(Step.STAGE)) {
                assertHasData(staging());
            }
            driver.client().unstage(id(), staging());
            driver.client().delete(id());
        }

        private void write(Path root) {
            try {
                Files.createDirectories(root.resolve("a/b"));
                Files.writeString(root.resolve("a/b/data"), name);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private void assertHasData(Path root) {
            assertThat(root.resolve("a/b/data")).as("data of %s", this).hasContent(name);
        }

        /** Holds when everything that was acknowledged is so. */
        void check(boolean mount) {
            if (isOver()) {
                assertGone();
            } else if (acknowledged.contains(steps.getFirst()) && !(tried && next() == steps.getLast())) {
                assertThere(mount);
            }
        }

        private void assertThere(boolean mount) {
            if (next() == Step.UNPUBLISH && !tried) {
                assertHasData(target());
            }
            if (inline) {
                return;
            }
            assertThat(driver.client().get(id()).getCapacityBytes())
                    .as("%s was acknowledged", this)
                    .isEqualTo(BYTES);
            if (mount) {
                Path elsewhere = driver.place(name + "-check");
                driver.client().stage(id(), elsewhere);
                if (acknowledged.contains(Step.STAGE)) {
                    assertHasData(elsewhere);
                }
                driver.client().unstage(id(), elsewhere);
            }
        }

        private void assertGone() {
            assertThat(target()).as("target of %s", this).doesNotExist();
            assertThat(MountTable.below(staging())).as("mounts of %s", this).isEmpty();
            if (!inline) {
                assertThat(Failure.of(() -> driver.client().get(id())).code())
                        .as("the deletion of %s was acknowledged", this)
                        .isEqualTo(Status.Code.NOT_FOUND);
            }
        }

        @Override
        public String toString() {
            return id() + " " + parameters + ", acknowledged " + acknowledged + (tried ? ", one more tried" : "");
        }
    }

    /** A client with some volumes of its own, each somewhere in its life. */
    private static final class Worker implements Runnable {
        private final Driver driver;
        private final String name;
        private final Random random;
        private final List<Life> lives = new ArrayList<>();
        private final List<Life> endedLately = new ArrayList<>();
        private final List<Life> forgotten = new ArrayList<>();
        private int born;
        private int ended;

        Worker(Driver driver, String name, Random random) {
            this.driver = driver;
            this.name = name;
            this.random = random;
        }

        /** Moves a volume on by one step. */
        @Override
        public void run() {
            if (lives.size() < VOLUMES_PER_CLIENT) {
                lives.add(new Life(driver, name + "-" + born++, random));
            }
            step(lives.get(random.nextInt(lives.size())));
        }

        private void step(Life life) {
            life.step();
            if (life.isOver()) {
                lives.remove(life);
                endedLately.add(life);
                ended++;
            }
        }

        void check(boolean all) {
            lives.forEach(life -> life.check(all));
            endedLately.forEach(life -> life.check(all));
            endedLately.clear();
            List<Life> uncertain = lives.stream()
                    .filter(life -> life.isUncertain() && random.nextInt(3) == 0)
                    .toList();
            lives.removeAll(uncertain);
            forgotten.addAll(uncertain);
        }

        /** Brings every life to its end. */
        void finish() {
            while (!lives.isEmpty()) {
                step(lives.getFirst());
            }
            assertThat(forgotten).as("forgotten lives of %s", name).isNotEmpty();
            forgotten.forEach(Life::cleanUp);
        }
    }
}
