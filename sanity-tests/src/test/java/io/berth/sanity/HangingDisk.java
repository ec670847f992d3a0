package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A file system that answers nothing while it hangs, as that of a dead server: whoever asks it waits. Its other end is a
 * fuse2fs that is stopped and continued.
 */
final class HangingDisk implements AutoCloseable {
    private final Path mountPoint;
    private final Process server;

    private HangingDisk(Path mountPoint, Process server) {
        this.mountPoint = mountPoint;
        this.server = server;
    }

    /** Makes one and mounts it. */
    static HangingDisk mount(Path image, Path mountPoint) {
        Command.succeed("truncate", "--size=64M", image.toString());
        Command.succeed("mkfs.ext4", "-q", image.toString());
        try {
            Files.createDirectory(mountPoint);
            Process server = new ProcessBuilder(
                            "fuse2fs", "-f", "-o", "allow_other", image.toString(), mountPoint.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(
                            image.resolveSibling(image.getFileName() + ".log").toFile())
                    .start();
            HangingDisk disk = new HangingDisk(mountPoint, server);
            Await.until(
                    Duration.ofSeconds(30),
                    () -> !server.isAlive() || !MountTable.below(mountPoint).isEmpty(),
                    () -> "fuse2fs mounts nothing");
            assertThat(server.isAlive()).as("fuse2fs runs").isTrue();
            return disk;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** From now on whoever asks it waits. */
    void hang() {
        signal("STOP");
    }

    /** Answers again, those who wait first. */
    void goOn() {
        signal("CONT");
    }

    private void signal(String name) {
        Command.succeed("kill", "-" + name, Long.toString(server.pid()));
    }

    /** Ends it; whoever waits for it is told an error. */
    @Override
    public void close() {
        server.destroyForcibly();
        if (!MountTable.below(mountPoint).isEmpty()) {
            Command.succeed("umount", "--lazy", mountPoint.toString());
        }
    }
}
