package io.berth.hostpath;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.fault.Fault;
import io.berth.linux.PathHandle;
import io.berth.mount.Mounts;
import io.berth.pool.Pool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A pool lies at {@code srv/pool}; {@code alias} is a symbolic link to {@code srv}, {@code bound} a bind mount of it, and
 * {@code deep} one of a folder of the pool.
 */
class HostPathsTest {
    @TempDir
    Path folder;

    private Path pool;

    @BeforeEach
    void make() throws Exception {
        folder = folder.toRealPath();
        pool = folder.resolve("srv/pool");
        Pool.open(TemporaryPool.config(folder.resolve("srv"), "pool", "local", ""))
                .close();
        Files.createDirectories(pool.resolve("pool.victim/data"));
        Files.writeString(pool.resolve("pool.victim/file"), "secret");
        Files.createDirectory(folder.resolve("srv/other"));
        Files.writeString(folder.resolve("srv/file"), "beside the pool");
        Files.createSymbolicLink(folder.resolve("alias"), folder.resolve("srv"));
        bind("srv", "bound");
        bind("srv/pool/pool.victim", "deep");
    }

    @AfterEach
    void unmount() {
        TemporaryPool.unmountBelow(folder);
    }

    private void bind(String from, String to) throws Exception {
        Files.createDirectories(folder.resolve(to));
        Mounts.bind(folder.resolve(from), folder.resolve(to), Set.of(), Optional.empty());
    }

    private HostPaths hostPaths(Supplier<List<Path>> pools) {
        return new HostPaths(
                List.of(folder, folder.resolve("alias"), folder.resolve("bound"), folder.resolve("deep")), pools);
    }

    private static void open(HostPaths paths, Path path, HostPathType type) {
        try (PathHandle handle = paths.open(new HostPath(path, type, false))) {
            assertThat(handle.status().inode()).isPositive();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                ".",
                "srv",
                "srv/pool",
                "srv/pool/.berth",
                "srv/pool/.berth/volumes",
                "srv/pool/.berth/pool.json",
                "srv/pool/pool.victim",
                "srv/pool/pool.victim/file",
                "alias",
                "alias/pool",
                "alias/pool/.berth",
                "alias/pool/pool.victim",
                "bound",
                "bound/pool/.berth/volumes",
                "bound/pool/pool.victim/file",
                "deep",
                "deep/data",
                "deep/file"
            })
    void nothingOfAPoolIsOpenedWhoeverServesItAndHoweverItIsSpelled(String path) {
        for (Supplier<List<Path>> known : List.<Supplier<List<Path>>>of(List::of, () -> List.of(pool))) {
            assertThatThrownBy(() -> open(hostPaths(known), folder.resolve(path).normalize(), HostPathType.UNSET))
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.FAILED_PRECONDITION))
                    .hasMessageContaining(" the pool /");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"srv/other", "srv/file", "alias/other", "alias/file", "bound/other", "bound/file"})
    void whatLiesBesideAPoolIsOpened(String path) {
        for (Supplier<List<Path>> known : List.<Supplier<List<Path>>>of(List::of, () -> List.of(pool))) {
            open(hostPaths(known), folder.resolve(path), HostPathType.UNSET);
        }
    }

    /** The folder {@code bound} is a bind mount, as any folder of the host is in a container. */
    @Test
    void aPathThatAwaitsAFileSystemIsOpenedOnlyWhileItLiesOnOne() throws Exception {
        Path disk = folder.resolve("bound/other");
        HostPath there = new HostPath(disk, HostPathType.DIRECTORY, true);
        HostPath missing = new HostPath(disk.resolve("a/b"), HostPathType.DIRECTORY_OR_CREATE, true);
        HostPaths paths = hostPaths(List::of);
        for (HostPath path : List.of(there, missing)) {
            assertThatThrownBy(() -> paths.open(path))
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.UNAVAILABLE))
                    .hasMessageMatching("no file system but that of / is mounted at host path " + path.path()
                            + " or above it, what shows at .*/bound is the folder .*/srv of .* \\(.*\\); mount it"
                            + " there, then the path is used again \\(mounted=true\\)");
        }
        assertThat(disk).isEmptyDirectory();

        Mounts.tmpfs("disk", disk, 1 << 20, 0755, 0, 0, Set.of());
        for (HostPath path : List.of(there, missing)) {
            try (PathHandle handle = paths.open(path)) {
                assertThat(handle.fileSystem().totalBytes()).isEqualTo(1 << 20);
            }
        }
    }

    /** A bind mount shows nothing of what is mounted below it. */
    @Test
    void aPoolOnADiskOfItsOwnBelowAFolderIsNotShown() throws Exception {
        Path disk = Files.createDirectories(folder.resolve("data/disk"));
        Mounts.tmpfs("disk", disk, 1 << 20, 0755, 0, 0, Set.of());
        Pool.open(TemporaryPool.config(folder.resolve("data"), "disk", "local", ""))
                .close();
        open(new HostPaths(List.of(folder.resolve("data"))), folder.resolve("data"), HostPathType.DIRECTORY);
    }

    @ParameterizedTest
    @ValueSource(strings = {"srv/pool/new", "alias/pool/pool.victim/a/b", "bound/pool/new", "deep/new"})
    void nothingIsMadeInAPool(String path) {
        for (HostPathType type : List.of(HostPathType.DIRECTORY_OR_CREATE, HostPathType.FILE_OR_CREATE)) {
            assertThatThrownBy(() -> open(hostPaths(List::of), folder.resolve(path), type))
                    .isInstanceOf(Fault.class);
        }
        assertThat(TemporaryPool.names(pool)).containsExactly(".berth", "pool.victim");
        assertThat(TemporaryPool.names(pool.resolve("pool.victim"))).containsExactly("data", "file");
    }

    @Test
    void anAllowedFolderThatReachesIntoAPoolIsTold() {
        Path above = folder.resolve("srv");
        assertThat(new HostPaths(List.of(above), List.of(folder.resolve("deep")), List::of).problems())
                .satisfiesExactly(
                        text -> assertThat(text).startsWith("--allow-host-path " + above + " holds the pool " + pool),
                        text -> assertThat(text)
                                .startsWith("--allow-inline-host-path")
                                .contains("lies in the pool"));
        assertThat(new HostPaths(List.of(above.resolve("other"), folder.resolve("absent"))).problems())
                .isEmpty();
    }

    @Test
    void aPathWithALineBreakIsToldOnOneLine() {
        assertThatThrownBy(() -> open(hostPaths(List::of), Path.of("/allow\n/x"), HostPathType.UNSET))
                .hasMessageContaining("/allow\\u000a/x")
                .satisfies(thrown -> assertThat(thrown.getMessage()).hasLineCount(1));
    }
}
