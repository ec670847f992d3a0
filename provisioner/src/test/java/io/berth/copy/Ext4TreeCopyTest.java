package io.berth.copy;

import io.berth.TestFileSystem;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

class Ext4TreeCopyTest extends TreeCopyContract {
    private TestFileSystem fileSystem;

    @BeforeAll
    void mount() {
        fileSystem = TestFileSystem.mount("ext4", 2L << 30);
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
    String type() {
        return "ext4";
    }

    @Override
    Rung rung() {
        return Rung.COPY_FILE_RANGE;
    }
}
