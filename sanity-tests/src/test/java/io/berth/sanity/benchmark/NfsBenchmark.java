package io.berth.sanity.benchmark;

import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.VolumeCapability.AccessMode.Mode;
import io.berth.sanity.Await;
import io.berth.sanity.Client;
import io.berth.sanity.Command;
import io.berth.sanity.Driver;
import io.berth.uml.KernelNfsServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Measures volumes on an export of a kernel NFS server beside what csi-driver-nfs does for the same, in the same boot of a
 * kernel of its own: it mounts and unmounts the export for each call, and a snapshot is a {@code tar -cz}. Its part is done by
 * shell scripts, so it has neither calls nor records to pay for.
 */
final class NfsBenchmark {
    /** Begins each line that is a row of the table. */
    static final String ROW = "| ";

    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final int VOLUMES = 100;
    private static final int RIVALS_VOLUMES = 24;
    private static final int THREADS = 8;
    private static final int PUBLISHES = 50;
    private static final int ROUNDS = 3;
    private static final long VOLUME_BYTES = 100L << 20;

    /** For each volume: mounts, makes its folder, unmounts; mounts, removes it, unmounts. */
    private static final String CREATE_AND_DELETE = """
            for i in $(seq "$3"); do
                mount -t nfs4 -o vers=4.2 "$1" "$2"
                mkdir "$2/${2##*/}-$i"
                chmod 0755 "$2/${2##*/}-$i"
                umount "$2"
                mount -t nfs4 -o vers=4.2 "$1" "$2"
                rm -rf "$2/${2##*/}-$i"
                umount "$2"
            done
            """;

    private static final String MOUNT_AND_UNMOUNT = """
            for i in $(seq "$3"); do
                mount -t nfs4 -o vers=4.2 "$1" "$2"
                umount "$2"
            done
            """;

    private static final String FILL = """
            cd "$1"
            for folder in $(seq 10); do
                mkdir $folder
                head -c 409600 /dev/urandom | split -b 4096 -a 3 - $folder/f
            done
            head -c 67108864 /dev/urandom > large
            sync -f .
            """;

    private final KernelNfsServer server = KernelNfsServer.running();
    private final Path folder;
    private final Driver driver;
    private final Client client;

    private NfsBenchmark(Path folder, Driver driver) {
        this.folder = folder;
        this.driver = driver;
        this.client = driver.client();
    }

    /** Prints the rows; runs on the kernel that {@link io.berth.uml.UserModeLinux} boots. */
    public static void main(String[] arguments) throws Exception {
        Path folder = Files.createTempDirectory("berth-bench");
        String export = KernelNfsServer.running().xfs();
        // The rival first, while nothing is mounted: as on a controller's node.
        double alone = rivalsPerSecond(export, folder, 1);
        double together = rivalsPerSecond(export, folder, THREADS);
        try (Driver driver = Driver.start(folder, List.of("--pool=home=nfs:" + export + ",nfsvers=4.2"))) {
            NfsBenchmark benchmark = new NfsBenchmark(folder, driver);
            benchmark.createAndDelete(1, alone);
            benchmark.createAndDelete(THREADS, together);
            benchmark.publish();
            benchmark.snapshot();
        }
    }

    private static void row(String what, String measured, String bar) {
        System.out.println(ROW + what + " | " + measured + " | " + bar + " |");
    }

