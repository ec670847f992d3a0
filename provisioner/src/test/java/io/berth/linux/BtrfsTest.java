package io.berth.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TestFileSystem;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BtrfsTest {
    private TestFileSystem fileSystem;
    private Directory root;

    @BeforeAll
    void mount() {
        fileSystem = TestFileSystem.mount("btrfs", 256 << 20);
        root = Directory.open(fileSystem.root());
    }

    @AfterAll
    void unmount() {
        root.close();
        fileSystem.close();
    }

    private static void assertErrno(int errno, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        SystemCallException.class,
                        e -> assertThat(e.errno()).as(e.getMessage()).isEqualTo(errno));
    }

    private Directory open(String name) {
        return root.openDirectory(name).orElseThrow();
    }

    private Path path(String name) {
        return fileSystem.root().resolve(name);
    }

    @Test
    void aSubvolumeIsMadeOnceAndTakenAwayWithAllThatIsInIt() throws IOException {
        assertThat(Btrfs.createSubvolume(root, "made")).isTrue();
        assertThat(Btrfs.createSubvolume(root, "made")).isFalse();
        assertThat(root.mkdir("plain", 0700)).isTrue();
        try (Directory made = open("made");
                Directory plain = open("plain")) {
            assertThat(Btrfs.isSubvolume(root)).isTrue();
            assertThat(Btrfs.isSubvolume(made)).isTrue();
            assertThat(Btrfs.isSubvolume(plain)).isFalse();
        }
        Files.writeString(path("made/file"), "content");
        assertErrno(Errno.EINVAL, () -> Btrfs.destroySubvolume(root, "plain"));
        assertThat(Btrfs.destroySubvolume(root, "made")).isTrue();
        assertThat(path("made")).doesNotExist();
        assertThat(Btrfs.destroySubvolume(root, "made")).isFalse();
    }

    @Test
    void noDirectoryElsewhereIsASubvolume(@TempDir Path elsewhere) {
        try (Directory directory = Directory.open(elsewhere)) {
            assertThat(Btrfs.isSubvolume(directory)).isFalse();
            assertThat(Btrfs.createSnapshot(root, directory, "snapshot", false)).isFalse();
        }
        assertThat(elsewhere).isEmptyDirectory();
    }

    @Test
    void aSnapshotKeepsWhatWasAndIsReadOnlyWhenAsked() throws IOException {
        Btrfs.createSubvolume(root, "live");
        Files.writeString(path("live/file"), "then");
        try (Directory live = open("live")) {
            assertThat(Btrfs.createSnapshot(live, root, "frozen", true)).isTrue();
            assertThat(Btrfs.createSnapshot(live, root, "clone", false)).isTrue();
            assertErrno(Errno.EEXIST, () -> Btrfs.createSnapshot(live, root, "clone", false));
        }
        Files.writeString(path("live/file"), "now");
        Files.writeString(path("clone/file"), "other");
        assertThat(path("frozen/file")).hasContent("then");
        assertThatThrownBy(() -> Files.writeString(path("frozen/file"), "no"))
                .isInstanceOf(FileSystemException.class)
                .hasMessageContaining("Read-only");
        try (Directory frozen = open("frozen");
                Directory clone = open("clone")) {
            assertThat(Btrfs.isReadOnly(frozen)).isTrue();
            assertThat(Btrfs.isReadOnly(clone)).isFalse();
            Btrfs.setReadOnly(clone, true);
            assertThat(Btrfs.isReadOnly(clone)).isTrue();
            Btrfs.setReadOnly(frozen, false);
            Files.writeString(path("frozen/file"), "yes");
        }
        assertThat(Btrfs.destroySubvolume(root, "clone")).as("though read-only").isTrue();
    }

    @Test
    void subvolumesInSubvolumesAreSeenHoweverDeepAndMany() {
        Btrfs.createSubvolume(root, "outer");
        try (Directory outer = open("outer")) {
            assertThat(Btrfs.hasSubvolumes(outer)).isFalse();
            outer.mkdir("folder", 0700);
            try (Directory folder = outer.openDirectory("folder").orElseThrow()) {
                for (int i = 0; i < 300; i++) {
                    Btrfs.createSubvolume(folder, "inner" + i);
                    if (i == 0 || i == 299) {
                        assertThat(Btrfs.hasSubvolumes(outer)).isTrue();
                    }
                }
                assertErrno(Errno.ENOTEMPTY, () -> Btrfs.destroySubvolume(root, "outer"));
                for (int i = 0; i < 300; i++) {
                    Btrfs.destroySubvolume(folder, "inner" + i);
                }
            }
            assertThat(Btrfs.hasSubvolumes(outer)).isFalse();
        }
    }

    @Test
    void aSubvolumeIsOpenedAndDestroyedByItsIdWhereverItIs() throws IOException {
        Files.createDirectories(path("deep/down"));
        long id;
        try (Directory down = root.openBeneath(Path.of("deep/down")).orElseThrow()) {
            Btrfs.createSubvolume(down, "hidden");
            try (Directory hidden = down.openDirectory("hidden").orElseThrow()) {
                id = Btrfs.subvolumeId(hidden);
                assertThat(id).isNotEqualTo(Btrfs.subvolumeId(down));
                assertThat(Btrfs.isSubvolume(down, "hidden")).isTrue();
                assertThat(Btrfs.isSubvolume(root, "deep")).isFalse();
                try (Directory opened = Btrfs.openSubvolume(root, id).orElseThrow()) {
                    assertThat(opened.status()).isEqualTo(hidden.status());
                }
            }
        }
        assertThat(Btrfs.destroySubvolume(root, id)).isTrue();
        assertThat(path("deep/down")).isEmptyDirectory();
        assertThat(Btrfs.openSubvolume(root, id)).isEmpty();
        assertThat(Btrfs.destroySubvolume(root, id)).isFalse();
    }

    @Test
    void theSnapshotOfASubvolumeIsOpenedByItsIdToo() {
        Btrfs.createSubvolume(root, "origin");
        try (Directory origin = open("origin")) {
            Btrfs.createSnapshot(origin, root, "copy", true);
        }
        try (Directory copy = open("copy");
                Directory opened =
                        Btrfs.openSubvolume(root, Btrfs.subvolumeId(copy)).orElseThrow()) {
            assertThat(opened.status()).isEqualTo(copy.status());
            assertThat(Btrfs.isReadOnly(opened)).isTrue();
        }
    }
}
