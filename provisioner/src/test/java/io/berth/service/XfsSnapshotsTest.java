package io.berth.service;

import io.berth.TestFileSystem;
import io.berth.copy.Rung;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class XfsSnapshotsTest extends SnapshotsContract {
    private TestFileSystem fileSystem;

    @BeforeAll
    void mount() {
        fileSystem = TestFileSystem.mount("xfs", 512L << 20);
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
        return Rung.CLONE;
    }
}
