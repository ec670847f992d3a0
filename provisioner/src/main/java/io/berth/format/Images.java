package io.berth.format;

import io.berth.copy.Copied;
import io.berth.copy.DataCopy;
import io.berth.copy.Progress;
import io.berth.copy.Rung;
import io.berth.fault.Fault;
import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.LoopDevice;
import io.berth.linux.PathHandle;
import io.berth.linux.RegularFile;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountPoint;
import io.berth.volume.HealthProblem;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * The image files of one pool's volumes, and the loop devices they are attached to. A volume's image is a sparse file in
 * a folder that nobody but root may enter. Its loop device has a name that only this volume's has, so it is known
 * whoever attached it and whether the file is still there. Thread-safe for different volumes.
 */
final class Images {
    static final String FILE = "volume.img";

    /** Lies beside an image until it is first used: undoing its creation then costs nobody any data. */
    private static final String UNUSED = "unused";

    private static final Path FILE_SYSTEM_ROOT = Path.of("/");
    private static final String NAME_PREFIX = "berth-";
    private static final int NAME_DIGITS = 40;

    private final Directory root;
    private final UUID pool;

    Images(Directory root, UUID pool) {
        this.root = root;
        this.pool = pool;
    }

    /**
     * Makes a volume's image, all hole.
     *
     * @return false when something is at the volume's path already
     */
    boolean create(Volume volume) {
        try (Directory parent = ParentFolder.make(root, volume.path())) {
            if (!parent.mkdir(volume.path().name(), 0700)) {
                return false;
            }
            try (Directory folder = parent.openDirectory(volume.path().name()).orElseThrow(() -> gone(volume))) {
                folder.create(UNUSED, new byte[0], 0600);
                try (RegularFile file = RegularFile.create(folder, FILE, 0600).orElseThrow(() -> gone(volume))) {
                    enlarge(file, volume.capacityBytes());
                    file.fsync();
                }
                folder.fsync();
            }
            parent.fsync();
            return true;
        }
    }

    /** Removes an image that was never used. */
    void undo(Volume volume) {
        Optional<Directory> opened = ParentFolder.open(root, volume.path());
        if (opened.isEmpty()) {
            return;
        }
        try (Directory parent = opened.get()) {
            parent.openDirectory(volume.path().name()).ifPresent(Images::removeUnused);
            parent.rmdir(volume.path().name());
        } catch (SystemCallException e) {
            // Anything but the folder of an unused image is not of this create.
            if (e.errno() != Errno.ENOTEMPTY && e.errno() != Errno.ENOTDIR && e.errno() != Errno.ELOOP) {
                throw e;
            }
        }
    }

    private static void removeUnused(Directory folder) {
        try (folder) {
            if (folder.status(UNUSED).isPresent()) {
                folder.unlink(FILE);
                folder.unlink(UNUSED);
            }
        }
    }

    /** Who writes to an image while it is copied. */
    enum Writers {
        /** Nobody, as far as is known: that it was not written to is looked at. */
        NONE,
        /** A file system that is frozen. It may still give back blocks that are free in it, which changes nothing of it. */
        FROZEN,
        /** Somebody: only a clone has the image as it was at one moment. */
        AT_WORK
    }

    /**
     * Copies the image of a volume or snapshot, and not more than it into a new folder; durable when it returns.
     *
     * @param parent where nobody looks
     * @throws Fault FAILED_PRECONDITION when it is written to and cannot be cloned, BUSY when it had no writers and was written
     *     to all the same
     */
    Copied copy(Directory source, Directory parent, String name, Writers writers, Progress progress) {
        if (!parent.mkdir(name, 0700)) {
            throw new Fault(Fault.Kind.BUSY, parent.path().resolve(name) + " is there already; try again");
        }
        try (Directory folder = parent.openDirectory(name).orElseThrow(() -> goneFrom(parent));
                RegularFile from = RegularFile.open(source, FILE).orElseThrow(() -> goneFrom(source));
                RegularFile to = RegularFile.create(folder, FILE, 0600).orElseThrow(() -> goneFrom(folder))) {
            FileStatus before = from.status();
            Rung rung = Rung.CLONE;
            if (!to.ficlone(from)) {
                if (writers == Writers.AT_WORK) {
                    throw new Fault(
                            Fault.Kind.FAILED_PRECONDITION,
                            from.path()
                                    + " is in use and cannot be copied at one moment: the pool's file system shares no"
                                    + " blocks between files; stop its user, or use a pool on XFS or btrfs");
                }
                DataCopy copy = new DataCopy(progress);
                copy.copy(from, before, to);
                progress.check(); // the last bytes too may be too many
                rung = copy.rung();
                if (writers == Writers.NONE && !from.status().modified().equals(before.modified())) {
                    throw new Fault(Fault.Kind.BUSY, from.path() + " was written to while it was copied; try again");
                }
            }
            to.fsync();
            folder.fsync();
            long bytes = Math.min(before.size(), before.allocated());
            return new Copied(rung, 1, bytes, bytes, 0);
        }
    }

