package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TestFileSystem;
import io.berth.copy.Progress;
import io.berth.copy.TreeCopy;
import io.berth.linux.Directory;
import io.berth.volume.PoolName;
import io.berth.volume.VolumeId;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Trees that would fill the heap of the process that works on them if it kept anything for each level, or name. */
@Timeout(120)
class SmallHeapTest {
    private static final int DEPTH = 3000;
    private static final String NAME = "d".repeat(255);
    private static final long TWICE_MOST = 2L << 20;

    @TempDir
    Path folder;

    /** In a process of its own: copies, adds up and removes what is in the folder. */
    public static void main(String[] arguments) {
        try (Directory root = Directory.open(Path.of(arguments[0]));
                Directory source = root.openDirectory("source").orElseThrow();
                Trash trash = new Trash(root)) {
            new TreeCopy(source, root, "copy", 2, new Progress()).run();
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
        String[] printed = TestFileSystem.run(
                        Path.of(System.getProperty("java.home"), "bin/java").toString(),
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx20m",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SmallHeapTest.class.getName(),
                        folder.toString())
                .split("\n", -1);
        assertThat(Long.parseLong(printed[printed.length - 3])).isBetween(0L, TWICE_MOST * DEPTH);
        assertThat(printed[printed.length - 2]).isEqualTo("0");
        assertThat(folder.resolve("trash")).isEmptyDirectory();
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
