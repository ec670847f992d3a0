package io.berth.copy;

import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;

import io.berth.linux.Directory;
import io.berth.linux.FileType;
import io.berth.linux.OpenFile;
import io.berth.linux.PathHandle;
import io.berth.linux.Project;
import io.berth.linux.RegularFile;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class XfsTreeCopyTest extends TreeCopyContract {
    XfsTreeCopyTest() {
        super("xfs", 2L << 30, Rung.CLONE);
    }

    @Test
    void projectsAreKeptAndThatOfThePlaceDoesNotGetIn() {
        shell(source, "mkdir mine plain; echo x > mine/own; echo y > plain/y; echo z > z");
        set(new Project(7, true), from, "mine");
        set(new Project(8, false), from, "z");
        assertThat(new Project(9, true).set(parent)).isTrue();
        copy();
        try (Directory to = parent.openDirectory("copy").orElseThrow()) {
            assertThat(Project.of(to)).hasValue(new Project(0, false));
            assertThat(of(to, "mine")).isEqualTo(new Project(7, true));
            assertThat(of(to, "mine/own")).isEqualTo(new Project(0, false));
            assertThat(of(to, "plain/y")).isEqualTo(new Project(0, false));
            assertThat(of(to, "z")).isEqualTo(new Project(8, false));
        }
    }

    @Test
    void aHoleCountsForNothingHoweverLongItIs() {
        shell(source, "truncate -s 1T hole; echo x > file");
        Progress progress = new Progress(1 << 20, Long.MAX_VALUE, copy -> {});
        Copied result = new TreeCopy(from, parent, "copy", 2, progress).run();
        assertThat(result.bytes()).isEqualTo(2);
        assertThat(copied().resolve("hole")).hasSize(1L << 40);
    }

    private static void set(Project project, Directory directory, String path) {
        try (OpenFile file = open(directory, path)) {
            assertThat(project.set(file)).isTrue();
        }
    }

    private static Project of(Directory directory, String path) {
        try (OpenFile file = open(directory, path)) {
            return Project.of(file).orElseThrow();
        }
    }

    private static OpenFile open(Directory directory, String path) {
        try (PathHandle handle =
                PathHandle.openBeneath(directory, Path.of(path)).orElseThrow()) {
            return handle.status().type() == FileType.DIRECTORY
                    ? directory.openBeneath(Path.of(path)).orElseThrow()
                    : RegularFile.open(handle);
        }
    }
}
