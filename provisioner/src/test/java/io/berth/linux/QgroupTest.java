package io.berth.linux;

import static io.berth.TestFileSystem.run;
import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TestFileSystem;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class QgroupTest {
    private TestFileSystem fileSystem;
    private Directory root;

    @BeforeEach
    void mount() {
        fileSystem = TestFileSystem.mount("btrfs", 256 << 20);
        root = Directory.open(fileSystem.root());
    }

    @AfterEach
    void unmount() {
        root.close();
        fileSystem.close();
    }

    private Directory subvolume(String name) {
        assertThat(Btrfs.createSubvolume(root, name)).isTrue();
        return root.openDirectory(name).orElseThrow();
    }

    @Test
    void nothingIsLimitedUntilQuotasAreOn() {
        try (Directory volume = subvolume("volume")) {
            assertThat(BtrfsQuota.isOn(volume)).isFalse();
            assertThat(Qgroup.of(volume)).isEmpty();
            assertThat(Qgroup.limit(volume, OptionalLong.of(1 << 20))).isFalse();
            run("btrfs", "quota", "enable", fileSystem.root().toString());
            assertThat(BtrfsQuota.isOn(volume)).isTrue();
            assertThat(Qgroup.limit(volume, OptionalLong.of(1 << 20))).isTrue();
            run("btrfs", "quota", "disable", fileSystem.root().toString());
            assertThat(BtrfsQuota.isOn(volume)).isFalse();
        }
    }

    @Test
    void aLimitIsSetChangedAndTakenAway() {
        run("btrfs", "quota", "enable", fileSystem.root().toString());
        try (Directory volume = subvolume("volume")) {
            assertThat(Qgroup.of(volume).orElseThrow().limit()).isEmpty();
            Qgroup.limit(volume, OptionalLong.of(12_345_678));
            assertThat(Qgroup.of(volume).orElseThrow().limit()).hasValue(12_345_678);
            Qgroup.limit(volume, OptionalLong.of(23_456_789));
            assertThat(Qgroup.of(volume).orElseThrow().limit()).hasValue(23_456_789);
            Qgroup.limit(volume, OptionalLong.empty());
            assertThat(Qgroup.of(volume).orElseThrow().limit()).isEmpty();
        }
    }

    @Test
    void whatASubvolumeRefersToIsCounted() {
        run("btrfs", "quota", "enable", fileSystem.root().toString());
        try (Directory volume = subvolume("volume")) {
            shell(volume.path(), "head -c 10000000 /dev/urandom > file");
            volume.syncfs();
            assertThat(Qgroup.of(volume).orElseThrow().referenced()).isBetween(10_000_000L, 10_500_000L);
            volume.mkdir("folder", 0700);
            try (Directory folder = volume.openDirectory("folder").orElseThrow()) {
                assertThat(Qgroup.of(folder)).isEqualTo(Qgroup.of(volume));
            }
        }
    }

    @Test
    void onlyTheGroupsOfSubvolumesThatAreGoneAreForgotten() {
        run("btrfs", "quota", "enable", fileSystem.root().toString());
        subvolume("gone").close();
        try (Directory volume = subvolume("volume")) {
            Btrfs.destroySubvolume(root, "gone");
            run("btrfs", "subvolume", "sync", fileSystem.root().toString());
            root.syncfs();
            Qgroup.removeStale(root);
            assertThat(groups()).containsExactly("0/5", "0/" + Btrfs.subvolumeId(volume));
        }
    }

    @Test
    void groupsAreForgottenWhileSubvolumesGoAndTheCountStaysRight() {
        run("btrfs", "quota", "enable", fileSystem.root().toString());
        run("btrfs", "quota", "rescan", "-W", fileSystem.root().toString());
        for (int round = 0; round < 15; round++) {
            for (int i = 0; i < 4; i++) {
                try (Directory volume = subvolume("volume" + i)) {
                    shell(volume.path(), "head -c 4000000 /dev/zero > file");
                }
            }
            root.syncfs();
            for (int i = 0; i < 4; i++) {
                Btrfs.destroySubvolume(root, "volume" + i);
            }
            while (groups().size() > 1) {
                Qgroup.removeStale(root);
            }
            root.syncfs();
            assertThat(BtrfsQuota.of(root))
                    .hasValueSatisfying(quota -> assertThat(quota.isSure()).isTrue());
        }
    }

    @Test
    void aGroupIsLeftAsLongAsItsSubvolumeIsClearedAway() {
        run("btrfs", "quota", "enable", fileSystem.root().toString());
        try (Directory volume = subvolume("volume")) {
            Btrfs.destroySubvolume(root, "volume"); // it is open, so it stays
            assertThat(Qgroup.removeStale(root)).isTrue();
            assertThat(groups()).contains("0/" + Btrfs.subvolumeId(volume));
        }
        run("btrfs", "subvolume", "sync", fileSystem.root().toString());
        root.syncfs();
        assertThat(Qgroup.removeStale(root)).isFalse();
        assertThat(groups()).containsExactly("0/5");
    }

    private List<String> groups() {
        return run("btrfs", "qgroup", "show", fileSystem.root().toString())
                .lines()
                .filter(line -> line.startsWith("0/"))
                .map(line -> line.substring(0, line.indexOf(' ')))
                .toList();
    }

    @Test
    void otherFileSystemsHaveNone(@TempDir Path elsewhere) {
        try (Directory directory = Directory.open(elsewhere)) {
            assertThat(BtrfsQuota.isOn(directory)).isFalse();
            Qgroup.removeStale(directory);
            assertThat(Qgroup.of(directory)).isEmpty();
            assertThat(Qgroup.limit(directory, OptionalLong.of(1))).isFalse();
        }
    }
}
