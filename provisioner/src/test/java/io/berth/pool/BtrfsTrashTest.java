package io.berth.pool;

import static io.berth.TestFileSystem.run;
import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TestFileSystem;
import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import io.berth.volume.PoolName;
import io.berth.volume.VolumeId;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BtrfsTrashTest {
    private static final VolumeId ID = new VolumeId(new PoolName("fast"), "a");

    private TestFileSystem fileSystem;
    private Directory root;
    private Trash trash;

    @BeforeEach
    void open() {
        fileSystem = TestFileSystem.mount("btrfs", 256 << 20);
        root = Directory.open(fileSystem.root());
        trash = new Trash(root);
    }

    @AfterEach
    void close() {
        trash.close();
        root.close();
        fileSystem.close();
    }

    private void putAndReapAll() {
        trash.put(root, "data", ID);
        assertThat(fileSystem.root().resolve("data")).doesNotExist();
        for (int i = 0; i < 10_000 && trash.reap(10).more(); i++) {}
        assertThat(trash.count()).isZero();
        assertThat(subvolumes()).isEmpty();
    }

    private String subvolumes() {
        return run("btrfs", "subvolume", "list", fileSystem.root().toString());
    }

    private void subvolume(String parent, String name) {
        try (Directory folder = root.openBeneath(Path.of(parent)).orElseThrow()) {
            assertThat(Btrfs.createSubvolume(folder, name)).isTrue();
        }
    }

    @Test
    void aSubvolumeGoesInOneStepWhateverItHolds() {
        subvolume(".", "data");
        shell(root.path(), "cd data; mkdir -p a/b/c; for i in $(seq 500); do echo x > a/b/$i; done; chattr +i a/b/1");
        trash.put(root, "data", ID);
        assertThat(trash.reap(1).removed()).isEqualTo(1);
        assertThat(subvolumes()).isEmpty();
    }

    @Test
    void subvolumesThatWereMadeInItGoFirst() {
        subvolume(".", "data");
        shell(root.path(), "mkdir -p data/a/b");
        String at = "data/a/b";
        for (int depth = 0; depth < 50; depth++) {
            subvolume(at, "inner");
            shell(root.path().resolve(at), "mkdir inner/folder; echo x > inner/folder/file");
            at += "/inner/folder";
        }
        for (int i = 0; i < 300; i++) {
            subvolume("data/a", "more" + i);
        }
        putAndReapAll();
    }

    @Test
    void whatNobodyCanWriteToGoesToo() {
        subvolume(".", "data");
        subvolume("data", "middle");
        subvolume("data/middle", "inner");
        for (String name : new String[] {"data/middle/inner", "data/middle", "data"}) {
            try (Directory subvolume = root.openBeneath(Path.of(name)).orElseThrow()) {
                Btrfs.setReadOnly(subvolume, true);
            }
        }
        putAndReapAll();
    }

    @Test
    void aPlainFolderGoesWithTheSubvolumesInIt() {
        shell(root.path(), "mkdir -p data/a/b; echo x > data/a/file");
        subvolume("data", "empty");
        subvolume("data/a", "full");
        subvolume("data/a", "frozen");
        shell(root.path(), "mkdir -p data/a/full/b; echo x > data/a/full/b/file; echo x > data/a/frozen/file");
        try (Directory frozen = root.openBeneath(Path.of("data/a/frozen")).orElseThrow()) {
            Btrfs.setReadOnly(frozen, true);
        }
        putAndReapAll();
    }
}
