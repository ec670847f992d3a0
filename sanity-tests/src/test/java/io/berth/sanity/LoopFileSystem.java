package io.berth.sanity;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A file system in an image, mounted through a loop device. Closing it unmounts it, and what is mounted in it. */
public final class LoopFileSystem implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Path image;
    private final Path root;
    private final Path folder;

    private LoopFileSystem(Path image, Path root) {
        this.image = image;
        this.root = root;
        this.folder = root.resolve("berth");
    }

    /**
     * Makes and mounts one in a folder, which is made too.
     *
     * @param type btrfs, ext4 or xfs; btrfs has quotas on
     * @param bytes the size of the image, of which only what is written takes space
     */
    public static LoopFileSystem mount(Path folder, String type, long bytes) {
        try {
            Files.createDirectory(folder);
            LoopFileSystem made = new LoopFileSystem(
                    folder.resolve("image"),
                    Files.createDirectory(folder.resolve("mounted")).toRealPath());
            made.mount(type, bytes);
            return made;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void mount(String type, long bytes) throws IOException {
        Command.succeed("truncate", "--size=" + bytes, image.toString());
        Command.succeed("mkfs." + type, "-q", image.toString());
        Command.succeed("mount", "-o", "loop", image.toString(), root.toString());
        if (type.equals("btrfs")) {
            Command.succeed("btrfs", "quota", "enable", root.toString());
            Command.succeed("btrfs", "quota", "rescan", "-W", root.toString()); // waits for the one that this began
        }
        Files.createDirectory(folder);
    }

    /** A folder in it, for a driver. */
    public Path folder() {
        return folder;
    }

    /** The setting of pool {@code fast} of a driver in {@link #folder}, which holds volumes to their limits or not. */
    public List<String> pool(String limit) {
        return List.of("--pool=fast=local:" + folder.resolve("fast") + ",limit=" + limit);
    }

    @Override
    public void close() {
        Driver.unmountBelow(folder);
        LoopDevices.detachBelow(folder); // which a failed test leaves
        // A loop device lets go of its file a moment after its last user has gone.
        Await.until(PATIENCE, () -> Command.run("umount", root.toString()).code() == 0, () -> root + " stays in use");
        try {
            Files.delete(image);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
