package io.berth.format;

import io.berth.TestFileSystem;
import io.berth.volume.FileSystemType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Runs where root has CAP_SYS_RESOURCE: see {@link Ext4GrowthTest}. */
class Ext4Growth extends ImageGrowthContract {
    private static TestFileSystem fileSystem;

    @BeforeAll
    static void mount() {
        fileSystem = TestFileSystem.mount("ext4", 1L << 30);
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
    FileSystemType type() {
        return FileSystemType.EXT4;
    }

    @Override
    long capacity() {
        return 64 << 20;
    }
}
