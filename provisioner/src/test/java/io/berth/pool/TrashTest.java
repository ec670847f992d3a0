package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.linux.Directory;
import io.berth.volume.PoolName;
import io.berth.volume.VolumeId;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrashTest {
    private static final VolumeId ID = new VolumeId(new PoolName("fast"), "a");

    @TempDir
    Path folder;

    private Directory root;
    private Trash trash;

    @BeforeEach
    void open() {
        root = Directory.open(folder);
        trash = new Trash(root);
    }

    @AfterEach
    void close() {
        trash.close();
        root.close();
    }

    private void reapAll(int step) {
        for (int i = 0; i < 100_000 && trash.reap(step).more(); i++) {}
    }

    @Test
    void aDeepTreeIsEmptiedInBoundedSteps() throws Exception {
        Path deep = folder.resolve("data");
        for (int level = 0; level < 60; level++) {
            deep = deep.resolve("level" + level);
            Files.createDirectories(deep);
            Files.writeString(deep.resolve("file"), "x");
            Files.createDirectory(deep.resolve("empty"));
        }
        trash.put(root, "data", ID);
        assertThat(folder.resolve("data")).doesNotExist();
        assertThat(trash.reap(10).removed()).isBetween(1, 20);
        reapAll(10);
        assertThat(TemporaryPool.names(folder.resolve("trash"))).isEmpty();
    }

    @Test
    void aChainOfFoldersGoesInOneStepAsItWouldInOneFolder() {
        TestFileSystem.shell(folder, "mkdir data; cd data; for i in $(seq 500); do mkdir d; cd d; done; echo x > file");
        trash.put(root, "data", ID);
        Trash.Reaped reaped = trash.reap(2000);
        assertThat(reaped.removed()).isEqualTo(502);
        assertThat(reaped.more()).isFalse();
        assertThat(trash.count()).isZero();
    }

    @Test
    void foldersThatAreOnlyMovedUpAreWorkDoneAndMoreIsToCome() {
        TestFileSystem.shell(folder, "mkdir -p $(seq -f 'data/%g/d' 300)");
        trash.put(root, "data", ID);
        Trash.Reaped reaped = trash.reap(100);
        assertThat(reaped.more()).isTrue();
        assertThat(trash.count()).isBetween(1L, 101L);
        reapAll(100);
        assertThat(trash.count()).isZero();
    }

    @Test
    void whatCannotBeRemovedEndsAStepAndIsTold() {
        TestFileSystem.shell(folder, "mkdir -p data/a/b data/c; echo x > data/a/b/kept; chattr +i data/a/b/kept");
        trash.put(root, "data", ID);
        try {
            Trash.Reaped reaped = trash.reap(1000);
            assertThat(reaped.more()).isFalse();
            assertThat(reaped.stuck()).isEqualTo(1);
            assertThat(reaped.firstStuck().orElseThrow().getMessage()).contains("kept");
        } finally {
            TestFileSystem.shell(folder, "chattr -R -i trash");
        }
    }

    @Test
    void symbolicLinksAreRemovedAndNotFollowed() throws Exception {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        Files.writeString(outside.resolve("precious"), "x");
        Path data = Files.createDirectory(folder.resolve("data"));
        Files.createSymbolicLink(data.resolve("link"), outside);
        trash.put(root, "data", ID);
        reapAll(1000);
        assertThat(trash.count()).isZero();
        assertThat(outside.resolve("precious")).exists();
    }

    @Test
    void aLinkPlantedWhereTheVolumeLayIsOnlyALink() throws Exception {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        Files.writeString(outside.resolve("precious"), "x");
        Files.createSymbolicLink(folder.resolve("data"), outside);
        trash.put(root, "data", ID);
        reapAll(1000);
        assertThat(trash.count()).isZero();
        assertThat(outside.resolve("precious")).exists();
    }

    @Test
    void countingStopsWhereItIsTold() throws Exception {
        for (int i = 0; i < 5; i++) {
            Files.createDirectory(folder.resolve("data" + i));
            trash.put(root, "data" + i, ID);
        }
        assertThat(trash.countUpTo(3)).isEqualTo(3);
        assertThat(trash.countUpTo(1000)).isEqualTo(5);
        assertThat(trash.count()).isEqualTo(5);
    }

    @Test
    void whatIsGoneIsNothingToPut() {
        trash.put(root, "data", ID);
        assertThat(trash.count()).isZero();
    }
}
