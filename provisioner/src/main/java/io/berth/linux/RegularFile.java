package io.berth.linux;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ThreadLocalRandom;

/** An open regular file: its data, and how to share or copy it without reading it. Thread-safe, as the kernel is. */
public final class RegularFile extends OpenFile {
    private static final long FICLONE = 0x40049409L;
    /** Without O_NONBLOCK the opening of a FIFO that took a file's name would wait for a writer. */
    private static final int READ =
            Descriptor.O_RDONLY | Descriptor.O_NOATIME | Descriptor.O_NONBLOCK | Descriptor.O_NOCTTY;

    private static final int WRITE = Descriptor.O_RDWR | Descriptor.O_NONBLOCK | Descriptor.O_NOCTTY;

    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;

    private static final long FS_IOC_FIEMAP = 0xc020660bL;
    private static final int FIEMAP_FLAG_SYNC = 1;
    // struct fiemap: u64 start, u64 length, u32 flags, u32 mapped extents, u32 extent count, u32 reserved
    private static final int FIEMAP_BYTES = 32;
    private static final int FIEMAP_MAPPED = 20;

    private RegularFile(Descriptor descriptor, Path path) {
        super(descriptor, path);
    }

    private RegularFile(Descriptor descriptor, Directory directory, String name) {
        super(descriptor, directory.path(), name);
    }

    /**
     * Makes an empty file, open for reading and writing.
     *
     * @param mode less the bits of the umask
     * @return empty when something of that name exists
     */
    public static Optional<RegularFile> create(Directory directory, String name, int mode) {
        return create(directory, name, mode, Descriptor.O_RDWR);
    }

    /**
     * As {@link #create(Directory, String, int)}, open for writing alone: an NFS server would hand who may read a delegation
     * too, to be given back at the file's next change.
     */
    public static Optional<RegularFile> createForWriting(Directory directory, String name, int mode) {
        return create(directory, name, mode, Descriptor.O_WRONLY);
    }

