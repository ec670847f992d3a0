package io.berth.faults;

import io.berth.TestFileSystem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file system on a loop device over a {@link Disk}, so that what the kernel writes and flushes is known. */
final class LoopDisk implements AutoCloseable {
    private final Disk disk;
    private final FuseFile file;
    private final String device;
    private final Path mountPoint;

    private LoopDisk(Disk disk, FuseFile file, String device, Path mountPoint) {
        this.disk = disk;
        this.file = file;
        this.device = device;
        this.mountPoint = mountPoint;
    }

    /** Makes one; it is not mounted. */
    static LoopDisk make(String type, long bytes, Path folder) {
        Disk disk = new Disk(bytes);
        FuseFile file = FuseFile.mount(folder.resolve("fuse"), disk);
        try {
            String device = TestFileSystem.run(
                            "losetup", "--find", "--show", file.path().toString())
                    .strip();
            LoopDisk made = new LoopDisk(disk, file, device, Files.createDirectory(folder.resolve("mnt")));
            TestFileSystem.run("mkfs." + type, "-q", device);
            return made;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Disk disk() {
        return disk;
    }

    /** Mounts it. */
    Path mount() {
        TestFileSystem.run("mount", "-o", "noatime", device, mountPoint.toString());
        return mountPoint;
    }

    /** A loop device lets go of a file on it a moment after its last user has gone. */
    void unmount() {
        TestFileSystem.run(
                "sh",
                "-c",
                "i=0; until umount \"$0\"; do i=$((i + 1)); [ $i -lt 600 ] || exit 1; sleep 0.05; done",
                mountPoint.toString());
    }

    @Override
    public void close() {
        TestFileSystem.run("losetup", "--detach", device);
        file.close();
    }
}
