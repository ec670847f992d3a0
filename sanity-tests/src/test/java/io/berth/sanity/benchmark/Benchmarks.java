package io.berth.sanity.benchmark;

import io.berth.csi.v1.ListVolumesRequest;
import io.berth.csi.v1.ListVolumesResponse;
import io.berth.csi.v1.NodeGetVolumeStatsRequest;
import io.berth.sanity.Await;
import io.berth.sanity.Client;
import io.berth.sanity.Command;
import io.berth.sanity.CsiSanity;
import io.berth.sanity.Driver;
import io.berth.sanity.PluginConnection;
import io.berth.uml.UserModeLinux;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Measures the built distribution through its socket, from a warm client, and prints a table. Durations are medians. Where
 * the disk sets the limit, the limit is measured in the same run, in turns with what it limits.
 */
public final class Benchmarks {
    private static final int STARTS = 20;
    private static final int CREATES = 500;
    private static final int PUBLISHES = 1000;
    private static final int PROGRAMS = 200;
    private static final int MOUNTS = 1000;
    private static final int LIFECYCLES = 4000;
    private static final int LIFECYCLE_THREADS = 8;
    private static final int STATS = 8000;
    private static final int STATS_THREADS = 4;
    private static final int LISTED = 10_000;
    private static final int PAGE = 100;
    private static final int LISTINGS = 10;
    private static final int FILES = 100_000;
    private static final int FILES_PER_FOLDER = 1000;

    private final Path folder;
    private final List<String> rows = new ArrayList<>();

    private Benchmarks(Path folder) {
        this.folder = folder;
    }

    /** Measures in a temporary folder ({@code -Djava.io.tmpdir} says where) and prints the table. */
    public static void main(String[] arguments) throws Exception {
        Path folder = Files.createTempDirectory("berth-bench");
        try {
            new Benchmarks(folder).run();
        } finally {
            Command.succeed("rm", "-rf", "--one-file-system", folder.toString());
        }
    }

    private void run() throws Exception {
        start();
        docker();
        memory();
        try (Driver driver = Driver.start(newFolder("main"))) {
            calls(driver);
            create(driver);
            publish(driver);
            lifecycles(driver);
            stats(driver);
            deleteLarge(driver);
            list(driver);
        }
        new SnapshotBenchmark(Files.createDirectory(folder.resolve("snapshots")), this::row).run();
        new MemoryBenchmark(folder, this::row).run();
        nfs();
        System.out.printf(
                "%s, %d processors, %s, %s%n%n",
                System.getProperty("os.arch"),
                Runtime.getRuntime().availableProcessors(),
                "Linux " + System.getProperty("os.version"),
                Files.getFileStore(folder).type());
        System.out.println("| what | measured | bar |\n|---|---|---|");
        rows.forEach(System.out::println);
    }

    private void nfs() {
        UserModeLinux.runMain(Duration.ofMinutes(20), NfsBenchmark.class.getName()).stream()
                .filter(line -> line.startsWith(NfsBenchmark.ROW))
                .forEach(rows::add);
    }

    private void row(String what, String measured, String bar) {
        System.err.println(what + ": " + measured);
        rows.add("| " + what + " | " + measured + " | " + bar + " |");
    }

    private Path newFolder(String name) throws IOException {
        Path made = Files.createDirectory(folder.resolve(name));
        for (String pool : List.of("fast", "shared", "allowed", "node")) {
            Files.createDirectory(made.resolve(pool));
        }
        return made;
    }

    private void start() throws Exception {
        Path place = newFolder("start");
        try (Driver warm = Driver.start(place)) {
            Samples.of(2000, i -> warm.client().isReady()); // of this client
        }
        Samples answered = new Samples();
        Samples ready = new Samples();
        for (int i = 0; i < STARTS; i++) {
            startOnce(place, answered, ready);
        }
        row(
                "start, spawn to first Probe answered, median of " + STARTS,
                String.format("%.0f ms; ready after %.0f ms", answered.medianMillis(), ready.medianMillis()),
                "250 ms");
    }

    /** Times from the start of the process to the first answer to Probe, and to the first that says ready. */
    private static void startOnce(Path place, Samples answered, Samples ready) throws InterruptedException {
        Path socket = place.resolve("csi.sock");
        long start = System.nanoTime();
        Process process = Driver.spawn(place, List.of());
        try {
            awaitConnection(socket);
            try (Client client = Client.connect(socket)) {
                boolean isReady = client.isReady();
                answered.add(System.nanoTime() - start);
                while (!isReady) {
                    isReady = client.isReady();
                }
                ready.add(System.nanoTime() - start);
            }
        } finally {
            process.destroy();
            process.waitFor();
        }
    }

