package io.berth.service;

import io.berth.TestFileSystem;
import io.berth.copy.Rung;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class Ext4SnapshotsTest extends SnapshotsContract {
    private TestFileSystem fileSystem;

    @BeforeAll
    void mount() {
        fileSystem = TestFileSystem.mount("ext4", 256L << 20);
    }

    @AfterAll
    void unmount() {
        fileSystem.close();
    }

    @Override
    Path fileSystem() {
        return fileSystem.root();
    }

    @Override
    Rung rung() {
        return Rung.COPY_FILE_RANGE;
    }
}
