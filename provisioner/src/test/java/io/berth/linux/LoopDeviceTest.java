package io.berth.linux;

import static io.berth.TestFileSystem.run;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TestFileSystem;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class LoopDeviceTest {
    private static final int MIB = 1 << 20;

    @TempDir
    private Path folder;

    private Directory directory;
    private String name;

    @BeforeEach
    void open() {
        directory = Directory.open(folder);
        name = "test-" + ProcessHandle.current().pid() + "-"
                + directory.status().inode();
    }

    @AfterEach
    void detach() {
        found().forEach(attached -> LoopDevice.open(attached).ifPresent(device -> {
            try (device) {
                device.detach();
            }
        }));
        directory.close();
    }

    private RegularFile file(String name, long size) {
        RegularFile file = RegularFile.create(directory, name, 0600).orElseThrow();
        file.ftruncate(size);
        return file;
    }

    private List<LoopDevice.Attached> found() {
        return LoopDevice.attached().stream()
                .filter(attached -> attached.name().startsWith(name))
                .toList();
    }

    @Test
    void itIsFoundByItsNameAndItsFileUntilItIsDetached() throws Exception {
        try (RegularFile file = file("image", MIB)) {
            Path node;
            try (LoopDevice device = LoopDevice.attach(file, name, Set.of())) {
                node = device.path();
                Files.write(node, new byte[] {1, 2, 3});
            }
            assertThat(found()).singleElement().satisfies(attached -> {
                assertThat(attached.node()).isEqualTo(node);
                assertThat(attached.isBackedBy(file.status())).isTrue();
                assertThat(attached.flags()).isEmpty();
                assertThat(run("cat", "/sys/block/" + node.getFileName() + "/dev"))
                        .isEqualTo(attached.device() + "\n");
            });
            try (LoopDevice device = LoopDevice.open(found().getFirst()).orElseThrow()) {
                assertThat(device.detach()).isTrue();
            }
            assertThat(found()).isEmpty();
            assertThat(Files.readAllBytes(folder.resolve("image"))).startsWith(1, 2, 3);
        }
    }

    @Test
    void oneThatClearsItselfGoesWhenItIsClosed() {
        try (RegularFile file = file("image", MIB)) {
            try (LoopDevice device = LoopDevice.attach(file, name, Set.of(LoopDevice.Flag.AUTOCLEAR))) {
                assertThat(found()).hasSize(1);
                FileStatus status = device.status();
                assertThat(LoopDevice.attached(status.rdevMajor(), status.rdevMinor()))
                        .contains(found().getFirst());
            }
            assertThat(found()).isEmpty();
        }
    }

    @Test
    void itTakesTheSizeOfItsFileWhenItIsTold() {
        try (RegularFile file = file("image", MIB);
                LoopDevice device = LoopDevice.attach(file, name, Set.of(LoopDevice.Flag.AUTOCLEAR))) {
            assertThat(device.size()).isEqualTo(MIB);
            file.ftruncate(3 * MIB + 512);
            assertThat(device.size()).isEqualTo(MIB);
            device.setCapacity();
            assertThat(device.size()).isEqualTo(3 * MIB + 512);
        }
    }

    @Test
    void aReadOnlyDeviceIsNotWritten() throws Exception {
        try (RegularFile file = file("image", MIB);
                LoopDevice device = LoopDevice.attach(file, name, Set.of(LoopDevice.Flag.AUTOCLEAR))) {
            device.setReadOnly(true);
            assertThatThrownBy(() -> Files.write(device.path(), new byte[1])).isInstanceOf(IOException.class);
            device.setReadOnly(false);
            Files.write(device.path(), new byte[] {7});
        }
        try (RegularFile file = RegularFile.openForWriting(directory, "image").orElseThrow();
                LoopDevice device =
                        LoopDevice.attach(file, name, Set.of(LoopDevice.Flag.AUTOCLEAR, LoopDevice.Flag.READ_ONLY))) {
            assertThat(found().getFirst().flags()).contains(LoopDevice.Flag.READ_ONLY);
            assertThatThrownBy(() -> Files.write(device.path(), new byte[1])).isInstanceOf(IOException.class);
        }
    }

    @Test
    void aDeviceThatWasGivenToAnotherFileIsNotOpened() {
        LoopDevice.Attached before;
        try (RegularFile file = file("image", MIB);
                LoopDevice device = LoopDevice.attach(file, name, Set.of(LoopDevice.Flag.AUTOCLEAR))) {
            before = found().getFirst();
        }
        assertThat(LoopDevice.open(before)).isEmpty();
    }

    @Test
    void aNodeThatIsMissingIsMade() throws Exception {
        try (RegularFile file = file("image", MIB)) {
            LoopDevice.attach(file, name, Set.of()).close();
            Path node = found().getFirst().node();
            Files.delete(node);
            LoopDevice.open(found().getFirst()).orElseThrow().close();
            assertThat(node).exists();
        }
    }

    @Test
    void processesThatRaceForFreeDevicesGetOneEach() throws Exception {
        List<Process> racers = new ArrayList<>();
        for (String racer : List.of("a", "b")) {
            racers.add(new ProcessBuilder(
                            ProcessHandle.current().info().command().orElseThrow(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            LoopDeviceTest.class.getName(),
                            folder.toString(),
                            racer,
                            name)
                    .inheritIO()
                    .start());
        }
        for (Process racer : racers) {
            assertThat(racer.waitFor()).isZero();
        }
        assertThat(found()).isEmpty();
    }

    /** A racer: attaches 50 files and checks that each device shows its own. */
    public static void main(String... arguments) throws IOException {
        try (Directory directory = Directory.open(Path.of(arguments[0]))) {
            List<LoopDevice> devices = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                String name = arguments[1] + i;
                Files.write(Path.of(arguments[0], name), new byte[4096]);
                try (RegularFile file =
                        RegularFile.openForWriting(directory, name).orElseThrow()) {
                    file.pwrite(ByteBuffer.wrap(name.getBytes(UTF_8)), 0);
                    Set<LoopDevice.Flag> flags = Set.of(LoopDevice.Flag.AUTOCLEAR);
                    devices.add(LoopDevice.attach(file, arguments[2] + name, flags));
                }
            }
            for (int i = 0; i < devices.size(); i++) {
                byte[] expected = (arguments[1] + i).getBytes(UTF_8);
                byte[] shown = new byte[expected.length];
                try (RandomAccessFile in =
                        new RandomAccessFile(devices.get(i).path().toFile(), "r")) {
                    in.readFully(shown);
                }
                if (!Arrays.equals(expected, shown)) {
                    throw new IllegalStateException(devices.get(i).path() + " is not of " + arguments[1] + i);
                }
            }
            devices.forEach(LoopDevice::close);
        }
    }

    @Test
    void extentsAreToldAndSharedOnesMarked() throws Exception {
        try (TestFileSystem xfs = TestFileSystem.mount("xfs", 320 << 20);
                Directory root = Directory.open(xfs.root())) {
            try (RegularFile file = RegularFile.create(root, "file", 0600).orElseThrow()) {
                file.ftruncate(4 * MIB);
                file.pwrite(ByteBuffer.wrap(new byte[8192]), MIB);
                file.pwrite(ByteBuffer.wrap(new byte[4096]), 3 * MIB);
                List<Extent> extents = file.fiemap(0, 10);
                assertThat(extents).extracting(Extent::offset).containsExactly((long) MIB, 3L * MIB);
                assertThat(extents).extracting(Extent::length).containsExactly(8192L, 4096L);
                assertThat(extents).allMatch(Extent::placed).noneMatch(Extent::shared);
                assertThat(file.fiemap(0, 1)).hasSize(1);
                assertThat(file.fiemap(2 * MIB, 10)).containsExactly(extents.get(1));
                assertThat(file.fiemap(3 * MIB + 4096, 10)).isEmpty();
                try (RegularFile clone = RegularFile.create(root, "clone", 0600).orElseThrow()) {
                    assertThat(clone.ficlone(file)).isTrue();
                    assertThat(clone.fiemap(0, 10))
                            .allMatch(Extent::shared)
                            .extracting(Extent::physical)
                            .isEqualTo(extents.stream().map(Extent::physical).toList());
                }
            }
        }
    }

    @Test
    void aNameIsAtMost63Bytes() {
        try (RegularFile file = file("image", MIB)) {
            assertThatThrownBy(() -> LoopDevice.attach(file, "x".repeat(64), Set.of()))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(found()).isEmpty();
        }
    }

    private static String readOnly(Path node) throws IOException {
        return Files.readString(Path.of("/sys/block", node.getFileName().toString(), "ro"))
                .strip();
    }

    @Test
    void aDeviceThatIsDetachedIsNotReadOnlyForWhoeverIsNext() throws Exception {
        try (RegularFile file = file("image", MIB)) {
            try (LoopDevice device = LoopDevice.attach(file, name, Set.of())) {
                device.setReadOnly(true);
                assertThat(readOnly(device.path())).isEqualTo("1");
                device.detach();
                assertThat(readOnly(device.path())).isEqualTo("0");
            }
        }
    }

    /** Until the test is as fast as other processes of the machine at taking the number again. */
    @Test
    void whatSomebodyLeftReadOnlyCanBeWrittenByWhoeverIsNext() throws Exception {
        try (RegularFile file = file("image", MIB)) {
            boolean sameNumber = false;
            while (!sameNumber) {
                Path node;
                try (LoopDevice device = LoopDevice.attach(file, name, Set.of())) {
                    node = device.path();
                    device.setReadOnly(true);
                }
                run("losetup", "-d", node.toString());
                try (LoopDevice device = LoopDevice.attach(file, name, Set.of())) {
                    sameNumber = device.path().equals(node);
                    if (!sameNumber) {
                        run("blockdev", "--setrw", node.toString());
                    }
                    assertThat(readOnly(device.path())).isEqualTo("0");
                    device.detach();
                }
            }
        }
    }

    /** Until no other process of the machine has changed a device between two looks. */
    @Test
    @SuppressWarnings({"ReferenceEquality", "IdentityBinaryExpression"}) // the very list of the look before
    void whileNothingChangesNoDeviceIsLookedAtAgain() {
        try (RegularFile file = file("image", MIB);
                LoopDevice device = LoopDevice.attach(file, name, Set.of())) {
            while (LoopDevice.attached() != LoopDevice.attached()) {
                Thread.onSpinWait();
            }
            assertThat(found())
                    .singleElement()
                    .satisfies(attached -> assertThat(attached.node()).isEqualTo(device.path()));
            device.detach();
        }
        assertThat(found()).isEmpty();
    }
}
