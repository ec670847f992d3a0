package io.berth.sanity.benchmark;

import io.berth.sanity.Await;
import io.berth.sanity.Client;
import io.berth.sanity.Command;
import io.berth.sanity.Driver;
import io.berth.sanity.LoopFileSystem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * How much memory the driver takes at most while it copies and deletes volumes that are as nasty as their users can make
 * them: with the heap of the distribution, eight copies asked for at once.
 */
final class MemoryBenchmark {
    private static final int COPIES = 8;
    private static final long DISK_BYTES = 200L << 30;
    private static final long POLL_NANOS = 100_000_000;
    private static final Duration PATIENCE = Duration.ofHours(1);
    private static final String BAR = "160 MB";

    /** Each has a folder of its own to fill. */
    private enum Tree {
        DEEP(
                "100,000 nested folders with names of 255 bytes",
                "my $n = 'd' x 255; for (1 .. 100000) { mkdir $n or die $!; chdir $n or die $! }"),
        WIDE("a folder of 2,000,000 entries", "for (1 .. 2000000) { open(F, '>', $_) or die $! }"),
        LINKED(
                "1,000,000 files with two names each",
                "mkdir 'a'; mkdir 'b'; for (1 .. 1000000) { open(F, '>', \"a/$_\") or die $!; link(\"a/$_\", \"b/$_\") or die $! }");

        private final String what;
        private final String perl;

        Tree(String what, String perl) {
            this.what = what;
            this.perl = perl;
        }
    }

    private final Path folder;
    private final SnapshotBenchmark.Rows rows;

    MemoryBenchmark(Path folder, SnapshotBenchmark.Rows rows) {
        this.folder = folder;
        this.rows = rows;
    }

    void run() throws Exception {
        for (Tree tree : Tree.values()) {
            try (LoopFileSystem disk = LoopFileSystem.mount(folder.resolve("memory-" + tree), "ext4", DISK_BYTES);
                    Driver driver = Driver.start(disk.folder(), disk.pool("advisory"))) {
                measure(tree, driver);
            }
        }
    }

    private void measure(Tree tree, Driver driver) throws IOException {
        Client client = driver.client();
        String volume = client.create("fast", "source", 1 << 30).getVolumeId();
        Path data = driver.pool("fast").resolve(volume);
        Command.succeed("perl", "-e", "chdir shift; " + tree.perl, data.toString());
        int copies = tree == Tree.LINKED || tree == Tree.WIDE ? 2 : COPIES; // as the disk has inodes for
        boolean ready = false;
        while (!ready) {
            ready = true;
            for (int i = 0; i < copies; i++) {
                ready &= client.snapshot(volume, "s" + i).getReadyToUse();
            }
            LockSupport.parkNanos(POLL_NANOS);
        }
        for (int i = 0; i < copies; i++) {
            client.deleteSnapshot("fast.s" + i);
        }
        client.delete(volume);
        Path trash = driver.pool("fast").resolve(".berth/trash");
        Await.until(PATIENCE, () -> Driver.files(trash).isEmpty(), () -> "the trash is not emptied");
        rows.add(
                "peak resident memory: " + copies + " snapshots at once, and their deletes, of " + tree.what,
                peak(driver) + " MB",
                BAR);
    }

    private static long peak(Driver driver) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + driver.pid() + "/status")).stream()
                        .filter(line -> line.startsWith("VmHWM:"))
                        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                        .findFirst()
                        .orElseThrow()
                / 1024;
    }
}
