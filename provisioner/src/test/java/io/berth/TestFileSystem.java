package io.berth;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file system in an image, or in memory, mounted for a test and gone with it. */
public final class TestFileSystem implements AutoCloseable {
    private final Path folder;
    private final Path root;

    private TestFileSystem(Path folder) {
        this.folder = folder;
        this.root = folder.resolve("mnt");
    }

    /** Makes and mounts one, where reading changes no access time: btrfs, ext4, xfs (at least 300 MiB) or tmpfs. */
    public static TestFileSystem mount(String type, long bytes) {
        try {
            Path folder = Files.createTempDirectory("berth-" + type).toRealPath();
            TestFileSystem made = new TestFileSystem(folder);
            Files.createDirectory(made.root);
            String root = made.root.toString();
            if (type.equals("tmpfs")) {
                run("mount", "-t", "tmpfs", "-o", "noatime,size=" + bytes, "tmpfs", root);
            } else {
                String image = folder.resolve("image").toString();
                run("truncate", "-s", Long.toString(bytes), image);
                run("mkfs." + type, "-q", image);
                run("mount", "-o", "loop,noatime", image, root);
            }
            return made;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Where it is mounted. */
    public Path root() {
        return root;
    }

    @Override
    public void close() {
        run("umount", root.toString());
        run("rm", "-rf", folder.toString());
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
