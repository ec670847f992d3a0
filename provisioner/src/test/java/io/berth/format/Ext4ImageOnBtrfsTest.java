package io.berth.format;

import io.berth.TestFileSystem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

class Ext4ImageOnBtrfsTest extends Ext4ImageFormatTest {
    private static TestFileSystem fileSystem;

    @BeforeAll
    static void mount() {
        fileSystem = TestFileSystem.mount("btrfs", 1L << 30);
    }

    @AfterAll
    static void unmount() {
        fileSystem.close();
    }

    @Override
    Path place() throws IOException {
        return Files.createTempDirectory(fileSystem.root(), "test");
    }

    @Override
    boolean directIo() {
        return false;
    }

    @Override
    boolean clones() {
        return true;
    }
}
