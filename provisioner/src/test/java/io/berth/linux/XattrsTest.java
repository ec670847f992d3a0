package io.berth.linux;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class XattrsTest {
    @TempDir
    private Path root;

    private Directory directory;

    @BeforeEach
    void open() {
        directory = Directory.open(root);
    }

    @AfterEach
    void close() {
        directory.close();
    }

    @Test
    void theyAgreeWithTheJdk() throws IOException {
        Path file = Files.createFile(root.resolve("file"));
        UserDefinedFileAttributeView view = Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
        view.write("jdk", ByteBuffer.wrap("from the JDK".getBytes(UTF_8)));
        try (PathHandle handle = PathHandle.open(directory, "file").orElseThrow()) {
            assertThat(Xattrs.get(handle, "user.jdk")).hasValue("from the JDK".getBytes(UTF_8));
            assertThat(Xattrs.set(handle, "user.ours", new byte[] {1, 0, -1})).isTrue();
            assertThat(Xattrs.list(handle)).containsExactlyInAnyOrder("user.jdk", "user.ours");
            assertThat(view.list()).containsExactlyInAnyOrder("jdk", "ours");
            assertThat(view.size("ours")).isEqualTo(3);
            assertThat(Xattrs.set(handle, "user.ours", new byte[0])).isTrue();
            assertThat(Xattrs.get(handle, "user.ours")).hasValue(new byte[0]);
            assertThat(Xattrs.remove(handle, "user.jdk")).isTrue();
            assertThat(Xattrs.remove(handle, "user.jdk")).isFalse();
            assertThat(Xattrs.get(handle, "user.jdk")).isEmpty();
            assertThat(view.list()).containsExactly("ours");
        }
    }

    @Test
    void thoseOfASymbolicLinkAreItsOwn() throws IOException {
        Files.createFile(root.resolve("file"));
        Files.createSymbolicLink(root.resolve("link"), Path.of("file"));
        try (PathHandle link = PathHandle.open(directory, "link").orElseThrow();
                PathHandle file = PathHandle.open(directory, "file").orElseThrow()) {
            assertThat(Xattrs.set(link, "trusted.mine", new byte[] {1})).isTrue();
            assertThat(Xattrs.list(link)).containsExactly("trusted.mine");
            assertThat(Xattrs.list(file)).isEmpty();
        }
    }

    @Test
    void manyNamesAreListedAllAndOneThatIsNotUtf8FindsItsValue() {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            names.add("user.name\udcfe-" + i);
            Xattrs.set(directory, names.getLast(), new byte[] {(byte) i});
        }
        assertThat(Xattrs.list(directory)).containsExactlyInAnyOrderElementsOf(names);
        assertThat(Xattrs.get(directory, names.getLast())).hasValue(new byte[] {39});
    }

    @Test
    void whereThereAreNoneNoneAreSeenOrSet() {
        try (Directory proc = Directory.open(Path.of("/proc/self"))) {
            assertThat(Xattrs.list(proc)).isEmpty();
            assertThat(Xattrs.get(proc, "trusted.x")).isEmpty();
        }
        assertThat(Xattrs.set(directory, "nonsense.x", new byte[1])).isFalse();
        assertThat(Xattrs.remove(directory, "nonsense.x")).isFalse();
    }
}
