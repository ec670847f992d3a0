package io.berth.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TestFileSystem;
import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import io.berth.volume.Ownership;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class BtrfsDirectoryFormatTest extends DirectoryFormatTest {
    private static TestFileSystem fileSystem;

    @BeforeAll
    static void mount() {
        fileSystem = TestFileSystem.mount("btrfs", 256 << 20);
    }

    @AfterAll
    static void unmount() {
        fileSystem.close();
    }

    @Override
    Path place() throws IOException {
        return Files.createTempDirectory(fileSystem.root(), "test");
    }

    @Test
    void aVolumeIsASubvolumeThoughNothingLimitsIt() {
        assertThat(format.create(volume("a/b", Ownership.ROOT))).isTrue();
        try (Directory parent = root.openDirectory("a").orElseThrow()) {
            assertThat(Btrfs.isSubvolume(root, "a")).isFalse();
            assertThat(Btrfs.isSubvolume(parent, "b")).isTrue();
        }
    }
}
