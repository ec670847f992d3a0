package io.berth.format;

import io.berth.fault.Fault;
import io.berth.linux.DetachedMount;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.Ext4;
import io.berth.linux.Linux;
import io.berth.linux.LoopDevice;
import io.berth.linux.SystemCallException;
import io.berth.linux.Xfs;
import io.berth.program.Program;
import io.berth.volume.FileSystemType;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The file system on a loop device.
 *
 * <p>After a crash the kernel replays its journal when it is mounted. ext4 notes in its superblock when it found errors;
 * only then e2fsck mends, before the next mount, what it can mend without asking. XFS refuses to be mounted when it is
 * damaged, and xfs_repair is for people, as its authors advise.
 */
record DeviceFileSystem(FileSystemType type, LoopDevice device) {
    private static final Program MKFS_EXT4 = new Program("mkfs.ext4", "e2fsprogs");
    private static final Program MKFS_XFS = new Program("mkfs.xfs", "xfsprogs");
    private static final Program E2FSCK = new Program("e2fsck", "e2fsprogs");

    private static final Duration MAKING = Duration.ofMinutes(1);
    /** A large one takes long, and what is killed halfway begins anew. */
    private static final Duration MENDING = Duration.ofHours(1);

    private static final int BLOCK_BYTES = 4096;
    /** What ext4 has from the beginning, and programs trip over that want an empty folder; e2fsck makes it anew. */
    static final String LOST_AND_FOUND = "lost+found";

    // e2fsck(8): 1 is "errors corrected", 2 "reboot", which is for the file system one runs from
    private static final int MENDED = 3;

    /** What this machine lacks to make and mend one of this type, each with its cure. */
    static List<String> problems(FileSystemType type) {
        List<Program> needed = switch (type) {
            case EXT4 -> List.of(MKFS_EXT4, E2FSCK);
            case XFS -> List.of(MKFS_XFS);
        };
        return needed.stream().flatMap(program -> program.problem().stream()).toList();
    }

    /** Why one of this type does not grow on this machine, with the cure; empty when it does. */
    static Optional<String> growthProblem(FileSystemType type) {
        return type == FileSystemType.XFS || Linux.hasCapSysResource()
                ? Optional.empty()
                : Optional.of("images with ext4 do not grow: Berth lacks CAP_SYS_RESOURCE; give it all capabilities of"
                        + " root (in Kubernetes privileged: true), or use fsType xfs");
    }

    /**
     * Makes it, empty, with the root's owner, group and mode to be set. What the device does not hold yet reads as zeros, so
     * nothing is discarded or zeroed but XFS's log.
     */
    void make() {
        String node = device.path().toString();
        Program.Ended ended = switch (type) {
            case EXT4 ->
                MKFS_EXT4.run(
                        MAKING,
                        "-q",
                        "-F",
                        "-b" + BLOCK_BYTES,
                        "-m0",
                        "-O64bit,metadata_csum",
                        "-Enodiscard,lazy_itable_init=1,lazy_journal_init=1",
                        node);
            // Sectors of 4 KiB, so that the image can be used on disks that have no smaller ones.
            case XFS -> MKFS_XFS.run(MAKING, "-q", "-f", "-K", "-bsize=" + BLOCK_BYTES, "-ssize=4096", node);
        };
        if (ended.status() != 0) {
            throw failed("mkfs." + type, ended);
        }
    }

    private Fault failed(String program, Program.Ended ended) {
        return new Fault(
                ended.output().contains("No space left") ? Fault.Kind.RESOURCE_EXHAUSTED : Fault.Kind.INTERNAL,
                program + " " + device.path() + " failed with status " + ended.status() + ": " + ended.output());
    }

    /**
     * Mends it where it has to be. It must not be mounted.
     *
     * @throws Fault FAILED_PRECONDITION when a person has to decide
     */
    void check() {
        if (type != FileSystemType.EXT4
                || Ext4.superblock(device).filter(Ext4.Superblock::errors).isEmpty()) {
            return;
        }
        Program.Ended ended = E2FSCK.run(MENDING, "-p", device.path().toString());
        if ((ended.status() & ~MENDED) != 0) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "the file system has errors that e2fsck -p does not mend: " + ended.output()
                            + "; attach the image with losetup and run e2fsck on that device");
        }
    }

    /** Mounts it, for nobody to see yet. Space that files give back becomes holes in the image. */
    DetachedMount mount() {
        List<String> options = switch (type) {
            case EXT4 -> List.of("discard", "errors=remount-ro");
            // A clone has the same UUID as its source.
            case XFS -> List.of("discard", "nouuid");
        };
        return DetachedMount.fileSystem(type.toString(), device.path().toString(), options);
    }

    /**
     * Makes it fill the device; does nothing when it does.
     *
     * @throws Fault FAILED_PRECONDITION when the kernel does not let this process
     */
    void grow(Directory root) {
        long bytes = device.size();
        switch (type) {
            case EXT4 -> {
                Ext4.Superblock superblock = Ext4.superblock(device).orElseThrow();
                long blocks = bytes / superblock.blockSize();
                if (superblock.blocks() < blocks) {
                    growExt4(root, blocks);
                }
            }
            case XFS -> {
                Xfs.Geometry geometry = Xfs.geometry(root);
                long blocks = bytes / geometry.blockSize();
                if (geometry.blocks() < blocks) {
                    Xfs.grow(root, blocks, geometry.inodePercent());
                }
            }
        }
    }

    private static void growExt4(Directory root, long blocks) {
        try {
            Ext4.resize(root, blocks);
        } catch (SystemCallException e) {
            if (e.errno() != Errno.EPERM) {
                throw e;
            }
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "ext4 does not grow: Berth lacks CAP_SYS_RESOURCE, or the file system has errors; give Berth all"
                            + " capabilities of root, or mount the volume anew for e2fsck to mend it",
                    e);
        }
    }
}
