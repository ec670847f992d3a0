package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TestFileSystem;
import io.berth.copy.Progress;
import io.berth.copy.TreeCopy;
import io.berth.linux.Directory;
import io.berth.volume.PoolName;
import io.berth.volume.VolumeId;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Trees that would fill the heap of the process that works on them if it kept anything for each level, or name. */
@Timeout(120)
class SmallHeapTest {
    private static final int DEPTH = 3000;
    private static final String NAME = "d".repeat(255);
    private static final long TWICE_MOST = 2L << 20;

    /** So many that what is known of each may not be in memory until its other name comes, and names as long as can be. */
    private static final int LINKED = 20_000;

    private static final String MAKE_LINKED = "mkdir(\"source\"); mkdir(\"source/a\"); mkdir(\"source/b\");"
            + " for (1 .. " + LINKED + ") { my $n = sprintf(\"%0240d\", $_);"
            + " open(F, \">\", \"source/a/$n\") or die; close(F); link(\"source/a/$n\", \"source/b/$n\") or die }";

    @TempDir
    Path folder;

    /** In a process of its own: copies what is in the folder, and unless that is all, adds it up and removes it. */
    public static void main(String[] arguments) {
        try (Directory root = Directory.open(Path.of(arguments[0]));
                Directory source = root.openDirectory("source").orElseThrow();
                Trash trash = new Trash(root)) {
            System.out.println(
                    new TreeCopy(source, root, "copy", 2, new Progress()).run().files());
            if (arguments.length > 1) {
                return;
            }
            System.out.println(TreeSize.bytes(source, trash::namelessFile));
            for (String name : new String[] {"copy", "source"}) {
                trash.put(root, name, new VolumeId(new PoolName("fast"), name));
            }
            while (trash.reap(1000).more()) {}
            System.out.println(trash.count());
        }
    }

    @Test
    void aDeepTreeOfLongNamesIsCopiedAddedUpAndRemoved() {
        makeChain();
        String[] printed = runWithHeap("20m", folder.toString());
        assertThat(Long.parseLong(printed[printed.length - 3])).isBetween(0L, TWICE_MOST * DEPTH);
        assertThat(printed[printed.length - 2]).isEqualTo("0");
        assertThat(folder.resolve("trash")).isEmptyDirectory();
    }

    @Test
    void filesOfWhichTheOtherNameComesLateAreCopied() {
        TestFileSystem.run("perl", "-e", "chdir(shift) or die; " + MAKE_LINKED, folder.toString());
        String[] printed = runWithHeap("10m", folder.toString(), "only");
        assertThat(printed[printed.length - 2]).isEqualTo(Integer.toString(3 + 2 * LINKED));
        assertThat(TestFileSystem.shell(folder.resolve("copy"), "find . -type f -links 2 | wc -l"))
                .isEqualToIgnoringWhitespace(Integer.toString(2 * LINKED));
    }

    /** The lines that {@link #main} prints, and an empty one. */
    private static String[] runWithHeap(String most, String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx" + most,
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                SmallHeapTest.class.getName()));
        command.addAll(List.of(arguments));
        return TestFileSystem.run(command.toArray(String[]::new)).split("\n", -1);
    }

    private void makeChain() {
        try (Directory root = Directory.open(folder)) {
            root.mkdir("source", 0700);
            Directory at = root.openDirectory("source").orElseThrow();
            for (int i = 0; i < DEPTH; i++) {
                at.mkdir(NAME, 0700);
                Directory above = at;
                at = above.openDirectory(NAME).orElseThrow();
                above.close();
            }
            at.close();
        }
    }
}
