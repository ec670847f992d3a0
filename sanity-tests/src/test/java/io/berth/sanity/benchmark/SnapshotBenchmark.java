package io.berth.sanity.benchmark;

import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.sanity.Await;
import io.berth.sanity.Client;
import io.berth.sanity.Command;
import io.berth.sanity.Driver;
import io.berth.sanity.LoopFileSystem;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * Measures snapshot, restore and deletes of 10,000 files of 4 KiB and one of 512 MiB on several file systems, in turns with
 * {@code cp -a --reflink=auto} of the same files, and once {@code tar -cz}, which is what csi-driver-nfs does. The files are
 * in the page cache, and each copy ends with a sync of its file system, for a snapshot is durable too. Two rounds go before those
 * that count: a driver runs for long, and each here has just been started.
 */
final class SnapshotBenchmark {
    private static final int WARM_UP = 2;
    private static final int ROUNDS = 5;
    private static final long VOLUME_BYTES = 1L << 30;
    private static final long DISK_BYTES = 12L << 30;
    private static final long POLL_NANOS = 1_000_000;
    private static final String FILES = "10,000 files of 4 KiB and one of 512 MiB";

    private static final String FILL = """
            cd "$1"
            for folder in $(seq 100); do
                mkdir $folder
                head -c 409600 /dev/urandom | split -b 4096 -a 3 - $folder/f
            done
            head -c 536870912 /dev/urandom > large
            sync -f .
            """;

    /** Takes a row of the table. */
    interface Rows {
        void add(String what, String measured, String bar);
    }

    /** How long each step took. */
    private static final class Durations {
        private final Samples snapshot = new Samples();
        private final Samples restore = new Samples();
        private final Samples cp = new Samples();
        private final Samples deleteSnapshot = new Samples();
        private final Samples deleteVolume = new Samples();

        @Override
        public String toString() {
            return String.format(
                    "%.0f ms; restore %.0f ms; cp %.0f ms; delete of the snapshot %.1f ms, of the restored volume %.1f ms",
                    snapshot.medianMillis(),
                    restore.medianMillis(),
                    cp.medianMillis(),
                    deleteSnapshot.medianMillis(),
                    deleteVolume.medianMillis());
        }
    }

    private final Path folder;
    private final Rows rows;

    SnapshotBenchmark(Path folder, Rows rows) {
        this.folder = folder;
        this.rows = rows;
    }

    void run() throws Exception {
        measure("btrfs", "directory", "enforced", "50 ms");
        measure("xfs", "directory", "advisory", "half of cp");
        measure("ext4", "directory", "advisory", "as cp");
        measure("xfs", "image", "enforced", "100 ms");
        measure("btrfs", "image", "enforced", "100 ms");
    }

    private void measure(String fileSystem, String format, String limit, String bar) throws Exception {
        try (LoopFileSystem disk =
                        LoopFileSystem.mount(folder.resolve(fileSystem + "-" + format), fileSystem, DISK_BYTES);
                Driver driver = Driver.start(disk.folder(), disk.pool(limit))) {
            Client client = driver.client();
            create(client, Client.creation("fast", "source", VOLUME_BYTES).putParameters("format", format));
            Path data = driver.place("source");
            client.stage("fast.source", data);
            shell(FILL, data);
            Path copy = disk.folder().resolve("copy");
            Durations durations = new Durations();
            for (int round = 0; round < WARM_UP + ROUNDS; round++) {
                measure(client, data, copy, round < WARM_UP ? new Durations() : durations);
                awaitEmptyTrash(driver);
            }
            rows.add(
                    "snapshot of " + FILES + ": " + format + " on " + fileSystem + ", median of " + ROUNDS,
                    durations.toString(),
                    bar + "; delete 10 ms");
            if (fileSystem.equals("ext4")) {
                rows.add("tar -cz of the same files, once", millis(tar(data, copy)) + " ms", "");
            }
            client.unstage("fast.source", data);
        }
    }

    private static void measure(Client client, Path data, Path copy, Durations durations) throws Exception {
        durations.snapshot.add(Samples.time(i -> snapshot(client), 0));
        durations.cp.add(
                Samples.time(i -> shell("cp -a --reflink=auto \"$1\" \"$2\" && sync -f \"$2\"", data, copy), 0));
        shell("rm -rf \"$1\" && sync -f \"${1%/*}\"", copy);
        durations.restore.add(Samples.time(
                i -> create(
                        client,
                        Client.creation("fast", "restored", VOLUME_BYTES)
                                .setVolumeContentSource(Client.ofSnapshot("fast.snapshot"))),
                0));
        durations.deleteSnapshot.add(Samples.time(i -> client.deleteSnapshot("fast.snapshot"), 0));
        durations.deleteVolume.add(Samples.time(i -> client.delete("fast.restored"), 0));
    }

    private static long tar(Path data, Path copy) throws Exception {
        long nanos = Samples.time(i -> shell("tar -C \"$1\" -czf \"$2\" . && sync -f \"$2\"", data, copy), 0);
        Files.delete(copy);
        return nanos;
    }

    private static long millis(long nanos) {
        return Duration.ofNanos(nanos).toMillis();
    }

    /** Asks until it is made: a long copy goes on after the call for it has ended. */
    private static void create(Client client, CreateVolumeRequest.Builder request) {
        while (true) {
            try {
                var unused = client.controller().createVolume(request.build());
                return;
            } catch (StatusRuntimeException e) {
                if (e.getStatus().getCode() != Status.Code.ABORTED) {
                    throw e;
                }
                LockSupport.parkNanos(POLL_NANOS);
            }
        }
    }

    private static void snapshot(Client client) {
        while (!client.snapshot("fast.source", "snapshot").getReadyToUse()) {
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    /** So that what was deleted costs the next round nothing. */
    private static void awaitEmptyTrash(Driver driver) {
        Path trash = driver.pool("fast").resolve(".berth/trash");
        Await.until(Duration.ofMinutes(1), () -> Driver.files(trash).isEmpty(), () -> "the trash is not emptied");
    }

    private static void shell(String script, Path... arguments) {
        Stream<String> shell = Stream.of("sh", "-euc", script, "sh");
        Command.succeed(
                Stream.concat(shell, Stream.of(arguments).map(Path::toString)).toArray(String[]::new));
    }
}
