package io.berth.sanity.benchmark;

import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.VolumeCapability.AccessMode.Mode;
import io.berth.sanity.Await;
import io.berth.sanity.Client;
import io.berth.sanity.Command;
import io.berth.sanity.Driver;
import io.berth.uml.KernelNfsServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Measures volumes on an export of a kernel NFS server beside what csi-driver-nfs does for the same: it mounts and unmounts
 * the export for each call, and a snapshot is a {@code tar -cz}. Its part is done by shell scripts, so it has neither calls
 * nor records to pay for. All runs in one boot of a kernel of its own, in turns, so that what else the machine does meets
 * both; and the driver's export stays mounted, which spares the rival most of a mount's handshake. The driver has served
 * some hundred calls before, as one that runs has.
 */
final class NfsBenchmark {
    /** Begins each line that is a row of the table. */
    static final String ROW = "| ";

    private static final Duration PATIENCE = Duration.ofMinutes(10);
    private static final int THREADS = 8;
    private static final int WARM_UP = 300;
    private static final int ROUNDS = 5;
    private static final int OURS = 40;
    private static final int RIVALS = 8;
    private static final long VOLUME_BYTES = 10L << 20;

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

    /** Each packet takes a quarter of a millisecond from now on. */
    private static final String SLOW_NETWORK =
            "/run/kernel/modprobe sch_netem && tc qdisc add dev lo root netem delay 250us";

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
        try (Driver driver = Driver.start(folder, List.of("--pool=home=nfs:" + export + ",nfsvers=4.2"))) {
            NfsBenchmark benchmark = new NfsBenchmark(folder, driver);
            benchmark.warmUp();
            benchmark.createAndDelete(1);
            benchmark.createAndDelete(THREADS);
            benchmark.publish();
            benchmark.snapshots();
        }
    }

    private static void row(String what, String measured, String bar) {
        System.out.println(ROW + what + " | " + measured + " | " + bar + " |");
    }

    /** What one side took for all it did so far: time, and requests to the server. */
    private static final class Cost {
        private int count;
        private long nanos;
        private long requests;

        /** Adds what some work takes that does a thing so many times. */
        void of(int times, Samples.Work work) throws Exception {
            long before = requests();
            nanos += Samples.time(work, 0);
            requests += requests() - before;
            count += times;
        }

        /** How many requests the kernel's NFS client has made. */
        private static long requests() throws IOException {
            return Files.readAllLines(Path.of("/proc/net/rpc/nfs")).stream()
                    .filter(line -> line.startsWith("rpc "))
                    .mapToLong(line -> Long.parseLong(line.split(" ", -1)[1]))
                    .findFirst()
                    .orElseThrow();
        }

        double perSecond() {
            return count * 1e9 / nanos;
        }

        double millis() {
            return nanos / 1e6 / count;
        }

        long requestsEach() {
            return Math.round((double) requests / count);
        }

        String times(Cost rival) {
            return String.format(
                    "%.0f per second, beside %.1f: %.0f times; %d requests to the server, beside %d",
                    perSecond(),
                    rival.perSecond(),
                    perSecond() / rival.perSecond(),
                    requestsEach(),
                    rival.requestsEach());
        }
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

    private void warmUp() {
        for (int i = 0; i < WARM_UP; i++) {
            String id = create("warm");
            mountAndUnmount(id);
            client.delete(id);
        }
    }

    private void mountAndUnmount(String id) {
        Path staging = driver.place("staging-" + id);
        Path target = driver.place("target-" + id);
        client.stage(id, staging);
        client.publish(id, staging, target);
        client.unpublish(id, target);
        client.unstage(id, staging);
    }

    private void createAndDelete(int threads) throws Exception {
        List<Path> mountPoints = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            mountPoints.add(Files.createDirectories(folder.resolve("rival-" + i)));
        }
        Cost ours = new Cost();
        Cost rivals = new Cost();
        for (int round = 0; round < ROUNDS; round++) {
            ours.of(OURS, all -> Samples.of(threads, OURS, i -> client.delete(create("v-" + i))));
            rivals.of(
                    RIVALS,
                    all -> Samples.of(
                            threads,
                            threads,
                            i -> shell(
                                    CREATE_AND_DELETE,
                                    server.xfs(),
                                    mountPoints.get(i).toString(),
                                    Integer.toString(RIVALS / threads))));
        }
        row(
                "NFS: create + delete, " + threads + " at once",
                ours.times(rivals),
                "10 times a loop that mounts and unmounts for each call");
    }

    private void publish() throws Exception {
        String first = create("first");
        String second = create("second");
        client.stage(first, driver.place("first"));
        client.publish(first, driver.place("first"), driver.place("first-t"));
        Path mountPoint = Files.createDirectory(folder.resolve("rival"));
        Cost ours = new Cost();
        Cost rivals = new Cost();
        for (int round = 0; round < ROUNDS; round++) {
            ours.of(OURS, all -> Samples.of(OURS, i -> mountAndUnmount(second)));
            rivals.of(
                    RIVALS,
                    all -> shell(
                            MOUNT_AND_UNMOUNT,
                            server.xfs() + "/" + second,
                            mountPoint.toString(),
                            Integer.toString(RIVALS)));
        }
        Cost call = new Cost();
        call.of(4 * OURS, all -> Samples.of(4 * OURS, i -> client.isReady()));
        row(
                "NFS: stage + publish + unpublish + unstage of an export's second volume",
                ours.times(rivals)
                        + String.format(
                                "; it takes %.1f ms, four calls that do nothing (Probe) take %.1f ms",
                                ours.millis(), 4 * call.millis()),
                "10 times a mount and unmount");
        client.unpublish(first, driver.place("first-t"));
        client.unstage(first, driver.place("first"));
        client.delete(first);
        client.delete(second);
    }

    private void snapshots() throws Exception {
        String id = create("source");
        Path data = driver.place("source");
        client.stage(id, data);
        shell(FILL, data.toString());
        Path mountPoint = Files.createDirectory(folder.resolve("mount"));
        shell("mount -t nfs4 -o vers=4.2 \"$1\" \"$2\"", server.xfs(), mountPoint.toString());
        Path source = mountPoint.resolve(id);
        Path copy = mountPoint.resolve("copy");
        snapshot(id, source, copy, new Cost(), new Cost()); // for the first that reads a file pays more
        snapshots(id, source, copy, "NFS: snapshot of 1,000 files of 4 KiB and one of 64 MiB");
        shell(SLOW_NETWORK);
        snapshots(id, source, copy, "NFS: the same, half a millisecond there and back between client and server");
        client.unstage(id, data);
        shell("umount \"$1\"", mountPoint.toString());
    }

    private void snapshot(String id, Path source, Path copy, Cost ours, Cost cp) throws Exception {
        ours.of(1, i -> awaitSnapshot(id));
        cp.of(1, i -> shell("cp -a \"$1\" \"$2\" && sync -f \"$2\"", source.toString(), copy.toString()));
        shell("rm -rf \"$1\"", copy.toString());
        client.deleteSnapshot("home.snapshot");
        Path trash = server.xfsOnServer().resolve(".berth/trash");
        Await.until(Duration.ofMinutes(2), () -> Driver.files(trash).isEmpty(), () -> "the trash is not emptied");
    }

    private void snapshots(String id, Path source, Path copy, String what) throws Exception {
        Cost ours = new Cost();
        Cost cp = new Cost();
        for (int round = 0; round < ROUNDS; round++) {
            snapshot(id, source, copy, ours, cp);
        }
        Cost tar = new Cost();
        tar.of(1, i -> shell("tar -C \"$1\" -czf \"$2\" . && sync -f \"$2\"", source.toString(), copy.toString()));
        shell("rm \"$1\"", copy.toString());
        row(
                what,
                String.format(
                        "%.0f ms, %d requests; tar -cz %.0f ms: %.1f times; cp -a %.0f ms, %d requests: %.1f times",
                        ours.millis(),
                        ours.requestsEach(),
                        tar.millis(),
                        tar.millis() / ours.millis(),
                        cp.millis(),
                        cp.requestsEach(),
                        cp.millis() / ours.millis()),
                "10 times tar, 2 times cp -a");
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
