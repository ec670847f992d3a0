package io.berth.service;

import io.berth.TestFileSystem;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;

/** The same where a copy is a snapshot of a subvolume. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BtrfsSnapshotRecoveryTest extends SnapshotRecoveryTest {
    private TestFileSystem fileSystem;

    @BeforeAll
    void mount() {
        fileSystem = TestFileSystem.mount("btrfs", 512L << 20);
    }

    @AfterAll
    void unmount() {
        fileSystem.close();
    }

    @Override
    Path fileSystem() {
        return fileSystem.root();
    }
}
