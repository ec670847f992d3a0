package io.berth.mount;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileSystemStatus;
import io.berth.linux.Linux;
import io.berth.linux.OpenDescriptors;
import io.berth.linux.PathHandle;
import io.berth.linux.SystemCallException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class MountsTest {
    @TempDir
    private Path root;

    private Path source;
    private Path target;
    private Directory directory;

    @BeforeEach
    void makeSourceAndTarget() throws IOException {
        root = root.toRealPath();
        source = Files.createDirectory(root.resolve("source"));
        target = Files.createDirectory(root.resolve("target"));
        Files.writeString(source.resolve("file"), "content");
        directory = Directory.open(source);
    }

    @AfterEach
    void unmountAll() {
        directory.close();
        List<MountPoint> mounts = new ArrayList<>(MountTable.read().mounts());
        for (MountPoint mount : mounts.reversed()) {
            if (mount.target().startsWith(root)) {
                Mounts.unmount(mount.target());
            }
        }
    }

    private static void assertErrno(int errno, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        SystemCallException.class,
                        e -> assertThat(e.errno()).as(e.getMessage()).isEqualTo(errno));
    }

    private static void run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
    }

    private static MountPoint mountAt(Path path) {
        return MountTable.read().at(path).orElseThrow();
    }

    @Test
    void theTestsRunAsRoot() {
        assertThat(Linux.geteuid()).isZero();
    }

    @Test
    void aFolderIsSeenAtItsTargetUntilItIsUnmounted() {
        Mounts.bind(directory, target, Set.of());
        assertThat(target.resolve("file")).hasContent("content");
        MountPoint mount = mountAt(target);
        assertThat(mount.root().endsWith(source.getFileName())).isTrue();
        assertThat(MountTable.read().of(new MountTable.Origin(mount.device(), mount.root())))
                .containsExactly(mount);
        assertThat(MountTable.read().containing(target.resolve("file"))).isEqualTo(mount);
        assertThat(Mounts.unmount(target)).isTrue();
        assertThat(target).isEmptyDirectory();
        assertThat(Mounts.unmount(target)).isFalse();
        assertThat(Mounts.unmount(root.resolve("missing"))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"two words", "new\nline", "tab\t", "back\\slash", "\\040", "Käse 🧀", "#", "-", "a,b:c=d"})
    void anyNameCanBeATarget(String name) throws IOException {
        Path odd = Files.createDirectory(root.resolve(name));
        Mounts.bind(directory, odd, Set.of());
        assertThat(odd.resolve("file")).hasContent("content");
        assertThat(mountAt(odd).target()).isEqualTo(odd);
        assertThat(Mounts.unmount(odd)).isTrue();
        assertThat(MountTable.read().at(odd)).isEmpty();
    }

    @Test
    void aReadOnlyMountRefusesWritesAndSaysSoInTheTable() {
        Mounts.bind(directory, target, MountOption.parse(List.of("ro,nosuid,nodev,noexec,noatime,nodiratime")));
        assertThat(mountAt(target).options())
                .contains("ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime")
                .doesNotContain("rw", "relatime");
        assertThat(mountAt(target).readOnly()).isTrue();
        assertThatThrownBy(() -> Files.writeString(target.resolve("new"), ""))
                .isInstanceOf(FileSystemException.class)
                .hasMessageContaining("Read-only");
        try (Directory mounted = Directory.open(target)) {
            assertThat(mounted.fileSystem().readOnly()).isTrue();
            assertThatThrownBy(() -> mounted.mkdir("new", 0700))
                    .isInstanceOfSatisfying(SystemCallException.class, e -> {
                        assertThat(e.errno()).isEqualTo(Errno.EROFS);
                        assertThat(e.kind()).isEqualTo(Fault.Kind.FAILED_PRECONDITION);
                    });
        }
        assertThat(directory.mkdir("new", 0700)).isTrue();
    }

    @Test
    void aBindTakesItsSourcesOptionsUnlessToldOtherwise() throws IOException {
        Mounts.bind(directory, target, MountOption.parse(List.of("ro", "nosuid", "noatime")));
        Path second = Files.createDirectory(root.resolve("second"));
        try (Directory mounted = Directory.open(target)) {
            Mounts.bind(mounted, second, MountOption.parse(List.of("rw", "relatime")));
        }
        assertThat(mountAt(second).options())
                .contains("rw", "nosuid", "relatime")
                .doesNotContain("noatime");
    }

    @Test
    void aFileIsMountedOnAFileAndAFifoToo() throws Exception {
        run("mkfifo", source.resolve("fifo").toString());
        Path file = Files.createFile(root.resolve("on-file"));
        for (String name : List.of("file", "fifo")) {
            try (PathHandle handle =
                    PathHandle.openBeneath(directory, Path.of(name)).orElseThrow()) {
                Mounts.bind(handle, file, Set.of(MountOption.RO));
            }
            assertThat(Files.getAttribute(file, "unix:ino"))
                    .isEqualTo(Files.getAttribute(source.resolve(name), "unix:ino"));
            assertThat(Mounts.unmount(file)).isTrue();
        }
    }

    @Test
    void aFolderAndAFileDoNotFitOnEachOther() throws IOException {
        Path file = Files.createFile(root.resolve("on-file"));
        assertErrno(Errno.ENOTDIR, () -> Mounts.bind(directory, file, Set.of()));
        try (PathHandle handle =
                PathHandle.openBeneath(directory, Path.of("file")).orElseThrow()) {
            assertErrno(Errno.EISDIR, () -> Mounts.bind(handle, target, Set.of()));
        }
        assertErrno(Errno.ENOENT, () -> Mounts.bind(directory, root.resolve("missing"), Set.of()));
    }

    @Test
    void aTargetThatIsASymbolicLinkIsNotFollowed() throws IOException {
        Path link = Files.createSymbolicLink(root.resolve("link"), target);
        assertErrno(Errno.ELOOP, () -> Mounts.bind(directory, link, Set.of()));
        assertErrno(Errno.ELOOP, () -> Mounts.tmpfs("berth:test", link, 4096, 0700, 0, 0, Set.of()));
        Mounts.bind(directory, target, Set.of());
        assertThat(Mounts.unmount(link)).isFalse();
        assertThat(target.resolve("file")).exists();
    }

    @Test
    void aTargetMustBeAbsoluteAndNotTheRoot() {
        for (Path path : List.of(Path.of("relative"), Path.of("/"), Path.of(""))) {
            assertThatIllegalArgumentException().isThrownBy(() -> Mounts.bind(directory, path, Set.of()));
            assertThatIllegalArgumentException().isThrownBy(() -> Mounts.unmount(path));
        }
    }

    @Test
    void unmountTakesAwayEveryLayer() {
        for (int i = 0; i < 5; i++) {
            Mounts.bind(directory, target, Set.of());
        }
        Mounts.tmpfs("berth:test", target, 1 << 20, 0700, 0, 0, Set.of());
        assertThat(mountAt(target).fsType()).isEqualTo("tmpfs");
        assertThat(Mounts.unmount(target)).isTrue();
        assertThat(MountTable.read().at(target)).isEmpty();
        assertThat(target).isEmptyDirectory();
    }

    @Test
    void aMountInUseIsTakenAwayToo() throws IOException {
        Files.createDirectory(source.resolve("below"));
        Mounts.bind(directory, target, Set.of());
        Mounts.tmpfs("berth:test", target.resolve("below"), 1 << 20, 0700, 0, 0, Set.of());
        try (Directory user = Directory.open(target)) {
            assertThat(Mounts.unmount(target)).isTrue();
            assertThat(target).isEmptyDirectory();
            assertThat(user.read("file", 100)).isPresent();
        }
        assertThat(MountTable.read().mounts()).noneMatch(mount -> mount.target().startsWith(root));
    }

    @Test
    void whatIsMountedBelowTheSourceIsNotTakenAlong() throws IOException {
        Path below = Files.createDirectory(source.resolve("below"));
        Mounts.tmpfs("berth:test", below, 1 << 20, 0700, 0, 0, Set.of());
        Files.createFile(below.resolve("hidden"));
        Mounts.bind(directory, target, Set.of());
        assertThat(target.resolve("below")).isEmptyDirectory();
    }

    @Test
    void mountsBelowTheSourceDoNotSpreadToTheTargetLater() throws Exception {
        Mounts.tmpfs("berth:test", source, 1 << 20, 0700, 0, 0, Set.of());
        run("mount", "--make-shared", source.toString());
        Files.createDirectory(source.resolve("below"));
        try (Directory shared = Directory.open(source)) {
            Mounts.bind(shared, target, Set.of());
        }
        Mounts.tmpfs("berth:test", source.resolve("below"), 1 << 20, 0700, 0, 0, Set.of());
        assertThat(MountTable.read().at(target.resolve("below"))).isEmpty();
    }

    @Test
    void aFileSystemInMemoryHasItsSizeModeAndOwner() throws IOException {
        Mounts.tmpfs("berth:test", target, 1 << 20, 02770, 12, 34, MountOption.parse(List.of("nosuid", "noexec")));
        assertThat(mountAt(target).options()).contains("nosuid", "noexec", "rw");
        try (Directory memory = Directory.open(target)) {
            FileSystemStatus status = memory.fileSystem();
            assertThat(status.totalBytes()).isEqualTo(1 << 20);
            assertThat(memory.status().mode()).isEqualTo(02770);
            assertThat(memory.status().uid()).isEqualTo(12);
            assertThat(memory.status().gid()).isEqualTo(34);
            assertThat(memory.status().mountRoot()).isTrue();
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Mounts.tmpfs("berth:test", target, 0, 0700, 0, 0, Set.of()));
    }

    @Test
    void aFileThatDoesNotFitIsNotLeftHalfWritten() {
        Mounts.tmpfs("berth:test", target, 64 << 10, 0700, 0, 0, Set.of());
        try (Directory memory = Directory.open(target)) {
            assertErrno(Errno.ENOSPC, () -> memory.create("big", new byte[1 << 20], 0600));
            assertThat(memory.status("big")).isEmpty();
            assertThat(memory.create("small", new byte[100], 0600)).isTrue();
        }
    }

    @Test
    void aFolderOnWhichSomethingIsMountedCannotBeMovedOrRemoved() {
        Mounts.bind(directory, target, Set.of());
        try (Directory parent = Directory.open(root)) {
            assertErrno(Errno.EBUSY, () -> parent.rmdir("target"));
            assertErrno(Errno.EBUSY, () -> parent.rename("target", parent, "moved"));
        }
    }

    @Test
    void noDescriptorIsLeftOpen() throws IOException {
        mountInEveryWay();
        long before = OpenDescriptors.count();
        for (int i = 0; i < 20; i++) {
            mountInEveryWay();
        }
        assertThat(OpenDescriptors.count()).isEqualTo(before);
    }

    private void mountInEveryWay() {
        Mounts.bind(directory, target, Set.of(MountOption.RO));
        Mounts.tmpfs("berth:test", target, 1 << 20, 0700, 0, 0, Set.of());
        assertErrno(Errno.ENOENT, () -> Mounts.bind(directory, root.resolve("missing"), Set.of()));
        assertErrno(
                Errno.ENOTDIR, () -> Mounts.tmpfs("berth:test", source.resolve("file"), 1 << 20, 0700, 0, 0, Set.of()));
        assertErrno(Errno.EINVAL, () -> Mounts.tmpfs("berth:test", target, 1 << 20, 0700, -1, 0, Set.of()));
        Mounts.unmount(target);
    }
}