    /**
     * The status of the image in a folder.
     *
     * @throws Fault NOT_FOUND when it is gone
     */
    static FileStatus status(Directory folder) {
        return folder.status(FILE).orElseThrow(() -> goneFrom(folder));
    }

    /**
     * Opens the image in a folder for reading.
     *
     * @throws Fault NOT_FOUND when it is gone
     */
    static RegularFile open(Directory folder) {
        return RegularFile.open(folder, FILE).orElseThrow(() -> goneFrom(folder));
    }

    private static void enlarge(RegularFile file, long bytes) {
        try {
            file.ftruncate(bytes);
        } catch (SystemCallException e) {
            if (e.errno() != Errno.EFBIG) {
                throw e;
            }
            throw new Fault(
                    Fault.Kind.OUT_OF_RANGE,
                    "an image of " + bytes + " bytes is larger than the pool's file system lets a file be; ext4 holds"
                            + " files under 16 TiB, XFS and btrfs larger ones",
                    e);
        }
    }

    /** Makes an image as long as its volume. */
    static void enlarge(Directory folder, long bytes) {
        try (RegularFile file = RegularFile.openForWriting(folder, FILE).orElseThrow(() -> goneFrom(folder))) {
            if (file.status().size() < bytes) {
                enlarge(file, bytes);
                file.fsync();
            }
        }
    }

    /**
     * Moves a copy into a volume's place.
     *
     * @param scratch where it is, named as the volume's id
     * @return false when something is there already
     */
    boolean move(Directory scratch, Volume volume) {
        String name = volume.id().toString();
        try (Directory parent = ParentFolder.make(root, volume.path());
                Directory folder = scratch.openDirectory(name).orElseThrow(() -> goneFrom(scratch))) {
            if (parent.status(volume.path().name()).isPresent()) {
                return false;
            }
            folder.create(UNUSED, new byte[0], 0600);
            folder.fsync();
            scratch.rename(name, parent, volume.path().name());
            parent.syncAfterMove(scratch);
            return true;
        }
    }

    private static Fault goneFrom(Directory folder) {
        return new Fault(Fault.Kind.NOT_FOUND, "the image " + folder.path().resolve(FILE) + " is gone");
    }

    /** Readies an image for its user: {@link #undo} leaves it alone, and it is as long as its volume was expanded to. */
    void use(Volume volume) {
        try (Directory folder = folder(volume)) {
            if (folder.unlink(UNUSED)) {
                folder.fsync();
            }
            enlarge(folder, volume.capacityBytes());
        }
    }

    /** Makes the image larger, by a hole, durable when it returns: an earlier call may not have come to that. */
    void expand(Volume volume, long bytes) {
        try (RegularFile file = open(volume)) {
            if (file.status().size() < bytes) {
                enlarge(file, bytes);
            }
            file.fsync();
        }
    }

    /**
     * Opens a volume's image for reading and writing.
     *
     * @throws Fault NOT_FOUND when it is gone
     */
    RegularFile open(Volume volume) {
        try (Directory folder = folder(volume)) {
            return RegularFile.openForWriting(folder, FILE).orElseThrow(() -> gone(volume));
        }
    }

    private Directory folder(Volume volume) {
        return root.openBeneath(volume.path().toPath()).orElseThrow(() -> gone(volume));
    }

    private Fault gone(Volume volume) {
        return new Fault(
                Fault.Kind.NOT_FOUND,
                "volume " + volume.id() + ": its image "
                        + root.path().resolve(volume.path().toPath()).resolve(FILE) + " is gone");
    }

