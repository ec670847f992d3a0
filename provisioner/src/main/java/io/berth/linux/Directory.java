package io.berth.linux;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * An open directory. Every name is one component, of 1 to 255 bytes, neither {@code .} nor {@code ..}, else the method
 * throws IllegalArgumentException; a symbolic link of that name is never followed.
 */
public final class Directory extends OpenFile {
    private static final int ENTRIES_AT_ONCE = 1000;
    private static final int SEEK_SET = 0;
    private static final long FIFREEZE = 0xc0045877L;
    private static final long FITHAW = 0xc0045878L;
    private static final byte[] PARENT = {'.', '.', 0};
    private static final int OPEN_DIRECTORY = Descriptor.O_RDONLY | Descriptor.O_DIRECTORY;

    /** Empty until it is asked for. */
    private volatile Optional<Boolean> keepsOrderOfNames = Optional.empty();

    Directory(Descriptor descriptor, Path path) {
        super(descriptor, path);
    }

    /**
     * Opens a configured directory; here, and only here, symbolic links are followed.
     *
     * @throws SystemCallException also when it does not exist
     */
    public static Directory open(Path absolute) {
        return open(absolute, Optional.empty());
    }

    /** As {@link #open(Path)}; all calls on it, and on what is opened by it, are made on the bulkhead, if there is one. */
    public static Directory open(Path absolute, Optional<Bulkhead> bulkhead) {
        if (!absolute.isAbsolute()) {
            throw new IllegalArgumentException("not an absolute path: " + absolute);
        }
        return Descriptor.open(absolute, OPEN_DIRECTORY, 0, bulkhead)
                .map(opened -> new Directory(opened, absolute))
                .orElseThrow(() -> new SystemCallException("openat2", absolute.toString(), Errno.ENOENT));
    }

    /**
     * Opens a directory in this one.
     *
     * @return empty when there is none
     * @throws SystemCallException ELOOP when it is a symbolic link, ENOTDIR when it is another file
     */
    public Optional<Directory> openDirectory(String name) {
        return open(name, OPEN_DIRECTORY).map(opened -> new Directory(opened, pathOf(name)));
    }

    /**
     * As {@link #openDirectory}, but never a directory on which something is mounted; what is mounted is left in peace.
     *
     * @throws SystemCallException also EXDEV when something is mounted there
     */
    public Optional<Directory> openSameMount(String name) {
        return openSameMount(name, OPEN_DIRECTORY).map(opened -> new Directory(opened, pathOf(name)));
    }

    /**
     * Opens the directory that this one is in now, which is another than before when this one was moved.
     *
     * @throws SystemCallException EXDEV when this is the root of a mount, ENOENT when it was removed
     */
    public Directory openParent() {
        int resolve = Descriptor.NO_SYMLINKS | Descriptor.NO_MAGICLINKS | Descriptor.NO_XDEV;
        return open(PARENT, OPEN_DIRECTORY, resolve, "..")
                .map(opened -> new Directory(opened, pathOfParent()))
                .orElseThrow(this::removed);
    }

    Optional<Descriptor> openSameMount(String name, int flags) {
        return open(FileName.component(name), flags, Descriptor.BENEATH | Descriptor.NO_XDEV, name);
    }

    private Optional<Descriptor> open(String name, int flags) {
        return open(FileName.component(name), flags, Descriptor.BENEATH, name);
    }

    /**
     * Opens a directory some levels below this one, through no symbolic link.
     *
     * @param relative without {@code ..}; {@code .} opens this directory once more
     * @return empty when there is none
     * @throws SystemCallException ELOOP when a component is a symbolic link, ENOTDIR when one is another file
     */
    public Optional<Directory> openBeneath(Path relative) {
        Path path = path().resolve(relative).normalize();
        return openBeneath(relative, OPEN_DIRECTORY).map(opened -> new Directory(opened, path));
    }

    /** Whether the way to a path below this directory leads over a mount, the path itself included; false where it ends. */
    public boolean crossesMount(Path relative) {
        byte[] path = FileName.encode(relative.toString());
        int resolve = Descriptor.BENEATH | Descriptor.NO_XDEV;
        long result = descriptor.open(fd -> Descriptor.openat2(fd, path, OPEN_DIRECTORY, 0, resolve));
        if (result >= 0) {
            descriptor.opened(result).close();
        }
        return result == -Errno.EXDEV;
    }

