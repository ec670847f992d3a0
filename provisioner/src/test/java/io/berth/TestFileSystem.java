package io.berth;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A file system in an image, or in memory, mounted for a test and gone with it. */
public final class TestFileSystem implements AutoCloseable {
    /** In a btrfs file system with quotas, this makes them inconsistent: a shared group with half of what shares. */
    public static final String LOSE_COUNT = """
            btrfs subvolume create shared
            head -c 1000000 /dev/urandom > shared/file
            sync -f .
            btrfs subvolume snapshot shared sharing
            sync -f .
            btrfs qgroup create 1/0 .
            btrfs qgroup assign --no-rescan 0/$(btrfs inspect-internal rootid shared) 1/0 . || test $? = 1 # which it says of wrong numbers
            sync -f .
            """;

    private final Path folder;
    private final Path root;
    private final String options;

    private TestFileSystem(Path folder, String options) {
        this.folder = folder;
        this.options = options;
        this.root = folder.resolve("mnt");
    }

    /** Makes and mounts one that holds directories to their quotas: btrfs, or where the kernel can, ext4 or xfs. */
    public static TestFileSystem withQuotas(String type, long bytes) {
        if (type.equals("btrfs")) {
            TestFileSystem made = mount(type, bytes);
            run("btrfs", "quota", "enable", made.root.toString());
            run("btrfs", "quota", "rescan", "-W", made.root.toString()); // waits for the one that this began
            return made;
        }
        String[] features = type.equals("ext4") ? new String[] {"-O", "project,quota"} : new String[0];
        return mount(type, bytes, "loop,noatime,prjquota", features);
    }

    /** Makes and mounts one, where reading changes no access time: btrfs, ext4, xfs (at least 300 MiB) or tmpfs. */
    public static TestFileSystem mount(String type, long bytes) {
        // With a short interval of commits, btrfs is not long in clearing away what was deleted.
        return mount(type, bytes, type.equals("btrfs") ? "loop,noatime,commit=1" : "loop,noatime");
    }

    private static TestFileSystem mount(String type, long bytes, String options, String... mkfsOptions) {
        try {
            Path folder = Files.createTempDirectory("berth-" + type).toRealPath();
            TestFileSystem made = new TestFileSystem(folder, options);
            Files.createDirectory(made.root);
            String root = made.root.toString();
            if (type.equals("tmpfs")) {
                run("mount", "-t", "tmpfs", "-o", "noatime,size=" + bytes, "tmpfs", root);
            } else {
                run("truncate", "-s", Long.toString(bytes), made.image());
                List<String> mkfs = new ArrayList<>(List.of("mkfs." + type, "-q"));
                mkfs.addAll(List.of(mkfsOptions));
                mkfs.add(made.image());
                run(mkfs.toArray(String[]::new));
                run("mount", "-o", options, made.image(), root);
            }
            return made;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String image() {
        return folder.resolve("image").toString();
    }

    /** Unmounts it and mounts it again. */
    public void remount() {
        run("umount", root.toString());
        run("mount", "-o", options, image(), root.toString());
    }

    /** Where it is mounted. */
    public Path root() {
        return root;
    }

    /** A loop device lets go of its file a moment after its last user has gone. */
    @Override
    public void close() {
        String stubborn = "i=0; until umount \"$0\"; do i=$((i + 1)); [ $i -lt 600 ] || exit 1; sleep 0.1; done";
        run("sh", "-c", stubborn, root.toString());
        run("rm", "-rf", folder.toString());
    }

    /** Lets a directory be moved and changed that is a snapshot of btrfs, to which nobody can write. */
    public static void makeWritable(Path path) {
        try (Directory directory = Directory.open(path)) {
            if (Btrfs.isSubvolume(directory)) {
                Btrfs.setReadOnly(directory, false);
            }
        }
    }

    /** Runs a program to its end, which must be good; the answer is what it printed, a char for each byte. */
    public static String run(String... command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), ISO_8859_1);
            assertThat(process.waitFor())
                    .as(String.join(" ", command) + ": " + output)
                    .isZero();
            return output;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Runs a shell script in a directory. */
    public static String shell(Path directory, String script) {
        return run("sh", "-euc", "cd \"$0\"; " + script, directory.toString());
    }

    /** How many files this process has open. */
    public static long openDescriptors() {
        try (var descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors.count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