    /** The name of a volume's loop device. */
    private String name(VolumeId id) {
        try {
            byte[] hash =
                    MessageDigest.getInstance("SHA-256").digest((pool + "/" + id).getBytes(StandardCharsets.UTF_8));
            return NAME_PREFIX + HexFormat.of().formatHex(hash).substring(0, NAME_DIGITS);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /** The loop device that Berth attached, for a volume of any pool, and that a mount shows: its file system or its node. */
    static Optional<LoopDevice.Attached> shownBy(MountPoint mount) {
        if (mount.root().equals(FILE_SYSTEM_ROOT)) {
            String[] device = mount.device().split(":", 2);
            return LoopDevice.attached(Integer.parseInt(device[0]), Integer.parseInt(device[1]))
                    .filter(attached -> attached.name().startsWith(NAME_PREFIX));
        }
        if (!mount.root().getFileName().toString().startsWith(LoopDevice.NODE_PREFIX)) {
            return Optional.empty();
        }
        return PathHandle.open(mount.target()).flatMap(handle -> {
            try (handle) {
                FileStatus status = handle.status();
                return status.type() == FileType.BLOCK_DEVICE
                        ? LoopDevice.attached(status.rdevMajor(), status.rdevMinor())
                                .filter(attached -> attached.name().startsWith(NAME_PREFIX))
                        : Optional.<LoopDevice.Attached>empty();
            }
        });
    }

    /** Whether a loop device has the name of this volume's, be the image still there or not. */
    boolean isOf(VolumeId id, LoopDevice.Attached device) {
        return device.name().equals(name(id));
    }

    /**
     * Whether a loop device is this volume's: by its name, or because Berth attached this image to it, under another
     * identity of the pool.
     */
    private boolean isOf(Volume volume, Optional<FileStatus> image, LoopDevice.Attached device) {
        return isOf(volume.id(), device)
                || (device.name().startsWith(NAME_PREFIX)
                        && image.filter(device::isBackedBy).isPresent());
    }

    /** Whether the loop device with this number is this volume's. */
    boolean isOf(Volume volume, int major, int minor) {
        return LoopDevice.attached(major, minor)
                .filter(device -> isOf(volume, image(volume), device))
                .isPresent();
    }

    /** The volume's loop devices; more than one only while the kernel lets go of an earlier one. */
    List<LoopDevice.Attached> devices(Volume volume) {
        Optional<FileStatus> image = image(volume);
        return LoopDevice.attached().stream()
                .filter(device -> isOf(volume, image, device))
                .toList();
    }

    /** The status of a volume's image; empty when it is gone. */
    private Optional<FileStatus> image(Volume volume) {
        try {
            return root.openBeneath(volume.path().toPath()).flatMap(folder -> {
                try (folder) {
                    return folder.status(FILE);
                }
            });
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ENOTDIR || e.errno() == Errno.ELOOP) {
                return Optional.empty(); // something else lies on the way
            }
            throw e;
        }
    }

    /**
     * Opens the device that a volume's image is attached to, of the size that the image has now; empty when it is attached
     * to none.
     *
     * @throws Fault NOT_FOUND when the image is gone, FAILED_PRECONDITION when somebody else attached it: two devices for
     *     one image would damage it
     */
    Optional<LoopDevice> attached(Volume volume) {
        try (RegularFile file = open(volume)) {
            return attached(file);
        }
    }

    /**
     * As {@link #attached(Volume)}, of the image in a volume's folder, in whichever pool.
     *
     * @throws Fault as there
     */
    static Optional<LoopDevice> attachedTo(Directory folder) {
        try (RegularFile file = RegularFile.open(folder, FILE).orElseThrow(() -> goneFrom(folder))) {
            return attached(file);
        }
    }

    private static Optional<LoopDevice> attached(RegularFile file) {
        FileStatus status = file.status();
        for (LoopDevice.Attached device : LoopDevice.attached()) {
            if (device.isBackedBy(status)) {
                if (!device.name().startsWith(NAME_PREFIX)) {
                    throw new Fault(
                            Fault.Kind.FAILED_PRECONDITION,
                            "the image " + file.path() + " is attached to " + device.node()
                                    + " already, and not by Berth; losetup -d " + device.node() + " takes it away");
                }
                Optional<LoopDevice> opened = LoopDevice.open(device);
                if (opened.isPresent()) {
                    fit(opened.get(), status.size());
                    return opened;
                }
            }
        }
        return Optional.empty();
    }

    private static void fit(LoopDevice device, long bytes) {
        try {
            if (device.size() != bytes) {
                device.setCapacity();
            }
        } catch (RuntimeException | Error e) {
            device.close();
            throw e;
        }
    }

    /** Attaches a volume's image, which is attached to no device. */
    LoopDevice attach(Volume volume, Set<LoopDevice.Flag> flags) {
        try (Directory folder = folder(volume)) {
            return attach(folder, volume.id(), flags);
        }
    }

    /** Attaches the image in a folder, for this volume. */
    LoopDevice attach(Directory folder, VolumeId id, Set<LoopDevice.Flag> wanted) {
        EnumSet<LoopDevice.Flag> flags = EnumSet.noneOf(LoopDevice.Flag.class);
        flags.addAll(wanted);
        // btrfs computes checksums of pages that a file system on the device may still change.
        if (root.fileSystem().type() != Btrfs.SUPER_MAGIC) {
            flags.add(LoopDevice.Flag.DIRECT_IO);
        }
        try (RegularFile file = RegularFile.openForWriting(folder, FILE).orElseThrow(() -> goneFrom(folder))) {
            return LoopDevice.attach(file, name(id), flags);
        }
    }

    /** That the image is gone, if so. */
    Optional<HealthProblem> problem(Volume volume) {
        Optional<RegularFile> file;
        try (Directory folder = folder(volume)) {
            file = RegularFile.open(folder, FILE);
        } catch (SystemCallException e) {
            if (e.errno() != Errno.ENOTDIR && e.errno() != Errno.ELOOP) {
                throw e;
            }
            file = Optional.empty(); // something else lies on the way
        } catch (Fault e) {
            file = Optional.empty();
        }
        file.ifPresent(RegularFile::close);
        return file.isPresent()
                ? Optional.empty()
                : Optional.of(new HealthProblem(
                        HealthProblem.Reason.DATA_MISSING, gone(volume).getMessage()));
    }
}