    Optional<Descriptor> openBeneath(Path relative, int flags) {
        if (relative.isAbsolute() || relative.toString().isEmpty()) {
            throw new IllegalArgumentException("not a relative path: \"" + relative + "\"");
        }
        for (Path component : relative) {
            if (component.toString().equals("..")) {
                throw new IllegalArgumentException("a path with \"..\": \"" + relative + "\"");
            }
        }
        return open(FileName.encode(relative.toString()), flags, Descriptor.BENEATH, relative.toString());
    }

    private Optional<Descriptor> open(byte[] relative, int flags, int resolve, String name) {
        long result = descriptor.open(fd -> Descriptor.openat2(fd, relative, flags, 0, resolve));
        if (result == -Errno.ENOENT) {
            return Optional.empty();
        }
        if (result < 0) {
            throw new SystemCallException("openat2", text(name), (int) -result);
        }
        return Optional.of(descriptor.opened(result));
    }

    /**
     * Makes a directory.
     *
     * @param mode exactly what it will have, whatever the umask and the setgid bit of this directory are
     * @return false when something of that name exists
     */
    public boolean mkdir(String name, int mode) {
        return descriptor.together(() -> mkdirHere(name, mode));
    }

    private boolean mkdirHere(String name, int mode) {
        byte[] component = FileName.component(name);
        long result = descriptor.call(fd -> Libc.calls().mkdirat(fd, component, mode & 0700));
        if (result == -Errno.EEXIST) {
            return false;
        }
        Libc.check(result, "mkdirat", text(name));
        Directory made =
                openDirectory(name).orElseThrow(() -> new SystemCallException("mkdirat", text(name), Errno.ENOENT));
        try (made) {
            if (made.status().mode() != mode) {
                made.chmod(mode);
            }
        } catch (SystemCallException e) {
            descriptor.call(fd -> Libc.calls().unlinkat(fd, component, Libc.AT_REMOVEDIR));
            throw e; // the first error is the one to tell
        }
        return true;
    }

    /** Opens this directory once more, with a position of its own. */
    public Directory again() {
        return openBeneath(Path.of(".")).orElseThrow(this::removed);
    }

    /**
     * Reads a regular file whole.
     *
     * @return empty when there is none
     * @throws SystemCallException EFBIG when it has more than {@code maxBytes}, EISDIR or EINVAL when it is no regular
     *     file
     */
    public Optional<byte[]> read(String name, int maxBytes) {
        return descriptor.together(() -> readHere(name, maxBytes, false));
    }

    /** As {@link #read}; refuses a file that others may have written, see {@link FileStatus#requireOurs}. */
    public Optional<byte[]> readOurs(String name, int maxBytes) {
        return descriptor.together(() -> readHere(name, maxBytes, true));
    }

    private Optional<byte[]> readHere(String name, int maxBytes, boolean ours) {
        // Without O_NONBLOCK the opening of a FIFO that somebody planted would wait for a writer.
        int flags = Descriptor.O_RDONLY | Descriptor.O_NONBLOCK | Descriptor.O_NOCTTY;
        Optional<Descriptor> opened = open(name, flags);
        if (opened.isEmpty()) {
            return Optional.empty();
        }
        try (Descriptor file = opened.get()) {
            FileStatus status = FileStatus.of(file, text(name));
            if (status.type() != FileType.REGULAR) {
                int errno = status.type() == FileType.DIRECTORY ? Errno.EISDIR : Errno.EINVAL;
                throw new SystemCallException("read", text(name), errno);
            }
            if (ours) {
                status.requireOurs(text(name));
            }
            return Optional.of(readAll(file, status.size(), maxBytes, text(name)));
        }
    }

    private static byte[] readAll(Descriptor file, long size, int maxBytes, String text) {
        // One byte more than is expected, so that the end of the file shows.
        byte[] bytes = new byte[(int) Math.min(size, maxBytes) + 1];
        int length = 0;
        while (true) {
            ByteBuffer room = ByteBuffer.wrap(bytes, length, bytes.length - length);
            long result = file.call(fd -> Libc.calls().read(fd, room, room.remaining()));
            length += (int) Libc.check(result, "read", text);
            if (length > maxBytes) {
                throw new SystemCallException("read", text, Errno.EFBIG);
            }
            if (length < bytes.length) {
                return Arrays.copyOf(bytes, length); // of a regular file less comes at its end only
            }
            bytes = Arrays.copyOf(bytes, (int) Math.min(2L * length, maxBytes) + 1);
        }
    }

    /**
     * Makes a file with this content, which is on disk when the method returns; its name is only after
     * {@link #fsync}. When writing fails, the file is removed again.
     *
     * @param mode less the bits of the umask
     * @return false when something of that name exists
     */
    public boolean create(String name, byte[] content, int mode) {
        return descriptor.transferTogether(() -> createHere(name, content, mode), late -> {});
    }

