package io.berth.linux;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TestFileSystem;
import io.berth.mount.MountTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class DirectoryTest {
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

    private static void assertErrno(int errno, ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        SystemCallException.class,
                        e -> assertThat(e.errno()).as(e.getMessage()).isEqualTo(errno));
    }

    private static String output(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String text = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor()).as(text).isZero();
        return text.strip();
    }

    @Test
    void aPathThatIsLongerThanAPathCanBeIsToldWithoutItsMiddle() {
        String name = "d".repeat(200);
        Directory at = directory.again();
        for (int i = 0; i < 100; i++) {
            at.mkdir(name, 0700);
            Directory above = at;
            at = above.openDirectory(name).orElseThrow();
            above.close();
        }
        try (Directory last = at) {
            assertThat(last.path().toString())
                    .startsWith(root + "/ddd")
                    .contains("/…/")
                    .hasSizeLessThan(4096);
            try (Directory above = last.openParent();
                    Directory again = above.openDirectory(name).orElseThrow()) {
                assertThat(again.status().isSameFile(last.status())).isTrue();
            }
        }
        TestFileSystem.run("rm", "-rf", root.resolve(name).toString()); // which is more than Java can
    }

    @Test
    void theRootMayBeReachedThroughSymbolicLinksAndMustBeADirectory() throws IOException {
        Files.createDirectory(root.resolve("real"));
        Files.createSymbolicLink(root.resolve("link"), Path.of("real"));
        Files.writeString(root.resolve("file"), "");
        try (Directory opened = Directory.open(root.resolve("link"))) {
            assertThat(opened.path()).isEqualTo(root.resolve("link"));
        }
        assertErrno(Errno.ENOENT, () -> Directory.open(root.resolve("missing")));
        assertErrno(Errno.ENOTDIR, () -> Directory.open(root.resolve("file")));
        assertThatIllegalArgumentException().isThrownBy(() -> Directory.open(Path.of("real")));
    }

    @ParameterizedTest
    @ValueSource(ints = {0700, 0777, 02775, 01777, 0, 07777})
    void aNewDirectoryHasExactlyTheModeWhateverUmaskAndParentAre(int mode) {
        directory.chmod(02777);
        assertThat(directory.mkdir("made", mode)).isTrue();
        FileStatus status = directory.status("made").orElseThrow();
        assertThat(status.type()).isEqualTo(FileType.DIRECTORY);
        assertThat(status.mode()).isEqualTo(mode);
        assertThat(directory.mkdir("made", 0700)).isFalse();
        assertThat(directory.status("made").orElseThrow().mode()).isEqualTo(mode);
    }

    @Test
    void whatIsMissingIsEmptyOrFalse() {
        assertThat(directory.openDirectory("x")).isEmpty();
        assertThat(directory.openBeneath(Path.of("x/y"))).isEmpty();
        assertThat(PathHandle.openBeneath(directory, Path.of("x/y"))).isEmpty();
        assertThat(directory.read("x", 10)).isEmpty();
        assertThat(directory.status("x")).isEmpty();
        assertThat(directory.unlink("x")).isFalse();
        assertThat(directory.rmdir("x")).isFalse();
        assertThat(directory.rename("x", directory, "y")).isFalse();
        assertErrno(Errno.ENOENT, () -> directory.link("x", directory, "y"));
    }

    @Test
    void renamingIntoARemovedDirectoryIsNotTakenForAMissingFile() throws IOException {
        directory.mkdir("to", 0700);
        directory.create("file", new byte[0], 0600);
        try (Directory to = directory.openDirectory("to").orElseThrow()) {
            directory.rmdir("to");
            assertErrno(Errno.ENOENT, () -> directory.rename("file", to, "file"));
            assertThat(to.list(0, 1).entries()).isEmpty();
        }
        assertThat(root.resolve("file")).exists();
    }

    @Test
    void aFileIsCreatedOnceAndReadBack() throws IOException {
        byte[] content = new byte[300_000];
        new Random(1).nextBytes(content);
        assertThat(directory.create("file", content, 0600)).isTrue();
        assertThat(directory.create("file", new byte[] {1}, 0600)).isFalse();
        assertThat(directory.read("file", content.length)).hasValue(content);
        assertThat(directory.status("file").orElseThrow().mode()).isEqualTo(0600);
        assertThat(directory.create("empty", new byte[0], 0600)).isTrue();
        assertThat(directory.read("empty", 0)).hasValue(new byte[0]);
    }

    @Test
    void aFileOfOneByteTooManyIsNotRead() {
        directory.create("file", new byte[101], 0600);
        assertThat(directory.read("file", 101)).isPresent();
        assertErrno(Errno.EFBIG, () -> directory.read("file", 100));
    }

    @Test
    void aFileThatIsLongerThanItsSizeSaysIsReadWhole() throws IOException {
        try (Directory proc = Directory.open(Path.of("/proc/self"))) {
            assertThat(proc.status("smaps").orElseThrow().size()).isZero();
            byte[] smaps = proc.read("smaps", 16 << 20).orElseThrow();
            assertThat(new String(smaps, UTF_8)).hasSizeGreaterThan(5000).endsWith("\n");
            assertErrno(Errno.EFBIG, () -> proc.read("smaps", 5000));
        }
    }

    @Test
    void onlyRegularFilesAreReadAndAPlantedFifoDoesNotHang() throws Exception {
        output("mkfifo", root.resolve("fifo").toString());
        directory.mkdir("folder", 0700);
        assertErrno(Errno.EINVAL, () -> directory.read("fifo", 10));
        assertErrno(Errno.EISDIR, () -> directory.read("folder", 10));
        try (LockFile lock = LockFile.open(directory, "fifo")) {
            assertThat(lock).isNotNull();
        }
        try (Directory dev = Directory.open(Path.of("/dev"))) {
            assertErrno(Errno.EINVAL, () -> dev.read("zero", 10));
        }
    }

    @Test
    void aSymbolicLinkOfTheNameIsNeverFollowed() throws IOException {
        Path outside = Files.createDirectory(root.resolve("outside"));
        Files.writeString(outside.resolve("secret"), "secret");
        directory.mkdir("pool", 0700);
        Path pool = root.resolve("pool");
        Files.createSymbolicLink(pool.resolve("folder"), outside);
        Files.createSymbolicLink(pool.resolve("file"), outside.resolve("secret"));
        Files.createSymbolicLink(pool.resolve("dangling"), outside.resolve("new"));
        try (Directory in = directory.openDirectory("pool").orElseThrow()) {
            assertErrno(Errno.ELOOP, () -> in.openDirectory("folder"));
            assertErrno(Errno.ELOOP, () -> in.openBeneath(Path.of("folder")));
            assertErrno(Errno.ELOOP, () -> PathHandle.openBeneath(in, Path.of("file")));
            assertErrno(Errno.ELOOP, () -> in.read("file", 100));
            assertErrno(Errno.ELOOP, () -> LockFile.open(in, "file"));
            assertErrno(Errno.ELOOP, () -> LockFile.open(in, "dangling"));
            assertThat(in.create("dangling", new byte[1], 0600)).isFalse();
            assertThat(in.mkdir("dangling", 0700)).isFalse();
            assertThat(in.status("file").orElseThrow().type()).isEqualTo(FileType.SYMLINK);
            assertErrno(Errno.ENOTDIR, () -> in.rmdir("folder"));
            assertThat(in.link("file", in, "again")).isTrue();
            assertThat(Files.isSymbolicLink(pool.resolve("again"))).isTrue();
            assertThat(in.create("plain", new byte[] {1}, 0600)).isTrue();
            assertThat(in.rename("plain", in, "file")).isTrue();
            assertThat(in.unlink("again")).isTrue();
            assertThat(in.unlink("folder")).isTrue();
        }
        assertThat(outside.resolve("secret")).hasContent("secret");
        assertThat(outside).isDirectoryContaining("glob:**/secret").isDirectoryNotContaining("glob:**/new");
    }

    @Test
    void aSymbolicLinkOnTheWayIsNeverFollowed() throws IOException {
        Files.createDirectories(root.resolve("a/real/b"));
        Files.createSymbolicLink(root.resolve("a/link"), Path.of("real"));
        assertErrno(Errno.ELOOP, () -> directory.openBeneath(Path.of("a/link/b")));
        assertErrno(Errno.ELOOP, () -> PathHandle.openBeneath(directory, Path.of("a/link/b")));
        try (Directory b = directory.openBeneath(Path.of("a/real/b")).orElseThrow();
                Directory self = directory.openBeneath(Path.of(".")).orElseThrow()) {
            assertThat(b.path()).isEqualTo(root.resolve("a/real/b"));
            assertThat(self.path()).isEqualTo(root);
            assertThat(self.status()).isEqualTo(directory.status());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "..", "a/..", "../x", "/", "/etc"})
    void aPathThatCouldLeadOutIsRefused(String path) {
        assertThatIllegalArgumentException().isThrownBy(() -> directory.openBeneath(Path.of(path)));
        assertThatIllegalArgumentException().isThrownBy(() -> PathHandle.openBeneath(directory, Path.of(path)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "a/b", "/etc", "a\0b"})
    void everyMethodRefusesWhatIsNoName(String name) {
        List<ThrowingCallable> calls = List.of(
                () -> directory.openDirectory(name),
                () -> directory.mkdir(name, 0700),
                () -> directory.read(name, 1),
                () -> directory.create(name, new byte[0], 0600),
                () -> directory.link(name, directory, "x"),
                () -> directory.link("x", directory, name),
                () -> directory.rename(name, directory, "x"),
                () -> directory.rename("x", directory, name),
                () -> directory.unlink(name),
                () -> directory.rmdir(name),
                () -> directory.status(name),
                () -> LockFile.open(directory, name));
        calls.forEach(call -> assertThatIllegalArgumentException().isThrownBy(call));
        assertThat(directory.list(0, 10).entries()).isEmpty();
    }

    @Test
    void linkAndRenameWorkBetweenDirectories() {
        directory.mkdir("to", 0700);
        directory.create("a", "a".getBytes(UTF_8), 0600);
        directory.create("b", "b".getBytes(UTF_8), 0600);
        try (Directory to = directory.openDirectory("to").orElseThrow()) {
            assertThat(directory.link("a", to, "x")).isTrue();
            assertThat(directory.link("b", to, "x")).isFalse();
            assertThat(to.read("x", 10)).hasValue("a".getBytes(UTF_8));
            assertThat(directory.rename("b", to, "x")).isTrue();
            assertThat(to.read("x", 10)).hasValue("b".getBytes(UTF_8));
            assertThat(directory.status("b")).isEmpty();
            assertErrno(Errno.ENOTEMPTY, () -> directory.rmdir("to"));
            assertErrno(Errno.EISDIR, () -> directory.unlink("to"));
            assertErrno(Errno.ENOTDIR, () -> directory.rmdir("a"));
            assertThat(to.unlink("x")).isTrue();
        }
        assertThat(directory.rmdir("to")).isTrue();
    }

    @Test
    void statusAgreesWithTheJdk() throws IOException {
        Path file = Files.write(root.resolve("file"), new byte[1234]);
        Instant modified = Instant.parse("2031-05-06T07:08:09.123456789Z");
        Files.setLastModifiedTime(file, FileTime.from(modified));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
        Files.setAttribute(file, "unix:uid", (int) 4_000_000_000L);
        Files.setAttribute(file, "unix:gid", 77);
        Instant accessed = ((FileTime) Files.getAttribute(file, "unix:lastAccessTime")).toInstant();
        FileStatus status = directory.status("file").orElseThrow();
        long device = (Long) Files.getAttribute(file, "unix:dev");
        assertThat(status)
                .isEqualTo(new FileStatus(
                        FileType.REGULAR,
                        0640,
                        4_000_000_000L,
                        77,
                        1,
                        1234,
                        4096,
                        (Long) Files.getAttribute(file, "unix:ino"),
                        (int) ((device >>> 8) & 0xfff),
                        (int) ((device & 0xff) | ((device >>> 12) & 0xfff00)),
                        0,
                        0,
                        accessed,
                        modified,
                        false,
                        MountTable.read().containing(root.toRealPath()).id()));
    }

    @Test
    void theTypeOfEachKindOfFileIsTold() throws Exception {
        output("mkfifo", root.resolve("fifo").toString());
        output("mknod", root.resolve("block").toString(), "b", "7", "0");
        Files.createSymbolicLink(root.resolve("link"), Path.of("nowhere"));
        directory.create("file", new byte[0], 0600);
        directory.mkdir("folder", 0700);
        assertThat(directory.list(0, 10).entries())
                .allSatisfy(entry -> assertThat(entry.type())
                        .isEqualTo(directory.status(entry.name()).orElseThrow().type()))
                .extracting(Listing.Entry::type)
                .containsExactlyInAnyOrder(
                        FileType.FIFO, FileType.BLOCK_DEVICE, FileType.SYMLINK, FileType.REGULAR, FileType.DIRECTORY);
        try (Directory dev = Directory.open(Path.of("/dev"));
                PathHandle fifo =
                        PathHandle.openBeneath(directory, Path.of("fifo")).orElseThrow()) {
            assertThat(dev.status("null").orElseThrow().type()).isEqualTo(FileType.CHAR_DEVICE);
            assertThat(fifo.status().type()).isEqualTo(FileType.FIFO);
            assertThat(fifo.path()).isEqualTo(root.resolve("fifo"));
        }
    }

    @Test
    void ownerAndModeOfTheDirectoryItselfAreSet() {
        directory.chown(1234, 4321);
        directory.chmod(03750);
        directory.chown(-1, 99);
        directory.fsync();
        FileStatus status = directory.status();
        assertThat(status.uid()).isEqualTo(1234);
        assertThat(status.gid()).isEqualTo(99);
        assertThat(status.mode() & 0777).isEqualTo(0750);
    }

    @Test
    void theFileSystemIsThatOfDf() throws Exception {
        String[] df = output("stat", "-f", "-c", "%S %b %c %t", root.toString()).split(" ", -1);
        FileSystemStatus status = directory.fileSystem();
        assertThat(status.totalBytes()).isEqualTo(Long.parseLong(df[0]) * Long.parseLong(df[1]));
        assertThat(status.totalInodes()).isEqualTo(Long.parseLong(df[2]));
        assertThat(status.type()).isEqualTo(Long.parseLong(df[3], 16));
        assertThat(status.availableBytes()).isPositive().isLessThanOrEqualTo(status.freeBytes());
        assertThat(status.freeBytes()).isLessThan(status.totalBytes());
        assertThat(status.readOnly()).isFalse();
    }

    @Test
    void aNameThatIsNotUtf8CanBeListedEnteredMovedAndRemoved() throws Exception {
        output("sh", "-c", "cd \"$0\" && mkdir \"$(printf 'bad\\377')\"", root.toString());
        String name = directory.list(0, 10).entries().getFirst().name();
        assertThat(name).isEqualTo("bad\udcff");
        try (Directory bad = directory.openDirectory(name).orElseThrow()) {
            assertThat(bad.path()).isEqualTo(root.resolve("bad?"));
            assertThat(bad.create("x", new byte[0], 0600)).isTrue();
            assertThat(bad.unlink("x")).isTrue();
        }
        assertThat(directory.rename(name, directory, "worse\udcfe")).isTrue();
        assertThat(output("sh", "-c", "ls \"$0\" | od -An -c", root.toString())).contains("376");
        assertThat(directory.rmdir("worse\udcfe")).isTrue();
    }

    @Test
    void afterCloseNothingIsDoneAndASecondCloseDoesNothing() {
        directory.close();
        directory.close();
        assertThatIllegalStateException().isThrownBy(() -> directory.status());
        assertThatIllegalStateException().isThrownBy(() -> directory.unlink("x"));
    }

    @Test
    void closingWhileOthersCallNeverReachesAnotherFile() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            for (int round = 0; round < 200; round++) {
                Directory shared = Directory.open(root);
                long inode = shared.status().inode();
                Callable<Void> user = () -> {
                    try {
                        while (true) {
                            assertThat(shared.status().inode()).isEqualTo(inode);
                        }
                    } catch (IllegalStateException closed) {
                        return null;
                    }
                };
                List<Future<Void>> users = new ArrayList<>();
                for (int i = 0; i < 3; i++) {
                    users.add(threads.submit(user));
                }
                shared.status();
                shared.close();
                Directory.open(Path.of("/")).close(); // likely gets the number that became free
                for (Future<Void> result : users) {
                    result.get(60, TimeUnit.SECONDS);
                }
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void noDescriptorIsLeftOpen() throws IOException {
        exerciseEveryPath();
        long before = OpenDescriptors.count();
        for (int i = 0; i < 20; i++) {
            exerciseEveryPath();
        }
        assertThat(OpenDescriptors.count()).isEqualTo(before);
    }

    private void exerciseEveryPath() throws IOException {
        directory.mkdir("d", 0755);
        directory.create("f", new byte[10], 0600);
        directory.create("f", new byte[10], 0600);
        Files.createSymbolicLink(root.resolve("l"), Path.of("d"));
        directory.read("f", 10);
        assertErrno(Errno.EFBIG, () -> directory.read("f", 5));
        assertErrno(Errno.EISDIR, () -> directory.read("d", 5));
        assertErrno(Errno.ELOOP, () -> directory.openDirectory("l"));
        assertErrno(Errno.ENOTDIR, () -> directory.openDirectory("f"));
        directory.openDirectory("d").orElseThrow().close();
        PathHandle.openBeneath(directory, Path.of("f")).orElseThrow().close();
        directory.list(0, 1);
        assertErrno(Errno.EINVAL, () -> directory.list(-1, 1));
        try (LockFile lock = LockFile.open(directory, "lock")) {
            lock.tryLock(1).orElseThrow().close();
        }
        for (String name : List.of("f", "l", "lock")) {
            directory.unlink(name);
        }
        directory.rmdir("d");
    }
}
