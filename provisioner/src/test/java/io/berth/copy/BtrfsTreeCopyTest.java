package io.berth.copy;

import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;

import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

class BtrfsTreeCopyTest extends TreeCopyContract {
    BtrfsTreeCopyTest() {
        super("btrfs", 2L << 30, Rung.CLONE);
    }

    @Test
    void aSubvolumeIsCopiedByOneSnapshotThatCanBeWrittenTo() throws IOException {
        try (Directory live = subvolume("live")) {
            shell(live.path(), "mkdir d; echo then > d/file");
            Copied result = new TreeCopy(live, parent, "copy", 2).run();
            shell(live.path(), "echo now > d/file");
            assertThat(result).isEqualTo(new Copied(Rung.SNAPSHOT, 0, 0, 0, 0));
            assertThat(copied().resolve("d/file")).hasContent("then");
            Files.writeString(copied().resolve("d/file"), "changed");
            assertThat(live.path().resolve("d/file")).hasContent("now");
            assertThat(Btrfs.destroySubvolume(parent, "copy")).isTrue();
        }
    }

    @Test
    void aSubvolumeWithSubvolumesIsClonedSoThatNothingIsMissing() {
        try (Directory live = subvolume("outer")) {
            shell(live.path(), "mkdir d; echo x > d/file");
            try (Directory folder = live.openDirectory("d").orElseThrow()) {
                Btrfs.createSubvolume(folder, "inner");
            }
            shell(live.path(), "echo y > d/inner/file");
            assertThat(new TreeCopy(live, parent, "copy", 2).run().rung()).isEqualTo(Rung.CLONE);
        }
        assertThat(copied().resolve("d/file")).hasContent("x");
        assertThat(copied().resolve("d/inner/file")).hasContent("y");
    }

    @Test
    void oneFileThatCannotBeClonedIsCopied() {
        shell(source, "mkdir d nocow; chattr +C nocow; head -c 1000000 /dev/urandom > nocow/f; cp nocow/f d/f");
        Copied result = copy();
        assertThat(result.rung()).isEqualTo(Rung.COPY_FILE_RANGE);
        assertThat(shell(copied(), "cmp nocow/f d/f")).isEmpty();
        assertThat(shell(source, "cmp nocow/f " + copied().resolve("nocow/f"))).isEmpty();
    }

    private Directory subvolume(String name) {
        assertThat(Btrfs.createSubvolume(from, name)).isTrue();
        return from.openDirectory(name).orElseThrow();
    }
}