    private void docker() throws Exception {
        Path place = newFolder("docker");
        startDockerOnce(place);
        Samples answered = new Samples();
        for (int i = 0; i < STARTS; i++) {
            answered.add(startDockerOnce(place));
        }
        row(
                "start of `berth docker`, spawn to first Activate answered, median of " + STARTS,
                String.format("%.0f ms", answered.medianMillis()),
                "250 ms");
        Process process = spawnDocker(place);
        try (PluginConnection docker = connect(place)) {
            docker.call("VolumeDriver.Create", "{\"Name\":\"c1\"}");
            Samples.Work both = i -> {
                docker.call("VolumeDriver.Mount", "{\"Name\":\"c1\",\"ID\":\"" + i + "\"}");
                docker.call("VolumeDriver.Unmount", "{\"Name\":\"c1\",\"ID\":\"" + i + "\"}");
            };
            Samples.of(MOUNTS, both);
            row(
                    "Docker's Mount + Unmount of a directory, its id durable",
                    Samples.of(MOUNTS, both).toString(),
                    "3 ms");
            docker.call("VolumeDriver.Remove", "{\"Name\":\"c1\"}");
        } finally {
            process.destroy();
            process.waitFor();
        }
    }

    /** The time from the start of the process to its answer to Activate, in nanoseconds. */
    private static long startDockerOnce(Path place) throws Exception {
        long start = System.nanoTime();
        Process process = spawnDocker(place);
        try (PluginConnection docker = connect(place)) {
            docker.call("Plugin.Activate", "");
            return System.nanoTime() - start;
        } finally {
            process.destroy();
            process.waitFor();
        }
    }

    private static Process spawnDocker(Path place) throws IOException {
        return new ProcessBuilder(
                        Driver.command(),
                        "docker",
                        "--socket=unix://" + place.resolve("berth.sock"),
                        "--state-dir=" + place.resolve("state"),
                        "--pool=fast=local:" + place.resolve("fast") + ",limit=advisory")
                .redirectErrorStream(true)
                .redirectOutput(
                        ProcessBuilder.Redirect.appendTo(place.resolve("log").toFile()))
                .start();
    }

    private static PluginConnection connect(Path place) throws IOException {
        Path socket = place.resolve("berth.sock");
        awaitConnection(socket);
        return new PluginConnection(socket);
    }