    /** Makes an empty file without a name, open for reading and writing, which is gone when it is closed. */
    public static RegularFile createNameless(Directory directory) {
        String name = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
        RegularFile file = create(directory, name, 0600)
                .orElseThrow(() -> new SystemCallException("openat2", directory.text(name), Errno.EEXIST));
        try {
            directory.unlink(name);
            return file;
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private static Optional<RegularFile> create(Directory directory, String name, int mode, int access) {
        byte[] component = FileName.component(name);
        int flags = access | Descriptor.O_CREAT | Descriptor.O_EXCL;
        long result =
                directory.descriptor.open(fd -> Descriptor.openat2(fd, component, flags, mode, Descriptor.BENEATH));
        if (result == -Errno.EEXIST) {
            return Optional.empty();
        }
        if (result < 0) {
            throw new SystemCallException("openat2", directory.text(name), (int) -result);
        }
        return Optional.of(new RegularFile(directory.descriptor.opened(result), directory, name));
    }

    /**
     * Opens for reading, which leaves the access time alone.
     *
     * @return empty when there is none, or another type of file
     * @throws SystemCallException EXDEV when something is mounted there; EAGAIN while a process has a lease on it, which it
     *     is asked to give up, and loses when it does not within the time of /proc/sys/fs/lease-break-time: see fcntl(2)
     */
    public static Optional<RegularFile> open(Directory directory, String name) {
        return look(directory, name).map(Found::file);
    }

    /** A file, and what its status was when it was opened. */
    public record Found(RegularFile file, FileStatus status) {}

    /** As {@link #open(Directory, String)}, with the status that it was told by. */
    public static Optional<Found> look(Directory directory, String name) {
        return look(directory, name, READ);
    }

    /**
     * Opens for reading and writing.
     *
     * @return empty when there is none, or another type of file
     * @throws SystemCallException EXDEV when something is mounted there
     */
    public static Optional<RegularFile> openForWriting(Directory directory, String name) {
        return look(directory, name, WRITE).map(Found::file);
    }

    private static Optional<Found> look(Directory directory, String name, int flags) {
        Optional<Descriptor> opened;
        try {
            opened = directory.openSameMount(name, flags);
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ELOOP || e.errno() == Errno.ENXIO || e.errno() == Errno.ENODEV) {
                return Optional.empty(); // a symbolic link, a socket, a device without a driver
            }
            throw e;
        }
        if (opened.isEmpty()) {
            return Optional.empty();
        }
        RegularFile file = new RegularFile(opened.get(), directory, name);
        try {
            FileStatus status = file.status();
            if (status.type() == FileType.REGULAR) {
                return Optional.of(new Found(file, status));
            }
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
        file.close();
        return Optional.empty();
    }

    /**
     * Opens for reading the very file that is held, wherever it has been moved; reading it leaves its access time alone.
     *
     * @param file one whose status says REGULAR; the opening of another could have effects
     */
    public static RegularFile open(PathHandle file) {
        long result = file.descriptor.open(fd -> Descriptor.openat2(Libc.AT_FDCWD, Descriptor.path(fd), READ, 0, 0));
        return new RegularFile(
                file.descriptor.opened(Libc.check(result, "openat2", file.path().toString())), file.path());
    }

    /**
     * Shares all data of another file in place of this one's, whose size it takes. See ioctl_ficlone(2).
     *
     * @return false when these two files cannot share: not on one file system, or on one that cannot
     */
    public boolean ficlone(RegularFile source) {
        long result = descriptor.transfer(
                source.descriptor, (fd, sourceFd) -> Libc.calls().ioctl(fd, FICLONE, sourceFd));
        if (cannotTogether(result)) {
            return false;
        }
        Libc.check(result, "ioctl FICLONE", this);
        return true;
    }

    /**
     * Has the kernel copy bytes of another file to the same place in this one.
     *
     * @return how many were copied, 0 at the source's end; empty when the kernel cannot copy between these two
     */
    public OptionalLong copyFileRange(RegularFile source, long offset, long length) {
        byte[] at = new byte[Long.BYTES];
        Libc.struct(at).putLong(offset);
        long result = source.descriptor.transfer(
                descriptor, (sourceFd, fd) -> Libc.calls().copy_file_range(sourceFd, at, fd, at, length, 0));
        if (cannotTogether(result)) {
            return OptionalLong.empty();
        }
        return OptionalLong.of(Libc.check(result, "copy_file_range", source));
    }

    /** The answers of a kernel that does not do this with these two files, though it may with others. */
    private static boolean cannotTogether(long result) {
        return switch ((int) -Math.min(result, 0)) {
            case Errno.EOPNOTSUPP, Errno.EXDEV, Errno.EINVAL, Errno.ENOTTY, Errno.ENOSYS, Errno.ETXTBSY -> true;
            default -> false;
        };
    }

    /** Reads into the buffer what is at an offset, as much as fits; -1 at the end. Moves the buffer's position. */
    public int pread(ByteBuffer buffer, long offset) {
        long result = descriptor.transfer(fd -> Libc.calls().pread(fd, buffer, buffer.remaining(), offset));
        int count = (int) Libc.check(result, "pread", this);
        buffer.position(buffer.position() + count);
        return count == 0 ? -1 : count;
    }

    /** Writes all of the buffer at an offset. Moves the buffer's position. */
    public void pwrite(ByteBuffer buffer, long offset) {
        long at = offset;
        while (buffer.hasRemaining()) {
            long place = at;
            long result = descriptor.transfer(fd -> Libc.calls().pwrite(fd, buffer, buffer.remaining(), place));
            int count = (int) Libc.check(result, "pwrite", this);
            buffer.position(buffer.position() + count);
            at += count;
        }
    }

    /** Where data begins, at the offset or after it; empty when only a hole or nothing follows. See lseek(2). */
    public OptionalLong seekData(long offset) {
        return seek(offset, SEEK_DATA);
    }

    /** Where a hole begins, at the offset or after it, the end of the file being one; empty past the end. */
    public OptionalLong seekHole(long offset) {
        return seek(offset, SEEK_HOLE);
    }

    private OptionalLong seek(long offset, int whence) {
        long result = descriptor.call(fd -> Libc.calls().lseek(fd, offset, whence));
        return result == -Errno.ENXIO ? OptionalLong.empty() : OptionalLong.of(Libc.check(result, "lseek", this));
    }

    /**
     * Where the file's data lies, after writing what is not on the device yet. See linux/fiemap.h.
     *
     * @param offset where to begin; an extent around it counts
     * @param most how many extents to tell at most, 1 or more
     * @return in order of their offsets; empty when there is no data at the offset or after it
     * @throws SystemCallException EOPNOTSUPP when the file system does not tell
     */
    public List<Extent> fiemap(long offset, int most) {
        byte[] fiemap = new byte[FIEMAP_BYTES + most * Extent.BYTES];
        ByteBuffer struct = Libc.struct(fiemap);
        struct.putLong(offset)
                .putLong(-1 - offset)
                .putInt(FIEMAP_FLAG_SYNC)
                .putInt(0)
                .putInt(most);
        long result = descriptor.call(fd -> Libc.calls().ioctl(fd, FS_IOC_FIEMAP, fiemap));
        Libc.check(result, "ioctl FS_IOC_FIEMAP", this);
        List<Extent> extents = new ArrayList<>();
        for (int i = 0; i < struct.getInt(FIEMAP_MAPPED); i++) {
            extents.add(Extent.decode(struct, FIEMAP_BYTES + i * Extent.BYTES));
        }
        return extents;
    }

    /** Waits until the file's content and size are on disk. */
    public void fsync() {
        Libc.check(descriptor.transfer(fd -> Libc.calls().fsync(fd)), "fsync", this);
    }

    /** Makes it so many bytes long; what is added is a hole. */
    public void ftruncate(long size) {
        Libc.check(descriptor.transfer(fd -> Libc.calls().ftruncate(fd, size)), "ftruncate", this);
    }
}
