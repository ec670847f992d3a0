package io.berth.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** That the states of a disk after a loss of power are what they are said to be. */
class LoopDiskTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"ext4", "xfs", "btrfs"})
    void whatWasSyncedIsThereAndWhatWasNotIsWhenItIsToBe(String type) throws Exception {
        try (LoopDisk loop = LoopDisk.make(type, 512L << 20, folder)) {
            Disk disk = loop.disk();
            Path root = loop.mount();
            loop.unmount();
            Disk.State begin = disk.beginLog();
            loop.mount();
            Path file = root.resolve("file");
            Files.writeString(file, "synced");
            int before = disk.now();
            sync(file);
            sync(root);
            int after = disk.now();
            Files.writeString(root.resolve("other"), "not synced");
            loop.unmount();
            Disk.Log log = disk.log();
            for (Disk.Left left : Disk.Left.values()) {
                disk.become(log.stateAt(begin, before, left, new Random(1)));
                loop.mount();
                assertThat(file).doesNotExist();
                loop.unmount();
                disk.become(log.stateAt(begin, after, left, new Random(1)));
                loop.mount();
                assertThat(file).hasContent("synced");
                assertThat(root.resolve("other")).doesNotExist();
                loop.unmount();
            }
            disk.become(log.stateAt(begin, log.size(), Disk.Left.ALL, new Random(1)));
            loop.mount();
            assertThat(root.resolve("other")).hasContent("not synced");
            loop.unmount();
        }
    }

    private static void sync(Path path) throws Exception {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