    private static void awaitConnection(Path socket) {
        while (!Driver.answers(socket)) {
            LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(500));
        }
    }

    private void memory() throws Exception {
        Path place = newFolder("memory");
        try (Driver driver =
                Driver.start(place, List.of("--pool=fast=local:" + place.resolve("fast") + ",limit=advisory"))) {
            Command.Result result = CsiSanity.run(driver, place.resolve("report.xml"), List.of());
            if (result.code() != 0) {
                throw new IllegalStateException("csi-sanity failed: " + result.out());
            }
            row(
                    "resident memory after csi-sanity",
                    String.format(
                            "%.0f MB, of it %.0f MB anonymous",
                            megabytes(driver, "Rss"), megabytes(driver, "Anonymous")),
                    "100 MB, 60 MB anonymous");
        }
    }

    private static double megabytes(Driver driver, String field) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + driver.pid() + "/smaps_rollup")).stream()
                        .filter(line -> line.startsWith(field + ":"))
                        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                        .findFirst()
                        .orElseThrow()
                / 1024.0;
    }

    /** What a call costs that does nothing: client, socket, gRPC, threads. */
    private void calls(Driver driver) throws Exception {
        Samples.of(5000, i -> driver.client().isReady());
        Samples probe = Samples.of(5000, i -> driver.client().isReady());
        row("Probe, the cost of a call", probe.toString(), "");
    }

    private void create(Driver driver) throws Exception {
        Path pool = driver.pool("fast");
        Samples.of(200, i -> driver.client().create("fast", "warm-" + i, 0));
        Samples.of(50, i -> writeDurably(pool, "warm"));
        Samples limit = new Samples();
        Samples create = new Samples();
        for (int i = 0; i < CREATES; i++) {
            limit.add(Samples.time(index -> writeDurably(pool, "limit-" + index), i));
            create.add(Samples.time(index -> driver.client().create("fast", "v-" + index, 0), i));
        }
        row(
                "CreateVolume, durable",
                String.format("%s, %.1f times a durable file", create, create.medianMillis() / limit.medianMillis()),
                "4 times");
        row("a durable file: write, fsync, rename, fsync of its folder", limit.toString(), "");
        for (int i = 0; i < CREATES; i++) {
            Files.delete(pool.resolve("limit-" + i));
            driver.client().delete("fast.v-" + i);
        }
        for (int i = 0; i < 200; i++) {
            driver.client().delete("fast.warm-" + i);
        }
        Files.delete(pool.resolve("warm"));
    }

    private static void writeDurably(Path parent, String name) throws IOException {
        Path temporary = parent.resolve(name + ".tmp");
        try (FileChannel file = FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            file.write(StandardCharsets.UTF_8.encode("x".repeat(400)));
            file.force(true);
        }
        Files.move(temporary, parent.resolve(name), StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel opened = FileChannel.open(parent)) {
            opened.force(true);
        }
    }

    private void publish(Driver driver) throws Exception {
        Client client = driver.client();
        String id = client.create("fast", "published", 0).getVolumeId();
        Path staging = driver.place("staging");
        Path target = driver.place("target");
        client.stage(id, staging);
        Samples.Work both = i -> {
            client.publish(id, staging, target);
            client.unpublish(id, target);
        };
        Samples.of(PUBLISHES, both);
        row(
                "publish + unpublish of a staged volume",
                Samples.of(PUBLISHES, both).toString(),
                "2 ms");
        Files.createDirectory(target);
        Samples programs = Samples.of(PROGRAMS, i -> {
            Command.succeed("mount", "--bind", staging.toString(), target.toString());
            Command.succeed("umount", target.toString());
        });
        row("mount(8) --bind and umount(8) of the same, as the Go drivers run them", programs.toString(), "");
        Files.delete(target);
        client.unstage(id, staging);
        client.delete(id);
    }

    private void lifecycles(Driver driver) throws Exception {
        Samples.of(LIFECYCLE_THREADS, LIFECYCLES / 4, i -> live(driver, "warm-" + i));
        long start = System.nanoTime();
        Samples each = Samples.of(LIFECYCLE_THREADS, LIFECYCLES, i -> live(driver, "life-" + i));
        double seconds = (System.nanoTime() - start) / 1e9;
        row(
                "lifecycles (create, stage, publish, unpublish, unstage, delete), 8 at once",
                String.format("%.0f per second; one takes %s", LIFECYCLES / seconds, each),
                "250 per second");
    }

    private static void live(Driver driver, String name) {
        Client client = driver.client();
        Path staging = driver.place(name + "-s");
        Path target = driver.place(name + "-t");
        String id = client.create("fast", name, 1 << 20).getVolumeId();
        client.stage(id, staging);
        client.publish(id, staging, target);
        client.unpublish(id, target);
        client.unstage(id, staging);
        client.delete(id);
    }

    private void stats(Driver driver) throws Exception {
        Client client = driver.client();
        List<NodeGetVolumeStatsRequest> requests = new ArrayList<>();
        for (int i = 0; i < STATS_THREADS; i++) {
            String id = client.create("fast", "stats-" + i, 0).getVolumeId();
            client.stage(id, driver.place(id));
            requests.add(NodeGetVolumeStatsRequest.newBuilder()
                    .setVolumeId(id)
                    .setVolumePath(driver.place(id).toString())
                    .build());
        }
        Samples.Work work = i -> client.node().nodeGetVolumeStats(requests.get(i % STATS_THREADS));
        Samples.of(STATS_THREADS, STATS, work);
        row(
                "NodeGetVolumeStats, 4 at once",
                Samples.of(STATS_THREADS, STATS, work).toString(),
                "1 ms");
        for (NodeGetVolumeStatsRequest request : requests) {
            client.unstage(request.getVolumeId(), Path.of(request.getVolumePath()));
            client.delete(request.getVolumeId());
        }
    }

    private void deleteLarge(Driver driver) throws Exception {
        Client client = driver.client();
        String id = client.create("fast", "large", 0).getVolumeId();
        Path staging = driver.place("large");
        client.stage(id, staging);
        for (int i = 0; i < FILES; i++) {
            Path parent = staging.resolve(Integer.toString(i / FILES_PER_FOLDER));
            if (i % FILES_PER_FOLDER == 0) {
                Files.createDirectory(parent);
            }
            Files.createFile(parent.resolve(Integer.toString(i)));
        }
        client.unstage(id, staging);
        long start = System.nanoTime();
        client.delete(id);
        double answered = (System.nanoTime() - start) / 1e6;
        Path trash = driver.pool("fast").resolve(".berth/trash");
        Await.until(Duration.ofMinutes(5), () -> Driver.files(trash).isEmpty(), () -> "the trash is not emptied");
        row(
                "delete of a volume with 100,000 files",
                String.format("%.1f ms; trash empty after %.0f s", answered, (System.nanoTime() - start) / 1e9),
                "10 ms");
    }

    private void list(Driver driver) throws Exception {
        Client client = driver.client();
        Samples.of(LIFECYCLE_THREADS, LISTED, i -> client.create("shared", "listed-" + i, 0));
        Samples first = new Samples();
        Samples last = new Samples();
        Samples all = new Samples();
        for (int round = 0; round < LISTINGS; round++) {
            List<Long> pages = listAll(client).nanos();
            first.add(pages.getFirst());
            last.add(pages.getLast());
            pages.forEach(all::add);
        }
        row(
                "ListVolumes, 100 a page, pool of 10,000",
                String.format(
                        "first page %.1f ms, last %.1f ms, all %s", first.medianMillis(), last.medianMillis(), all),
                "20 ms, the last as the first");
    }

    private static Samples listAll(Client client) {
        Samples pages = new Samples();
        String token = "";
        do {
            long start = System.nanoTime();
            ListVolumesResponse page = client.controller()
                    .listVolumes(ListVolumesRequest.newBuilder()
                            .setStartingToken(token)
                            .setMaxEntries(PAGE)
                            .build());
            pages.add(System.nanoTime() - start);
            token = page.getNextToken();
        } while (!token.isEmpty());
        return pages;
    }
}