    private static double rivalsPerSecond(String export, Path folder, int threads) throws Exception {
        List<Path> mountPoints = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            mountPoints.add(Files.createDirectories(folder.resolve("rival-" + i)));
        }
        int each = RIVALS_VOLUMES / threads;
        long start = System.nanoTime();
        var unused = Samples.of(
                threads,
                threads,
                i -> shell(CREATE_AND_DELETE, export, mountPoints.get(i).toString(), Integer.toString(each)));
        return perSecond(threads * each, System.nanoTime() - start);
    }

    private static double perSecond(int count, long nanos) {
        return count * 1e9 / nanos;
    }

    private static String times(double ours, double rival) {
        return String.format("%.0f per second, beside %.1f: %.1f times", ours, rival, ours / rival);
    }

    private static CreateVolumeRequest creation(String name) {
        return Client.creation("home", name, VOLUME_BYTES)
                .clearVolumeCapabilities()
                .addVolumeCapabilities(Client.capability(Mode.MULTI_NODE_MULTI_WRITER))
                .build();
    }

    private String create(String name) {
        return client.controller().createVolume(creation(name)).getVolume().getVolumeId();
    }

    private void createAndDelete(int threads, double rival) throws Exception {
        Samples.Work both = i -> client.delete(create("v-" + i));
        var unused = Samples.of(threads, VOLUMES, both);
        long start = System.nanoTime();
        Samples each = Samples.of(threads, VOLUMES, both);
        double ours = perSecond(VOLUMES, System.nanoTime() - start);
        row(
                "NFS: create + delete, " + threads + " at once",
                times(ours, rival) + "; one takes " + each,
                "10 times a loop that mounts and unmounts for each call");
    }

    private void publish() throws Exception {
        String first = create("first");
        String second = create("second");
        client.stage(first, driver.place("first"));
        client.publish(first, driver.place("first"), driver.place("first-t"));
        Path staging = driver.place("second");
        Path target = driver.place("second-t");
        Samples.Work all = i -> {
            client.stage(second, staging);
            client.publish(second, staging, target);
            client.unpublish(second, target);
            client.unstage(second, staging);
        };
        var unused = Samples.of(PUBLISHES, all);
        long start = System.nanoTime();
        Samples each = Samples.of(PUBLISHES, all);
        double ours = perSecond(PUBLISHES, System.nanoTime() - start);
        Path mountPoint = Files.createDirectory(folder.resolve("rival"));
        long begun = System.nanoTime();
        shell(MOUNT_AND_UNMOUNT, server.xfs() + "/" + second, mountPoint.toString(), Integer.toString(PUBLISHES));
        row(
                "NFS: stage + publish + unpublish + unstage of an export's second volume",
                times(ours, perSecond(PUBLISHES, System.nanoTime() - begun)) + "; one takes " + each,
                "10 times a mount and unmount");
        client.unpublish(first, driver.place("first-t"));
        client.unstage(first, driver.place("first"));
        client.delete(first);
        client.delete(second);
    }

    private void snapshot() throws Exception {
        String id = create("source");
        Path data = driver.place("source");
        client.stage(id, data);
        shell(FILL, data.toString());
        Path mountPoint = Files.createDirectory(folder.resolve("mount"));
        shell("mount -t nfs4 -o vers=4.2 \"$1\" \"$2\"", server.xfs(), mountPoint.toString());
        Path source = mountPoint.resolve(id);
        Path copy = mountPoint.resolve("copy");
        Samples ours = new Samples();
        Samples cp = new Samples();
        for (int round = 0; round < ROUNDS; round++) {
            ours.add(Samples.time(i -> awaitSnapshot(id), 0));
            cp.add(Samples.time(
                    i -> shell("cp -a \"$1\" \"$2\" && sync -f \"$2\"", source.toString(), copy.toString()), 0));
            shell("rm -rf \"$1\"", copy.toString());
            client.deleteSnapshot("home.snapshot");
            Path trash = server.xfsOnServer().resolve(".berth/trash");
            Await.until(Duration.ofMinutes(2), () -> Driver.files(trash).isEmpty(), () -> "the trash is not emptied");
        }
        double tar = Samples.time(
                        i -> shell("tar -C \"$1\" -czf \"$2\" . && sync -f \"$2\"", source.toString(), copy.toString()),
                        0)
                / 1e6;
        row(
                "NFS: snapshot of 1,000 files of 4 KiB and one of 64 MiB, median of " + ROUNDS,
                String.format(
                        "%.0f ms; tar -cz %.0f ms: %.1f times; cp -a %.0f ms: %.1f times",
                        ours.medianMillis(),
                        tar,
                        tar / ours.medianMillis(),
                        cp.medianMillis(),
                        cp.medianMillis() / ours.medianMillis()),
                "10 times tar, 2 times cp -a");
        client.unstage(id, data);
        shell("umount \"$1\"", mountPoint.toString());
    }

    private void awaitSnapshot(String id) {
        Await.until(
                Duration.ofMinutes(2),
                () -> client.snapshot(id, "snapshot").getReadyToUse(),
                () -> "the snapshot is not ready");
    }

    private static void shell(String script, String... arguments) {
        List<String> command = Stream.concat(Stream.of("sh", "-euc", script, "sh"), Stream.of(arguments))
                .toList();
        Command.Result result = Command.run(PATIENCE, Map.of(), command);
        if (result.code() != 0) {
            throw new IllegalStateException(command + " failed: " + result.err());
        }
    }
}
