package io.berth.copy;

import static io.berth.TestFileSystem.openDescriptors;
import static io.berth.TestFileSystem.run;
import static io.berth.TestFileSystem.shell;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileType;
import io.berth.linux.Listing;
import io.berth.linux.PathHandle;
import io.berth.linux.RegularFile;
import io.berth.linux.Xattrs;
import io.berth.mount.Mounts;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** What a copy keeps and survives on every file system. */
@Timeout(120)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class TreeCopyContract {
    private static final String ACL = "system.posix_acl_access";
    private static final String DEFAULT_ACL = "system.posix_acl_default";

    private final String type;
    private final long bytes;
    private final Rung rung;
    private TestFileSystem fileSystem;
    private Path folder;
    Path source;
    Directory from;
    Directory parent;

    /**
     * On a file system made for it.
     *
     * @param rung how files with data are copied there
     */
    TreeCopyContract(String type, long bytes, Rung rung) {
        this.type = type;
        this.bytes = bytes;
        this.rung = rung;
    }

    @BeforeAll
    void mount() {
        fileSystem = TestFileSystem.mount(type, bytes);
    }

    @AfterAll
    void unmount() {
        fileSystem.close();
    }

    @BeforeEach
    void makeSource() throws IOException {
        folder = Files.createTempDirectory(fileSystem.root(), "copy");
        source = Files.createDirectory(folder.resolve("source"));
        Files.createDirectory(folder.resolve("parent"));
        from = Directory.open(source);
        parent = Directory.open(folder.resolve("parent"));
    }

    @AfterEach
    void remove() {
        from.close();
        parent.close();
        shell(folder, "chattr -Rf -i . || true; rm -rf -- *; cd ..; rmdir " + folder.getFileName());
    }

    Copied copy() {
        return new TreeCopy(from, parent, "copy", 2).run();
    }

    Path copied() {
        return folder.resolve("parent/copy");
    }

    /** Everything that find can tell of every file but the inode, by path; a char for each byte of a name. */
    private static Set<String> description(Path tree) {
        String format = "%P|%y|%m|%U|%G|%n|%l|%A@|%T@|";
        // The size of a directory says nothing, the device of a device only ls knows.
        String found = shell(tree, "find . -printf '" + format + "' \\( -type d -printf '\\0' -o -printf '%s\\0' \\)");
        return new TreeSet<>(Arrays.asList(found.split("\0")));
    }

    /** Says what differs, not all there is. */
    private static void assertSame(Set<String> expected, Set<String> actual) {
        Set<String> missing = new TreeSet<>(expected);
        missing.removeAll(actual);
        Set<String> unexpected = new TreeSet<>(actual);
        unexpected.removeAll(expected);
        assertThat(missing).isEmpty();
        assertThat(unexpected).isEmpty();
    }

    private static String contents(Path tree) {
        return shell(tree, "find . -type f -print0 | sort -z | xargs -0r sha256sum");
    }

    private static String devices(Path tree) {
        return shell(tree, "find . \\( -type b -o -type c \\) -exec stat -c '%n %t %T' {} + | sort");
    }

    /** The groups of names that are one file. */
    private static Set<Set<String>> hardLinks(Path tree) {
        Map<String, Set<String>> names = new TreeMap<>();
        for (String line : shell(tree, "find . ! -type d -printf '%i|%P\\0'").split("\0", -1)) {
            if (!line.isEmpty()) {
                String[] parts = line.split("\\|", 2);
                names.computeIfAbsent(parts[0], inode -> new TreeSet<>()).add(parts[1]);
            }
        }
        return names.values().stream().filter(group -> group.size() > 1).collect(Collectors.toSet());
    }

    private static Map<String, String> xattrs(Directory directory) {
        Map<String, String> all = new TreeMap<>();
        for (Listing.Entry entry : directory.list(0, 10_000).entries()) {
            try (PathHandle file = PathHandle.open(directory, entry.name()).orElseThrow()) {
                for (String name : Xattrs.list(file)) {
                    String value =
                            HexFormat.of().formatHex(Xattrs.get(file, name).orElseThrow());
                    all.put(entry.name() + " " + name, value);
                }
            }
        }
        return all;
    }

    private static void setXattr(Directory directory, String file, String name, byte[] value) {
        try (PathHandle handle = PathHandle.open(directory, file).orElseThrow()) {
            assertThat(Xattrs.set(handle, name, value)).as(name + " of " + file).isTrue();
        }
    }

    /** user::rw-, user:1234:rwx, group::r--, mask::rwx, other::---, as xattr(7) has it: version 2, then entries. */
    private static byte[] acl() {
        return HexFormat.of()
                .parseHex("02000000"
                        + "01000600ffffffff"
                        + "02000700d2040000"
                        + "04000400ffffffff"
                        + "10000700ffffffff"
                        + "20000000ffffffff");
    }

    private void assertSameTrees() {
        assertThat(contents(copied())).isEqualTo(contents(source));
        assertThat(hardLinks(copied())).isEqualTo(hardLinks(source));
        assertThat(devices(copied())).isEqualTo(devices(source));
    }

    @Test
    void everyKindOfFileIsKeptWithAllThatBelongsToIt() {
        shell(source, """
                mkdir -p a/b c; echo one > a/one; echo two > a/b/two; : > empty
                head -c 300000 /dev/urandom > random
                ln a/one c/one-again; ln a/one zzz; ln a/b/two two
                ln -s loop-b loop-a; ln -s loop-a loop-b; ln -s /etc/passwd out; ln -s ../.. up; ln -s . self
                ln -s "$(printf 'x%.0s' $(seq 1 1000))" long; ln long long-again; ln -s "$(printf 'a\\377')" odd-target
                mkfifo fifo; ln fifo fifo-again; mknod null c 1 3; mknod disk b 259 70000
                touch -- "$(printf 'bad\\377')" "$(printf 'new\\nline')" ' ' '-rf'; mkdir "$(printf 'dir\\200')"
                echo x > "$(printf 'dir\\200/in\\201')"
                echo s > setuid; chmod 06755 setuid; mkdir sticky; chmod 03777 sticky; echo y > sticky/y
                mkdir closed; echo z > closed/z; chmod 0 closed closed/z random
                chown 1234:4321 a a/b a/one setuid fifo null closed; chown -h 77:88 long out
                chmod 06755 setuid
                touch -h -d '2001-02-03 04:05:06.123456789Z' a/b/two out random
                touch -a -d '2002-03-04 05:06:07.987654321Z' random
                touch -d '1960-01-01 00:00:00.5Z' empty fifo closed a/b; touch -d 2020-01-01 a .; touch -d 2030-01-01 setuid
                """);
        shell(
                source,
                "mkdir sockets; perl -e 'use IO::Socket::UNIX;"
                        + " IO::Socket::UNIX->new(Local => \"sockets/s\", Listen => 1) or die'; touch -d 2020-01-01 sockets");
        Set<String> before = description(source);
        Copied result = copy();
        assertThat(before).hasSize(36);
        assertSame(before, description(copied()));
        assertSame(before, description(source));
        assertThat(hardLinks(copied())).hasSize(4);
        assertThat(devices(copied())).hasLineCount(2);
        assertSameTrees();
        assertThat(result.rung()).isEqualTo(rung);
        assertThat(result.files()).isEqualTo(before.size());
        assertThat(result.bytes()).isEqualTo(300_000 + 2 * "one\n".length() + 4 * "x\n".length());
        assertThat(result.lostXattrs()).isZero();
    }

    @Test
    void ownersAndModesAreKeptInWhateverOrderTheyCome() {
        shell(source, """
                for round in 1 2 3; do
                    for mode in 644 0 666 777 600 4755 2644 1666; do
                        for owner in 0:0 1234:0 0:4321; do
                            echo x > $round-$mode-$owner
                            chown $owner $round-$mode-$owner
                            chmod $mode $round-$mode-$owner
                        done
                    done
                done
                """);
        Set<String> before = description(source);
        copy();
        assertThat(before).hasSize(1 + 3 * 8 * 3);
        assertSame(before, description(copied()));
    }

    @Test
    void aclsAndExtendedAttributesAreKept() throws IOException {
        shell(
                source,
                "mkdir folder; echo x > file; echo y > folder/plain; mkfifo fifo; ln -s nowhere link; echo p > p");
        setXattr(from, "file", "user.text", "some text".getBytes(UTF_8));
        setXattr(from, "file", "user.empty", new byte[0]);
        setXattr(from, "file", "user.large", new byte[1500]);
        setXattr(from, "file", "trusted.odd\udcff", new byte[] {0, -1, 10});
        setXattr(from, "link", "trusted.of-link", new byte[] {1});
        setXattr(from, "fifo", "trusted.of-fifo", new byte[] {2});
        for (String name : List.of("file", "fifo", "folder")) {
            setXattr(from, name, ACL, acl());
        }
        setXattr(from, "folder", DEFAULT_ACL, acl());
        setXattr(from, "folder", "user.of-folder", new byte[] {3});
        // CAP_NET_BIND_SERVICE permitted and effective, version 2; a change of owner would take it away.
        setXattr(from, "p", "security.capability", HexFormat.of().parseHex("0100000200040000" + "00".repeat(12)));
        shell(source, "chown 5:6 file");
        Map<String, String> before = xattrs(from);
        assertThat(before).hasSizeGreaterThanOrEqualTo(12);
        assertThat(copy().lostXattrs()).isZero();
        try (Directory to = parent.openDirectory("copy").orElseThrow();
                Directory inner = to.openDirectory("folder").orElseThrow()) {
            assertThat(xattrs(to)).isEqualTo(before);
            assertThat(xattrs(inner)).as("the default ACL is not inherited").isEmpty();
            assertThat(to.status("file").orElseThrow().mode())
                    .isEqualTo(from.status("file").orElseThrow().mode());
        }
    }

    @Test
    void aDefaultAclWhereTheCopyIsMadeDoesNotGetIntoIt() {
        assertThat(Xattrs.set(parent, DEFAULT_ACL, acl())).isTrue();
        shell(source, "mkdir folder; echo x > file; mkfifo fifo");
        copy();
        try (Directory to = parent.openDirectory("copy").orElseThrow()) {
            assertThat(Xattrs.list(to)).isEmpty();
            assertThat(xattrs(to)).isEmpty();
        }
    }

    @Test
    void holesStayHoles() throws IOException {
        long size = 10L << 30;
        long[] extents = {64 << 10, 3L << 30, size - (64 << 10)};
        try (RandomAccessFile file =
                new RandomAccessFile(source.resolve("sparse").toFile(), "rw")) {
            for (long extent : extents) {
                file.seek(extent);
                file.write(("at " + extent).getBytes(UTF_8));
            }
            file.setLength(size);
        }
        Files.createFile(source.resolve("only-hole"));
        shell(source, "truncate -s 5G only-hole");
        copy();
        for (String name : List.of("sparse", "only-hole")) {
            assertThat(Files.size(copied().resolve(name))).isEqualTo(Files.size(source.resolve(name)));
        }
        try (Directory to = parent.openDirectory("copy").orElseThrow();
                PathHandle handle = PathHandle.open(to, "sparse").orElseThrow();
                RegularFile sparse = RegularFile.open(handle);
                RandomAccessFile file =
                        new RandomAccessFile(copied().resolve("sparse").toFile(), "r")) {
            assertThat(to.status("only-hole").orElseThrow().allocated()).isZero();
            assertThat(sparse.status().allocated()).isLessThan(1 << 20);
            long at = 0;
            for (long extent : extents) {
                assertThat(sparse.seekData(at)).hasValue(extent);
                at = sparse.seekHole(extent).orElseThrow();
                byte[] text = new byte[("at " + extent).length()];
                file.seek(extent);
                file.readFully(text);
                assertThat(new String(text, UTF_8)).isEqualTo("at " + extent);
            }
            assertThat(sparse.seekData(at)).isEmpty();
        }
    }

    @Test
    void aDeepTreeNeedsFewOpenFiles() throws IOException {
        shell(source, """
                i=0; while [ $i -lt 300 ]; do
                  mkdir -p d e; echo $i > file; echo $i > d/last; ln file e/link; touch -d 2020-01-01 e; cd d; i=$((i+1))
                done
                """);
        String pid = Long.toString(ProcessHandle.current().pid());
        String old = run("prlimit", "--pid", pid, "--nofile", "--noheadings", "--output", "SOFT")
                .strip();
        Set<String> before = description(source);
        run("prlimit", "--pid", pid, "--nofile=" + (highestDescriptor() + 100) + ":");
        Copied result;
        try {
            result = copy();
        } finally {
            run("prlimit", "--pid", pid, "--nofile=" + old + ":");
        }
        assertThat(result.files()).isEqualTo(1 + 300 * 5);
        assertSame(before, description(copied()));
        assertSameTrees();
    }

    /** Deeper than what of it is in memory, with names that make each path longer than a path can be. */
    @Test
    void aTreeThatIsDeeperThanAnyPathIsKeptToItsLastFile() throws IOException {
        int depth = 1500;
        String name = "d".repeat(255);
        makeChain(from, name, depth);
        Copied result = copy();
        assertThat(result.files()).isEqualTo(1 + 2 * depth);
        try (Directory copy = parent.openDirectory("copy").orElseThrow()) {
            assertChain(copy, name, depth);
            assertThat(copy.list(0, 10).entries()).as("file and folder").hasSize(2);
        }
    }

    private static void makeChain(Directory root, String name, int depth) {
        Directory at = root.again();
        for (int i = 0; i < depth; i++) {
            at.create("file", Integer.toString(i).getBytes(UTF_8), 0600);
            at.mkdir(name, 0700);
            Directory above = at;
            at = above.openDirectory(name).orElseThrow();
            above.close();
        }
        at.close();
    }

    private static void assertChain(Directory root, String name, int depth) {
        Directory at = root.again();
        for (int i = 0; i < depth; i++) {
            assertThat(at.read("file", 10)).hasValue(Integer.toString(i).getBytes(UTF_8));
            Directory above = at;
            at = above.openDirectory(name).orElseThrow();
            above.close();
        }
        assertThat(at.list(0, 10).entries()).isEmpty();
        at.close();
    }

    private static long highestDescriptor() throws IOException {
        try (var descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors
                    .mapToLong(path -> Long.parseLong(path.getFileName().toString()))
                    .max()
                    .orElseThrow();
        }
    }

    @Test
    void twentyThousandFilesInFiftyFoldersAreAllThere() {
        shell(source, """
                for d in $(seq 1 50); do mkdir $d; (cd $d; seq -f 'content of %g' 1 400 | split -l 1 -a 3); done
                """);
        Set<String> before = description(source);
        Copied result = new TreeCopy(from, parent, "copy", 4).run();
        assertThat(result.files()).isEqualTo(20_051);
        assertSame(before, description(copied()));
        assertSameTrees();
    }

    @Test
    void noMountIsEntered() throws IOException {
        shell(source, "mkdir mounted other; echo hidden > mounted/below; echo x > file; echo y > other/y");
        Mounts.tmpfs("berth:test", source.resolve("mounted"), 1 << 20, 0700, 0, 0, Set.of());
        try (PathHandle other = PathHandle.open(source.resolve("other/y")).orElseThrow()) {
            shell(source, "echo secret > mounted/secret");
            Mounts.bind(other, source.resolve("file"), Set.of());
            copy();
        } finally {
            Mounts.unmount(source.resolve("file"));
            Mounts.unmount(source.resolve("mounted"));
        }
        assertThat(copied().resolve("mounted")).isEmptyDirectory();
        assertThat(copied().resolve("file")).doesNotExist();
        assertThat(copied().resolve("other/y")).hasContent("y");
    }

    @Test
    void aSourceThatChangesMeanwhileIsCopiedAsItIsFound() throws Exception {
        shell(source, """
                mkdir stay; for i in $(seq 1 300); do echo $i > stay/$i; done; mkdir -p x/y/z swap; echo 1 > swap/in
                echo outside > ../outside; mkdir ../elsewhere; echo secret > ../elsewhere/in
                """);
        AtomicBoolean stop = new AtomicBoolean();
        CompletableFuture<Void> churn = CompletableFuture.runAsync(() -> {
            while (!stop.get()) {
                shell(source, """
                        for i in 1 2 3 4 5; do
                          echo $i > new$i; mv new$i x/y/new; rm -f x/y/new; mkdir d$i; mv d$i x/y/z/; rmdir x/y/z/d$i
                          mv swap kept; ln -s ../elsewhere swap; rm swap; mv kept swap
                          ln -s ../outside f; rm f; mkfifo f; rm f; : > f; rm f
                          head -c 100000 /dev/zero >> grow; [ $i -lt 5 ] || : > grow
                        done
                        """);
            }
        });
        try {
            for (int i = 0; i < 20; i++) {
                assertThat(churn).as("the source still changes").isNotDone();
                new TreeCopy(from, parent, "copy" + i, 2).run();
                Path made = folder.resolve("parent/copy" + i);
                assertThat(contents(made.resolve("stay"))).isEqualTo(contents(source.resolve("stay")));
                assertThat(shell(made, "find . -type f -exec cat {} +")).doesNotContain("outside", "secret");
            }
        } finally {
            stop.set(true);
            churn.get(60, TimeUnit.SECONDS);
        }
    }

    @Test
    void aCopyMadeBelowItsSourceDoesNotCopyItself() {
        shell(source, "mkdir in; echo x > in/x");
        try (Directory in = from.openDirectory("in").orElseThrow()) {
            new TreeCopy(from, in, "copy", 2).run();
        }
        assertThat(source.resolve("in/copy/in/x")).hasContent("x");
        assertThat(source.resolve("in/copy/in/copy")).doesNotExist();
    }

    @Test
    void anImmutableFileIsCopiedAndItsCopyCanBeRemoved() throws IOException {
        shell(source, "mkdir d; echo x > d/immutable; echo y > append; chattr +i d/immutable d; chattr +a append");
        copy();
        assertSameTrees();
        shell(source, "chattr -i d d/immutable; chattr -a append");
        assertThat(Files.deleteIfExists(copied().resolve("d/immutable"))).isTrue();
        assertThat(Files.deleteIfExists(copied().resolve("append"))).isTrue();
    }

    @Test
    void aNameThatIsTakenIsRefusedAndLeftAlone() {
        shell(folder, "echo mine > parent/copy");
        assertThatThrownBy(this::copy)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.ALREADY_EXISTS));
        assertThat(copied()).hasContent("mine");
    }

    @Test
    void aFullDiskIsToldAsSuchAndTheSourceIsUnharmed() {
        shell(source, "mkdir d; head -c 3000000 /dev/urandom > d/a; for i in $(seq 1 120); do ln d/a d/a$i; done");
        shell(source, "for i in $(seq 1 130); do cp --reflink=auto d/a $i; done"); // 390 MB
        try (TestFileSystem small = TestFileSystem.mount(type, 300L << 20);
                Directory full = Directory.open(small.root())) {
            assertThatThrownBy(() -> new TreeCopy(from, full, "copy", 2).run())
                    .isInstanceOfSatisfying(
                            Fault.class,
                            fault -> assertThat(fault.kind())
                                    .as(fault.getMessage())
                                    .isEqualTo(Fault.Kind.RESOURCE_EXHAUSTED));
            assertThat(small.root().resolve("copy")).isDirectory();
        }
        assertThat(shell(source, "cat * 2>/dev/null | wc -c").strip()).isEqualTo("390000000");
    }

    @Test
    void anotherFileSystemGetsACopyByReadingAndWriting() {
        shell(source, "mkdir d; head -c 3000000 /dev/urandom > d/a; echo x > b; ln b c; truncate -s 100M hole");
        shell(source, "printf tail >> hole; truncate -s 200M hole");
        String other = type.equals("tmpfs") ? "ext4" : "tmpfs";
        try (TestFileSystem target = TestFileSystem.mount(other, 100 << 20);
                Directory to = Directory.open(target.root())) {
            Copied result = new TreeCopy(from, to, "copy", 2).run();
            assertThat(result.rung()).isEqualTo(Rung.READ_WRITE);
            assertThat(contents(target.root().resolve("copy"))).isEqualTo(contents(source));
            assertThat(hardLinks(target.root().resolve("copy"))).hasSize(1);
        }
    }

    @Test
    void aCancelledCopyStops() throws Exception {
        TreeCopy early = new TreeCopy(from, parent, "early", 2);
        shell(source, "for i in $(seq 1 3000); do echo $i > $i; done");
        early.cancel();
        assertThatExceptionOfType(CancellationException.class).isThrownBy(early::run);

        boolean cancelled = false;
        for (int i = 0; i < 50 && !cancelled; i++) { // one may be done before this thread comes to cancel it
            cancelled = isCancelledOnItsWay(new TreeCopy(from, parent, "late" + i, 2));
        }
        assertThat(cancelled).isTrue();
    }

    private static boolean isCancelledOnItsWay(TreeCopy copy) throws Exception {
        CompletableFuture<Copied> running = CompletableFuture.supplyAsync(copy::run);
        while (copy.files() < 50 && !running.isDone()) {
            Thread.onSpinWait();
        }
        copy.cancel();
        try {
            running.get(60, TimeUnit.SECONDS);
            return false;
        } catch (ExecutionException e) {
            assertThat(e).hasCauseInstanceOf(CancellationException.class);
            assertThat(copy.files()).isBetween(50L, 3000L);
            return true;
        }
    }

    @Test
    void interruptingTheCallerCancels() {
        shell(source, "for i in $(seq 1 100); do echo $i > $i; done");
        Thread.currentThread().interrupt();
        try {
            assertThatExceptionOfType(CancellationException.class).isThrownBy(this::copy);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void namesOfAFileThatLieElsewhereLeaveNothingInTheCopy() {
        shell(source, """
                mkdir a b; echo x > a/one; ln a/one b/two; echo y > b/lone; ln b/lone ../outside
                touch -d 2020-01-01 .
                """);
        Set<String> before = description(source);
        copy();
        assertSame(
                before.stream()
                        .map(line -> line.replace("b/lone|f|644|0|0|2|", "b/lone|f|644|0|0|1|"))
                        .collect(Collectors.toSet()),
                description(copied()));
        assertThat(hardLinks(copied())).isEqualTo(hardLinks(source)).hasSize(1);
    }

    @Test
    void foldersAndEmptyFilesCountForWhatTheyTake() {
        shell(source, "mkdir $(seq 200); touch $(seq 201 300); head -c 100000 /dev/urandom > data");
        long folders = from.list(0, 1000).entries().stream()
                .filter(entry -> entry.type() == FileType.DIRECTORY)
                .mapToLong(entry -> from.status(entry.name()).orElseThrow().allocated())
                .sum();
        Copied result = copy();
        assertThat(result.bytes()).isEqualTo(100_000);
        assertThat(result.taken()).isGreaterThanOrEqualTo(100_000 + 302 * 512 + folders);
    }

    @Test
    void aFileUnderALeaseIsCopiedWhenItIsGivenUp() throws Exception {
        shell(source, "echo content > leased; echo other > other");
        // F_SETLEASE, F_WRLCK; the kernel asks for it by SIGIO, and then F_UNLCK gives it up.
        Process holder = new ProcessBuilder(
                        "perl",
                        "-e",
                        "$| = 1; open(F, '<', $ARGV[0]) or die; $SIG{IO} = sub { fcntl(F, 1024, 2); exit };"
                                + " fcntl(F, 1024, 1) or die \"no lease: $!\"; print \"held\\n\"; sleep 100",
                        source.resolve("leased").toString())
                .redirectErrorStream(true)
                .start();
        try (BufferedReader said = holder.inputReader()) {
            assertThat(said.readLine()).isEqualTo("held");
            copy();
            assertThat(holder.waitFor(60, TimeUnit.SECONDS))
                    .as("it was asked to give it up")
                    .isTrue();
        } finally {
            holder.destroy();
        }
        assertThat(copied().resolve("leased")).hasContent("content");
    }

    @Test
    void noDescriptorStaysOpenWhateverHappens() {
        shell(source, "mkdir -p a/b/c; echo x > a/b/x; ln a/b/x a/y; mkfifo a/fifo; ln -s x l");
        copyInEveryWay("warm");
        long before = openDescriptors();
        for (int i = 0; i < 5; i++) {
            copyInEveryWay("copy" + i);
        }
        assertThat(openDescriptors()).isEqualTo(before);
        assertThat(from.status().type()).as("the source is still open").isEqualTo(FileType.DIRECTORY);
    }

    private void copyInEveryWay(String name) {
        new TreeCopy(from, parent, name, 2).run();
        assertThatThrownBy(() -> new TreeCopy(from, parent, name, 2).run()).isInstanceOf(Fault.class);
        TreeCopy cancelled = new TreeCopy(from, parent, name + "-cancelled", 2);
        cancelled.cancel();
        assertThatThrownBy(cancelled::run).isInstanceOf(CancellationException.class);
    }
}
