package io.berth.service;

import static io.berth.TestFileSystem.run;
import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.fault.Fault;
import io.berth.linux.FailingCalls;
import io.berth.volume.Volume;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class Ext4ImageSnapshotsTest extends ImageSnapshotsContract {
    @Override
    String fileSystemType() {
        return "ext4";
    }

    @Override
    boolean clones() {
        return false;
    }

    @Test
    void aCopyForWhichTheDiskHasNoRoomLeavesNothing() throws Exception {
        Volume volume = ext4("v");
        Path root = stage(volume);
        Files.write(root.resolve("data"), random(16 * MIB));
        run("sync", "-f", root.toString());
        shell(fileSystem.root(), "fallocate -l $(($(stat -f -c '%a * %S' .) - (8 << 20))) filler");
        assertThatThrownBy(() -> snapshot("s", volume)).satisfies(kind(Fault.Kind.RESOURCE_EXHAUSTED));
        assertNoSnapshotIsLeft();
        assertThatThrownBy(() -> create("c", 0, false, of(volume))).satisfies(kind(Fault.Kind.RESOURCE_EXHAUSTED));
        assertThat(TemporaryPool.names(fileSystem.root().resolve("fast"))).containsExactly(".berth", "fast.v");
        Files.delete(fileSystem.root().resolve("filler"));
        Files.writeString(root.resolve("data"), "goes on");
        assertThat(snapshot("s", volume).ready()).isTrue();
    }

    /** As ext4 does with what was removed before, when it is mounted with discard. */
    @Test
    void aFrozenFileSystemMayGiveBackBlocksWhileItIsCopied() throws Exception {
        Volume volume = ext4("v");
        Path root = stage(volume);
        Files.write(root.resolve("data"), random(MIB));
        assertThat(whileTheImageChanges(() -> snapshot("s", volume).ready())).isTrue();
        assertThat(stage(create("r", 0, false, of(snapshot("s", volume)))).resolve("data"))
                .hasSameBinaryContentAs(root.resolve("data"));
    }

    @Test
    void anImageThatNobodyShouldWriteToIsNotCopiedWhileItChanges() {
        Volume volume = ext4("v");
        assertThatThrownBy(() -> whileTheImageChanges(() -> snapshot("s", volume)))
                .satisfies(kind(Fault.Kind.BUSY))
                .hasMessageContaining("was written to");
    }

    private <T> T whileTheImageChanges(Supplier<T> copy) {
        Path image = fileSystem.root().resolve("fast/fast.v/volume.img");
        try (FailingCalls calls = FailingCalls.ask(call -> {
            if (call.equals("copy_file_range")) {
                try {
                    Files.setLastModifiedTime(image, FileTime.fromMillis(0));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
            return 0;
        })) {
            return copy.get();
        }
    }
}
