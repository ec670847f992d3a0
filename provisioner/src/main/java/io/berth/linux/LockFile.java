package io.berth.linux;

import java.util.Optional;
import java.util.function.Supplier;

/**
 * A file whose bytes are locks, among processes and among all who opened it in one process: open file description locks
 * of fcntl(2), which end with the process. Thread-safe.
 */
public final class LockFile implements AutoCloseable {
    private static final int F_OFD_SETLK = 37;
    private static final short F_RDLCK = 0;
    private static final short F_WRLCK = 1;
    private static final short F_UNLCK = 2;
    private static final int STRUCT_BYTES = 32;

    private final Descriptor descriptor;
    private final String path;
    private final boolean readOnly;

    private LockFile(Descriptor descriptor, String path, boolean readOnly) {
        this.descriptor = descriptor;
        this.path = path;
        this.readOnly = readOnly;
    }

    /**
     * Opens a lock file, made with mode 0600 when it is missing. On a file system that is read-only nobody changes what a
     * lock protects, and every lock is shared.
     *
     * @throws SystemCallException ELOOP when it is a symbolic link
     */
    public static LockFile open(Directory directory, String name) {
        byte[] component = FileName.component(name);
        String path = directory.path() + "/" + name;
        long result = open(directory, component, Descriptor.O_RDWR | Descriptor.O_CREAT, 0600);
        boolean readOnly = result == -Errno.EROFS;
        long opened = readOnly ? open(directory, component, Descriptor.O_RDONLY, 0) : result;
        return new LockFile(directory.descriptor.opened(Libc.check(opened, "openat2", path)), path, readOnly);
    }

    private static long open(Directory directory, byte[] component, int access, int mode) {
        int flags = access | Descriptor.O_NONBLOCK | Descriptor.O_NOCTTY;
        return directory.descriptor.open(fd -> Descriptor.openat2(fd, component, flags, mode, Descriptor.BENEATH));
    }

    /**
     * Locks one byte exclusively if nobody has it. A byte locked through this same object is not refused, so threads
     * agree among themselves first.
     *
     * @param offset 0 or more; the file need not be that long
     * @return empty when another process, or another LockFile, has it
     */
    public Optional<Held> tryLock(long offset) {
        return tryLock(F_WRLCK, offset);
    }

    /**
     * Locks one byte, as {@link #tryLock} does, but along with others who do the same.
     *
     * @return empty when another process, or another LockFile, has it exclusively
     */
    public Optional<Held> tryLockShared(long offset) {
        return tryLock(F_RDLCK, offset);
    }

    private Optional<Held> tryLock(short type, long offset) {
        byte[] lock = flock(readOnly ? F_RDLCK : type, offset);
        byte[] unlock = flock(F_UNLCK, offset);
        long result = descriptor.take(
                fd -> Libc.calls().fcntl(fd, F_OFD_SETLK, lock),
                fd -> Libc.calls().fcntl(fd, F_OFD_SETLK, unlock));
        if (result == -Errno.EAGAIN || result == -Errno.EACCES) {
            return Optional.empty();
        }
        Libc.check(result, "fcntl", path);
        return Optional.of(new Held(offset));
    }

    private static byte[] flock(short type, long offset) {
        byte[] flock = new byte[STRUCT_BYTES];
        Libc.struct(flock).putShort(0, type).putLong(8, offset).putLong(16, 1);
        return flock;
    }

    /**
     * Refuses while the storage that it lies on is silent, as a call on it would.
     *
     * @throws io.berth.fault.Fault UNAVAILABLE
     */
    public void refuseWhileSilent() {
        descriptor.refuseWhileSilent();
    }

    /**
     * Makes calls on files that lie on the same storage as this as one, which may take as long as one that moves data. Where
     * calls are made on a bulkhead, each would change threads twice; and these are given up together.
     */
    public <T> T together(Supplier<T> calls) {
        return descriptor.transferTogether(calls, late -> {});
    }

    /** Closes the file and so gives back every lock. */
    @Override
    public void close() {
        descriptor.close();
    }

    /** A byte that is locked until this is closed, or the file, or the process ends. */
    public final class Held implements AutoCloseable {
        private final long offset;

        private Held(long offset) {
            this.offset = offset;
        }

        /** Unlocks; harmless when repeated, unless the byte was locked anew through the same LockFile. */
        @Override
        public void close() {
            byte[] unlock = flock(F_UNLCK, offset);
            Libc.check(descriptor.giveBack(fd -> Libc.calls().fcntl(fd, F_OFD_SETLK, unlock)), "fcntl", path);
        }
    }
}
