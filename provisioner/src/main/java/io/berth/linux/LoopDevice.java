package io.berth.linux;

import io.berth.fault.Fault;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;

/**
 * An open loop device: a block device whose blocks are a file's. Closing it leaves it attached, unless it is
 * {@link Flag#AUTOCLEAR} and nothing else uses it. See loop(4). Thread-safe.
 */
public final class LoopDevice extends OpenFile {
    private static final long LOOP_CLR_FD = 0x4c01;
    private static final long LOOP_GET_STATUS64 = 0x4c05;
    private static final long LOOP_SET_CAPACITY = 0x4c07;
    private static final long LOOP_CONFIGURE = 0x4c0a;
    private static final long LOOP_CTL_GET_FREE = 0x4c82;
    private static final long BLKROSET = 0x125d;
    private static final long BLKGETSIZE64 = 0x80081272L;

    // struct loop_info64: u64 device, u64 inode, u64 rdevice, u64 offset, u64 sizelimit, u32 number, u32 encrypt_type,
    // u32 encrypt_key_size, u32 flags, u8 file_name[64], ...
    private static final int INFO_BYTES = 232;
    private static final int INFO_FLAGS = 52;
    private static final int INFO_NAME = 56;
    private static final int NAME_BYTES = 64;
    // struct loop_config: u32 fd, u32 block_size, struct loop_info64 info, u64 reserved[8]
    private static final int CONFIG_BYTES = 304;
    private static final int CONFIG_INFO = 8;

    private static final Path DEV = Path.of("/dev");
    private static final Path PARTITIONS = Path.of("/proc/partitions");
    private static final Path SYS_BLOCK = Path.of("/sys/block");
    private static final Path SYS_EVENTS = Path.of("/sys/kernel/uevent_seqnum");
    private static final Path SYS_DEV_BLOCK = Path.of("/sys/dev/block");
    /** What the name of every node in /dev begins with. */
    public static final String NODE_PREFIX = "loop";

    private static final Pattern NAME = Pattern.compile(NODE_PREFIX + "[0-9]+");
    private static final String CONTROL = "loop-control";
    private static final Path SYS_CONTROL = Path.of("/sys/class/misc/loop-control");
    private static final int CONTROL_MAJOR = 10;
    private static final int CONTROL_MINOR = 237;

    /** How often another process may be faster at taking the device that was free. */
    private static final int MOST_RACES = 100;

    private static final AtomicReference<Picture> LAST = new AtomicReference<>(new Picture("", List.of()));

    private final int number;

    private LoopDevice(Descriptor descriptor, int number) {
        super(descriptor, node(number));
        this.number = number;
    }

    /** How a device is attached: the LO_FLAGS_ of linux/loop.h. */
    public enum Flag {
        /** Nothing can be written to it. */
        READ_ONLY(1),
        /** It is detached by itself when nothing mounts it or has it open any more. */
        AUTOCLEAR(4),
        /** Its data is in memory once, not twice; where the file cannot do direct I/O the kernel leaves this out. */
        DIRECT_IO(16);

        private final int bit;

        Flag(int bit) {
            this.bit = bit;
        }

        static Set<Flag> of(int bits) {
            EnumSet<Flag> flags = EnumSet.noneOf(Flag.class);
            Arrays.stream(values()).filter(flag -> (bits & flag.bit) != 0).forEach(flags::add);
            return flags;
        }

        static int bits(Set<Flag> flags) {
            return flags.stream().mapToInt(flag -> flag.bit).sum();
        }
    }

    /**
     * What an attached device is.
     *
     * @param device {@code major:minor}
     * @param name what it was given when it was attached; another program gives the file's path
     * @param fileMajor with {@code fileMinor} and {@code fileInode} the file that holds its blocks
     */
    public record Attached(
            int number, String device, String name, Set<Flag> flags, int fileMajor, int fileMinor, long fileInode) {
        public Attached {
            flags = Set.copyOf(flags);
        }

        /** Whether its blocks are this file's. */
        public boolean isBackedBy(FileStatus file) {
            return file.inode() == fileInode && file.deviceMajor() == fileMajor && file.deviceMinor() == fileMinor;
        }

        /** Its place in /dev. */
        public Path node() {
            return LoopDevice.node(number);
        }
    }

    /**
     * Attaches a file to a free device. A file can be attached twice, which damages what is in it: look at
     * {@link #attached} first.
     *
     * @param name by which it is found again, at most 63 bytes
     * @throws SystemCallException EBUSY when other processes took every device that was free
     */
    public static LoopDevice attach(RegularFile file, String name, Set<Flag> flags) {
        byte[] config = new byte[CONFIG_BYTES];
        ByteBuffer struct = Libc.struct(config);
        struct.putInt(CONFIG_INFO + INFO_FLAGS, Flag.bits(flags)).put(CONFIG_INFO + INFO_NAME, name(name));
        for (int race = 0; race < MOST_RACES; race++) {
            int number = getFree();
            Optional<LoopDevice> device = open(number, Descriptor.O_RDWR);
            if (device.isPresent() && device.get().configureOrClose(file, config)) {
                return device.get();
            }
        }
        throw new SystemCallException("ioctl LOOP_CONFIGURE", file.path().toString(), Errno.EBUSY);
    }