    private boolean createHere(String name, byte[] content, int mode) {
        byte[] component = FileName.component(name);
        int flags = Descriptor.O_WRONLY | Descriptor.O_CREAT | Descriptor.O_EXCL;
        long result = descriptor.open(fd -> Descriptor.openat2(fd, component, flags, mode, Descriptor.BENEATH));
        if (result == -Errno.EEXIST) {
            return false;
        }
        Libc.check(result, "openat2", text(name));
        try (Descriptor file = descriptor.opened(result)) {
            writeAll(file, content, text(name));
            Libc.check(file.transfer(fd -> Libc.calls().fsync(fd)), "fsync", text(name));
        } catch (SystemCallException e) {
            descriptor.call(fd -> Libc.calls().unlinkat(fd, component, 0)); // the first error is the one to tell
            throw e;
        }
        return true;
    }

    private static void writeAll(Descriptor file, byte[] content, String text) {
        int written = 0;
        while (written < content.length) {
            ByteBuffer rest = ByteBuffer.wrap(content, written, content.length - written);
            long result = file.call(fd -> Libc.calls().write(fd, rest, rest.remaining()));
            written += (int) Libc.check(result, "write", text);
        }
    }

    /**
     * Gives a file a second name.
     *
     * @return false when something has that name
     */
    public boolean link(String name, Directory to, String newName) {
        byte[] component = FileName.component(name);
        byte[] newComponent = FileName.component(newName);
        long result =
                descriptor.call(to.descriptor, (fd, toFd) -> Libc.calls().linkat(fd, component, toFd, newComponent, 0));
        if (result == -Errno.EEXIST) {
            return false;
        }
        Libc.check(result, "linkat", text(name) + " to " + to.text(newName));
        return true;
    }

    /**
     * Makes a symbolic link.
     *
     * @param target any text of 1 to 4095 bytes; nothing need be there
     * @return false when something has that name
     */
    public boolean symlink(String target, String name) {
        byte[] component = FileName.component(name);
        byte[] text = FileName.encode(target);
        return made(descriptor.call(fd -> Libc.calls().symlinkat(text, fd, component)), "symlinkat", name);
    }

    /**
     * Makes a FIFO, a socket's file or a device, with mode 0600 less the bits of the umask.
     *
     * @param major with {@code minor} the device; 0 for what is none
     * @return false when something has that name
     */
    public boolean mknod(String name, FileType type, int major, int minor) {
        byte[] component = FileName.component(name);
        int mode = type.modeBits() | 0600;
        long device = device(Integer.toUnsignedLong(major), Integer.toUnsignedLong(minor));
        return made(descriptor.call(fd -> Libc.calls().mknodat(fd, component, mode, device)), "mknodat", name);
    }

    /** As the C library has it. See makedev(3). */
    private static long device(long major, long minor) {
        return (major & 0xfffff000L) << 32 | (major & 0xfff) << 8 | (minor & 0xffffff00L) << 12 | (minor & 0xff);
    }

    private boolean made(long result, String call, String name) {
        if (result == -Errno.EEXIST) {
            return false;
        }
        Libc.check(result, call, text(name));
        return true;
    }

    /**
     * Renames, replacing a file, or an empty directory by a directory.
     *
     * @return false when there is nothing of the old name
     */
    public boolean rename(String name, Directory to, String newName) {
        byte[] component = FileName.component(name);
        byte[] newComponent = FileName.component(newName);
        long result =
                descriptor.call(to.descriptor, (fd, toFd) -> Libc.calls().renameat(fd, component, toFd, newComponent));
        if ((result == -Errno.ENOENT || result == -Errno.EXDEV) && status(name).isEmpty()) {
            return false; // else it is the directory to go to that was removed, or lies on another file system
        }
        Libc.check(result, "renameat", text(name) + " to " + to.text(newName));
        return true;
    }

    /**
     * Waits until what was renamed from another directory to this one is on disk here, and no longer there: a power cut
     * leaves one of the names.
     */
    public void syncAfterMove(Directory from) {
        fsync();
        if (!keepsOrderOfNames()) {
            from.fsync(); // after the new name is safe: the other way round a power cut could leave none
        }
    }

    /** Whether {@link #fsync} of one directory of its file system waits for all earlier changes of names in others too. */
    public boolean keepsOrderOfNames() {
        Optional<Boolean> known = keepsOrderOfNames;
        if (known.isEmpty()) {
            known = Optional.of(fileSystem().keepsOrderOfNames());
            keepsOrderOfNames = known;
        }
        return known.get();
    }

