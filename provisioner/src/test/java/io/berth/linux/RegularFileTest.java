package io.berth.linux;

import static io.berth.TestFileSystem.run;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TestFileSystem;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** On XFS, which can share blocks and has projects. */
@Timeout(60)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RegularFileTest {
    private TestFileSystem fileSystem;
    private Directory root;

    @BeforeAll
    void mount() {
        fileSystem = TestFileSystem.mount("xfs", 300 << 20);
        root = Directory.open(fileSystem.root());
    }

    @AfterAll
    void unmount() {
        root.close();
        fileSystem.close();
    }

    private RegularFile create(String name) {
        return RegularFile.create(root, name, 0600).orElseThrow();
    }

    private Path path(String name) {
        return fileSystem.root().resolve(name);
    }

    @Test
    void aFileIsMadeOnceAndReadBackThroughAHandleThatWasHeldWhileItMoved() throws IOException {
        byte[] content = new byte[100_000];
        new Random(1).nextBytes(content);
        try (RegularFile made = create("made")) {
            made.pwrite(ByteBuffer.wrap(content), 5);
            assertThat(made.status().size()).isEqualTo(100_005);
        }
        assertThat(RegularFile.create(root, "made", 0600)).isEmpty();
        try (PathHandle handle = PathHandle.open(root, "made").orElseThrow()) {
            root.rename("made", root, "moved");
            Files.writeString(path("made"), "another");
            try (RegularFile file = RegularFile.open(handle)) {
                ByteBuffer direct = ByteBuffer.allocateDirect(200_000).position(7);
                assertThat(file.pread(direct, 5)).isEqualTo(content.length);
                byte[] read = new byte[content.length];
                direct.flip().position(7).get(read);
                assertThat(read).isEqualTo(content);
                assertThat(file.pread(ByteBuffer.allocate(10), 100_005)).isEqualTo(-1);
            }
        }
    }

    @Test
    void readingLeavesTheAccessTimeAlone(@TempDir Path elsewhere) throws IOException {
        Files.writeString(elsewhere.resolve("file"), "content");
        Instant old = Instant.parse("2001-02-03T04:05:06.123456789Z");
        try (Directory directory = Directory.open(elsewhere);
                PathHandle handle = PathHandle.open(directory, "file").orElseThrow();
                RegularFile file = RegularFile.open(handle)) {
            handle.utimens(old, old);
            assertThat(file.pread(ByteBuffer.allocate(10), 0)).isEqualTo(7);
            assertThat(handle.status().accessed()).isEqualTo(old);
            assertThat(handle.status().modified()).isEqualTo(old);
        }
    }

    @Test
    void aCloneHasAllTheDataAndTakesNoRoom() throws IOException {
        byte[] content = new byte[32 << 20];
        new Random(2).nextBytes(content);
        Files.write(path("shared"), content);
        run("sync", "-f", path("shared").toString());
        long free = root.fileSystem().freeBytes();
        try (PathHandle handle = PathHandle.open(root, "shared").orElseThrow();
                RegularFile source = RegularFile.open(handle);
                RegularFile clone = create("clone")) {
            assertThat(clone.ficlone(source)).isTrue();
        }
        assertThat(path("clone")).hasBinaryContent(content);
        assertThat(free - root.fileSystem().freeBytes()).isLessThan(4 << 20);
    }

    @Test
    void whatCannotBeSharedOrCopiedByTheKernelIsSaid(@TempDir Path elsewhere) throws IOException {
        Files.writeString(path("here"), "content");
        try (Directory other = Directory.open(elsewhere);
                RegularFile there = RegularFile.create(other, "there", 0600).orElseThrow();
                PathHandle handle = PathHandle.open(root, "here").orElseThrow();
                RegularFile here = RegularFile.open(handle)) {
            assertThat(there.ficlone(here)).isFalse();
            assertThat(there.copyFileRange(here, 0, 7)).isEmpty();
            assertThat(there.status().size()).isZero();
        }
    }

    @Test
    void aRangeIsCopiedToTheSamePlaceAndTheEndIsZero() throws IOException {
        Files.writeString(path("range"), "0123456789");
        try (PathHandle handle = PathHandle.open(root, "range").orElseThrow();
                RegularFile source = RegularFile.open(handle);
                RegularFile target = create("part")) {
            assertThat(target.copyFileRange(source, 4, 3)).hasValue(3);
            assertThat(target.copyFileRange(source, 10, 3)).hasValue(0);
            target.ftruncate(8);
        }
        assertThat(Files.readString(path("part"), UTF_8)).isEqualTo("\0\0\0\000456\0");
    }

    @Test
    void aProjectIsKeptAndInheritedWhereThereAreProjects() throws IOException {
        root.mkdir("project", 0700);
        try (Directory directory = root.openDirectory("project").orElseThrow()) {
            assertThat(Project.of(directory)).hasValue(new Project(0, false));
            assertThat(new Project(4_000_000_000L, true).set(directory)).isTrue();
            assertThat(Project.of(directory)).hasValue(new Project(4_000_000_000L, true));
            try (RegularFile inside =
                    RegularFile.create(directory, "inside", 0600).orElseThrow()) {
                assertThat(Project.of(inside)).hasValue(new Project(4_000_000_000L, false));
            }
            assertThat(new Project(0, false).set(directory)).isTrue();
            assertThat(Project.of(directory)).hasValue(new Project(0, false));
        }
        try (Directory proc = Directory.open(Path.of("/proc/self"))) {
            assertThat(Project.of(proc)).isEmpty();
            assertThat(new Project(7, false).set(proc)).isFalse();
        }
    }
}
