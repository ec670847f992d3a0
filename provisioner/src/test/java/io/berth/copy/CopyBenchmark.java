package io.berth.copy;

import static io.berth.TestFileSystem.shell;

import io.berth.TestFileSystem;
import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How long a copy of 10,000 files of 4 KiB and one of 512 MiB takes, beside cp and tar on the same file system, each
 * until it is on disk. Prints a table; run by hand, as root, with 4 GiB free in the temporary folder.
 */
final class CopyBenchmark {
    private static final int ROUNDS = 3;
    private static final long IMAGE_BYTES = 6L << 30;

    private CopyBenchmark() {}

    private interface Work {
        void run(Path root);
    }

    public static void main(String[] arguments) {
        System.out.println("| file system | way | milliseconds, median of " + ROUNDS + " |");
        System.out.println("|---|---|---|");
        for (String type : List.of("ext4", "xfs", "btrfs")) {
            try (TestFileSystem fileSystem = TestFileSystem.mount(type, IMAGE_BYTES)) {
                measure(type, fileSystem.root());
            }
        }
    }

    private static void measure(String type, Path root) {
        shell(root, "mkdir source");
        fill(root.resolve("source"));
        if (type.equals("btrfs")) {
            shell(root, "btrfs subvolume create live; cp -a source/. live; sync -f .");
            row(type, "TreeCopy of a subvolume", root, place -> copy(place, "live", 2));
        }
        for (int threads : new int[] {1, 2, 4}) {
            row(type, "TreeCopy, threads: " + threads, root, place -> copy(place, "source", threads));
        }
        row(type, "cp -a --reflink=auto; sync -f", root, place -> shell(place, "cp -a source copy; sync -f ."));
        row(type, "cp -a --reflink=auto alone", root, place -> shell(place, "cp -a source copy"));
        row(
                type,
                "tar -c | tar -x; sync -f",
                root,
                place -> shell(place, "mkdir copy; tar -C source -c . | tar -C copy -x; sync -f ."));
    }

    private static void fill(Path directory) {
        shell(
                directory,
                "mkdir $(seq 1 100); "
                        + "head -c 40960000 /dev/urandom | split -b 4096 -a 3 - f; "
                        + "i=0; for f in f*; do mv $f $((i % 100 + 1))/; i=$((i+1)); done; "
                        + "head -c 536870912 /dev/urandom > large; sync -f .");
    }

    private static void copy(Path root, String source, int threads) {
        try (Directory parent = Directory.open(root);
                Directory from = parent.openDirectory(source).orElseThrow()) {
            new TreeCopy(from, parent, "copy", threads).run();
        }
    }

    private static void row(String type, String way, Path root, Work work) {
        List<Long> millis = new ArrayList<>();
        for (int i = 0; i < ROUNDS; i++) {
            shell(root, "sync -f .");
            long start = System.nanoTime();
            work.run(root);
            millis.add(Duration.ofNanos(System.nanoTime() - start).toMillis());
            remove(root);
        }
        millis.sort(null);
        System.out.println(String.format(
                Locale.ROOT,
                "| %s | %s | %d (%d to %d) |",
                type,
                way,
                millis.get(ROUNDS / 2),
                millis.getFirst(),
                millis.getLast()));
    }

    private static void remove(Path root) {
        try (Directory parent = Directory.open(root);
                Directory copy = parent.openDirectory("copy").orElseThrow()) {
            if (Btrfs.isSubvolume(copy)) {
                Btrfs.destroySubvolume(parent, "copy");
            }
        }
        shell(root, "rm -rf copy; sync -f .");
    }
}