    /**
     * Removes a name that is no directory's.
     *
     * @return false when there is none
     */
    public boolean unlink(String name) {
        return remove(name, 0);
    }

    /**
     * Removes an empty directory.
     *
     * @return false when there is none
     * @throws SystemCallException ENOTEMPTY, ENOTDIR, EBUSY when something is mounted on it
     */
    public boolean rmdir(String name) {
        return remove(name, Libc.AT_REMOVEDIR);
    }

    private boolean remove(String name, int flags) {
        byte[] component = FileName.component(name);
        long result = descriptor.call(fd -> Libc.calls().unlinkat(fd, component, flags));
        if (result == -Errno.ENOENT) {
            return false;
        }
        Libc.check(result, "unlinkat", text(name));
        return true;
    }

    /** The status of a name in this directory, of the link itself if it is one; empty when there is none. */
    public Optional<FileStatus> status(String name) {
        return FileStatus.of(descriptor, FileName.component(name), text(name));
    }

    /** Waits until the names in this directory, and its mode and owner, are on disk. */
    public void fsync() {
        Libc.check(descriptor.transfer(fd -> Libc.calls().fsync(fd)), "fsync", this);
    }

    /**
     * Waits until everything written to this directory's file system is on disk, other files than those below it too.
     *
     * @throws SystemCallException when any of it could not be written since this directory was opened
     */
    public void syncfs() {
        Libc.check(descriptor.transfer(fd -> Libc.calls().syncfs(fd)), "syncfs", this);
    }

    /**
     * Stops all writing to this directory's file system, with everything written so far on disk, until {@link #fithaw}:
     * writers wait. See ioctl_fsfreeze(2).
     *
     * @return false when it is frozen already
     */
    public boolean fifreeze() {
        long result = descriptor.call(fd -> Libc.calls().ioctl(fd, FIFREEZE, 0));
        if (result == -Errno.EBUSY) {
            return false;
        }
        Libc.check(result, "ioctl FIFREEZE", this);
        return true;
    }

    /**
     * Lets writing go on after {@link #fifreeze}, whoever called that.
     *
     * @return false when it is not frozen
     */
    public boolean fithaw() {
        long result = descriptor.call(fd -> Libc.calls().ioctl(fd, FITHAW, 0));
        if (result == -Errno.EINVAL) {
            return false;
        }
        Libc.check(result, "ioctl FITHAW", this);
        return true;
    }

    /**
     * Reads a page of names; it costs the same wherever it begins. A name that is there during all pages is in exactly
     * one of them, whatever comes and goes meanwhile. Several threads may list at once.
     *
     * @param cookie 0 for the first page, else {@link Listing#next} of the one before
     * @param maxEntries 1 or more
     * @throws SystemCallException EINVAL when the file system knows that the cookie is none
     */
    public Listing list(long cookie, int maxEntries) {
        if (maxEntries < 1) {
            throw new IllegalArgumentException("maxEntries " + maxEntries + ": at least 1");
        }
        return descriptor.together(() -> listHere(cookie, maxEntries));
    }

    private Listing listHere(long cookie, int maxEntries) {
        try (Directory page = again()) {
            Libc.check(page.descriptor.call(fd -> Libc.calls().lseek(fd, cookie, SEEK_SET)), "lseek", this);
            return page.readPage(cookie, maxEntries);
        }
    }

    /** Hands over everything in it, read page by page. */
    public void forEachEntry(Consumer<Listing.Entry> action) {
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            Listing page = list(next.getAsLong(), ENTRIES_AT_ONCE);
            page.entries().forEach(action);
            next = page.next();
        }
    }

    private SystemCallException removed() {
        return new SystemCallException("openat2", path().toString(), Errno.ENOENT);
    }

    private Listing readPage(long cookie, int maxEntries) {
        DirectoryReader reader = new DirectoryReader(this, maxEntries);
        List<Listing.Entry> entries = new ArrayList<>();
        long next = cookie;
        for (Optional<Listing.Entry> entry = reader.next(); entry.isPresent(); entry = reader.next()) {
            if (entries.size() == maxEntries) {
                return new Listing(List.copyOf(entries), OptionalLong.of(next));
            }
            entries.add(entry.get());
            next = entry.get().cookie();
        }
        return new Listing(List.copyOf(entries), OptionalLong.empty());
    }

    String text(String name) {
        // Not Path.resolve: a name need not be one that Path can hold.
        return path() + "/" + name;
    }
}