    private static byte[] name(String name) {
        byte[] bytes = FileName.encode(name);
        if (bytes.length > NAME_BYTES) {
            throw new IllegalArgumentException("a name of more than " + (NAME_BYTES - 1) + " bytes: " + name);
        }
        return bytes;
    }

    private static int getFree() {
        try (Descriptor control =
                openNode(CONTROL, FileType.CHAR_DEVICE, CONTROL_MAJOR, CONTROL_MINOR, Descriptor.O_RDWR)) {
            long result = control.call(fd -> Libc.calls().ioctl(fd, LOOP_CTL_GET_FREE, 0));
            return (int) Libc.check(result, "ioctl LOOP_CTL_GET_FREE", CONTROL);
        }
    }

    /** Opens the device of this number; empty when there is none. Reading is enough for all but attaching. */
    private static Optional<LoopDevice> open(int number, int flags) {
        String name = NODE_PREFIX + number;
        try {
            String[] device = Files.readString(SYS_BLOCK.resolve(name).resolve("dev"))
                    .strip()
                    .split(":", 2);
            int major = Integer.parseInt(device[0]);
            int minor = Integer.parseInt(device[1]);
            return Optional.of(new LoopDevice(openNode(name, FileType.BLOCK_DEVICE, major, minor, flags), number));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ENXIO || e.errno() == Errno.ENODEV) {
                return Optional.empty(); // removed just now
            }
            throw e;
        }
    }

    /** Opens a device's node, which is made where it is missing: a container's /dev has not all of them. */
    private static Descriptor openNode(String name, FileType type, int major, int minor, int flags) {
        try (Directory dev = Directory.open(DEV)) {
            if (dev.status(name).isEmpty()) {
                dev.mknod(name, type, major, minor);
            }
            boolean isIt = dev.status(name)
                    .filter(node -> node.type() == type && node.rdevMajor() == major && node.rdevMinor() == minor)
                    .isPresent();
            if (!isIt) {
                throw new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        dev.text(name) + " is not the device " + major + ":" + minor + "; remove it");
            }
            return dev.openBeneath(Path.of(name), flags)
                    .orElseThrow(() -> new SystemCallException("openat2", dev.text(name), Errno.ENXIO));
        }
    }

    /** Why no file can be attached on this machine, with the cure; empty when one can. Changes nothing. */
    public static Optional<String> problem() {
        if (!Files.exists(SYS_CONTROL)) {
            return Optional.of("the kernel has no loop devices; modprobe loop");
        }
        try (Directory dev = Directory.open(DEV)) {
            if (dev.status(CONTROL).isEmpty()) {
                return Files.isWritable(DEV) // then it is made when it is needed
                        ? Optional.empty()
                        : Optional.of(
                                dev.text(CONTROL) + " is missing and " + DEV
                                        + " is read-only; mount it writable, or the machine's own (in Kubernetes privileged: true)");
            }
            openNode(CONTROL, FileType.CHAR_DEVICE, CONTROL_MAJOR, CONTROL_MINOR, Descriptor.O_RDWR)
                    .close();
            return Optional.empty();
        } catch (Fault e) {
            return Optional.of(e.getMessage() + " (a container needs all devices, in Kubernetes privileged: true)");
        }
    }

    /** False, and closed, when another process was faster; closed too when it fails. */
    private boolean configureOrClose(RegularFile file, byte[] config) {
        boolean configured = false;
        try {
            configured = configure(file, config);
            if (configured) {
                setReadOnly(false); // the number keeps what whoever had it before has set
            }
            return configured;
        } catch (RuntimeException | Error e) {
            if (configured) {
                detach();
            }
            configured = false;
            throw e;
        } finally {
            if (!configured) {
                close();
            }
        }
    }

    private boolean configure(RegularFile file, byte[] config) {
        long result = descriptor.call(file.descriptor, (fd, fileFd) -> {
            Libc.struct(config).putInt(0, fileFd);
            return Libc.calls().ioctl(fd, LOOP_CONFIGURE, config);
        });
        if (result == -Errno.EBUSY) {
            return false;
        }
        Libc.check(result, "ioctl LOOP_CONFIGURE", path() + " with " + file.path());
        return true;
    }

    /** Every device of this machine that has a file, or had one a moment ago: {@link #open(Attached)} tells. */
    public static List<Attached> attached() {
        String seen = seen();
        Picture last = LAST.get();
        if (seen.equals(last.seen())) {
            return last.devices();
        }
        Picture now = new Picture(seen, look(seen));
        LAST.set(now);
        return now.devices();
    }

    /**
     * The devices that had a file when the kernel showed this. A device that gets a file gets a size, and one that loses its
     * file is told of by an event, so while both are as they were no device needs to be opened. Either alone is not enough:
     * some kernels tell of no event when a file is attached.
     */
    private record Picture(String seen, List<Attached> devices) {}

    /** The number of events so far, and the devices that have a size. */
    private static String seen() {
        try {
            return Files.readString(SYS_EVENTS) + Files.readString(PARTITIONS);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Attached> look(String partitions) {
        // Devices without a file, of which there may be hundreds, have no size and are left out there.
        return partitions
                .lines()
                .map(line -> line.substring(line.lastIndexOf(' ') + 1))
                .filter(NAME.asMatchPredicate())
                .flatMap(name -> status(name).stream())
                .toList();
    }

    /** What the device of this number is; empty when it is no loop device, or has no file. */
    public static Optional<Attached> attached(int major, int minor) {
        try {
            Path device = SYS_DEV_BLOCK.resolve(major + ":" + minor).toRealPath();
            String name = device.getFileName().toString();
            return name.startsWith(NODE_PREFIX) && Files.exists(device.resolve(NODE_PREFIX))
                    ? status(name)
                    : Optional.empty();
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Optional<Attached> status(String name) {
        Optional<LoopDevice> opened = open(Integer.parseInt(name.substring(NODE_PREFIX.length())), Descriptor.O_RDONLY);
        if (opened.isEmpty()) {
            return Optional.empty();
        }
        try (LoopDevice device = opened.get()) {
            return device.status64();
        }
    }

    private Optional<Attached> status64() {
        byte[] info = new byte[INFO_BYTES];
        long result = descriptor.call(fd -> Libc.calls().ioctl(fd, LOOP_GET_STATUS64, info));
        if (result == -Errno.ENXIO) {
            return Optional.empty();
        }
        Libc.check(result, "ioctl LOOP_GET_STATUS64", path().toString());
        ByteBuffer in = Libc.struct(info);
        int length = 0;
        while (length < NAME_BYTES && info[INFO_NAME + length] != 0) {
            length++;
        }
        FileStatus status = status();
        return Optional.of(new Attached(
                number,
                status.rdevMajor() + ":" + status.rdevMinor(),
                FileName.decode(info, INFO_NAME, length),
                Flag.of(in.getInt(INFO_FLAGS)),
                major(in.getLong(0)),
                minor(in.getLong(0)),
                in.getLong(8)));
    }

    /** As the kernel encodes a device for programs. See new_encode_dev in linux/kdev_t.h. */
    private static int major(long device) {
        return (int) (device >> 8) & 0xfff;
    }

    private static int minor(long device) {
        return (int) ((device & 0xff) | ((device >> 12) & 0xfff00));
    }

    /** Opens an attached device, which so stays attached; empty when it is not attached to the same file any more. */
    public static Optional<LoopDevice> open(Attached attached) {
        Optional<LoopDevice> device = open(attached.number(), Descriptor.O_RDONLY);
        try {
            if (device.flatMap(LoopDevice::status64)
                    .filter(now -> isSame(now, attached))
                    .isPresent()) {
                return device;
            }
        } catch (RuntimeException | Error e) {
            device.ifPresent(LoopDevice::close);
            throw e;
        }
        device.ifPresent(LoopDevice::close);
        return Optional.empty();
    }

    private static boolean isSame(Attached one, Attached other) {
        return one.name().equals(other.name())
                && one.fileInode() == other.fileInode()
                && one.fileMajor() == other.fileMajor()
                && one.fileMinor() == other.fileMinor();
    }

    private static Path node(int number) {
        return DEV.resolve(NODE_PREFIX + number);
    }

    /** How many bytes it has now. */
    public long size() {
        byte[] size = new byte[Long.BYTES];
        Libc.check(descriptor.call(fd -> Libc.calls().ioctl(fd, BLKGETSIZE64, size)), "ioctl BLKGETSIZE64", text());
        return Libc.struct(size).getLong();
    }

    /** Gives it the size that its file has now; who has it open sees that at once. */
    public void setCapacity() {
        Libc.check(
                descriptor.call(fd -> Libc.calls().ioctl(fd, LOOP_SET_CAPACITY, 0)), "ioctl LOOP_SET_CAPACITY", text());
    }

    /** Waits until everything written to it is in its file, and on disk. */
    public void fsync() {
        Libc.check(descriptor.call(fd -> Libc.calls().fsync(fd)), "fsync", text());
    }

    /** Lets nobody open it for writing any more, or everybody again; who has it open is not stopped. */
    public void setReadOnly(boolean readOnly) {
        byte[] value = new byte[Integer.BYTES];
        Libc.struct(value).putInt(readOnly ? 1 : 0);
        Libc.check(descriptor.call(fd -> Libc.calls().ioctl(fd, BLKROSET, value)), "ioctl BLKROSET", text());
    }

    /**
     * Takes its file away, once this and all others have closed it and nothing mounts it. Whoever gets the number next can
     * write to it.
     *
     * @return false when it has none
     */
    public boolean detach() {
        setReadOnly(false);
        long result = descriptor.call(fd -> Libc.calls().ioctl(fd, LOOP_CLR_FD, 0));
        if (result == -Errno.ENXIO) {
            return false;
        }
        Libc.check(result, "ioctl LOOP_CLR_FD", text());
        return true;
    }

    private String text() {
        return path().toString();
    }
}
