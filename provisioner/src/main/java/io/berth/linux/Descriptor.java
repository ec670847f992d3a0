package io.berth.linux;

import java.util.function.IntToLongFunction;

/**
 * A file descriptor that stays open while a call uses it, whoever closes it meanwhile: its number could else be another
 * file's by the time of the call. Thread-safe.
 */
final class Descriptor implements AutoCloseable {
    private static final long OPENAT2 = 437;

    static final int O_RDONLY = 0;
    static final int O_WRONLY = 1;
    static final int O_RDWR = 2;
    static final int O_CREAT = 0100;
    static final int O_EXCL = 0200;
    static final int O_NOCTTY = 0400;
    static final int O_NONBLOCK = 04000;
    static final int O_NOATIME = 01000000;
    static final int O_CLOEXEC = 02000000;
    static final int O_PATH = 010000000;
    /** The one flag that is not the same everywhere. */
    static final int O_DIRECTORY = "aarch64".equals(System.getProperty("os.arch")) ? 040000 : 0200000;

    static final int O_NOFOLLOW = "aarch64".equals(System.getProperty("os.arch")) ? 0100000 : 0400000;

    static final int NO_XDEV = 0x01;
    static final int NO_MAGICLINKS = 0x02;
    static final int NO_SYMLINKS = 0x04;
    private static final int RESOLVE_BENEATH = 0x08;

    /** Below the directory, through no symbolic link. */
    static final int BENEATH = RESOLVE_BENEATH | NO_SYMLINKS | NO_MAGICLINKS;

    private final int number;
    private boolean closed;
    private int users;

    Descriptor(long number) {
        this.number = (int) number;
    }

    /** Opens by openat2(2); the answer is the descriptor's number, or {@code -errno}. */
    static long openat2(int fd, byte[] path, int flags, int mode, int resolve) {
        byte[] how = new byte[24];
        Libc.struct(how).putLong(flags | O_CLOEXEC).putLong(mode).putLong(resolve);
        return Libc.call(() -> Libc.calls().syscall(OPENAT2, fd, path, how, how.length));
    }

    /**
     * A path that leads to what the descriptor is and no further, be it a symbolic link; for the calls that take no
     * O_PATH descriptor. See proc_pid_fd(5).
     */
    static byte[] path(int fd) {
        return FileName.encode("/proc/self/fd/" + fd);
    }

    /** Makes one call on the descriptor; a failure is {@code -errno}. */
    long call(IntToLongFunction call) {
        enter();
        try {
            return Libc.call(() -> call.applyAsLong(number));
        } finally {
            leave();
        }
    }

    /** Makes a call on this descriptor and another. */
    long call(Descriptor other, CallOnTwo call) {
        enter();
        try {
            return other.call(second -> call.apply(number, second));
        } finally {
            leave();
        }
    }

    interface CallOnTwo {
        long apply(int fd, int other);
    }

    private synchronized void enter() {
        if (closed) {
            throw new IllegalStateException("closed already");
        }
        users++;
    }

    private synchronized void leave() {
        users--;
        closeUnused();
    }

    /** Closes once the calls under way have returned; does nothing the second time. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            closeUnused();
        }
    }

    private void closeUnused() {
        if (closed && users == 0) {
            // Linux frees the number whatever close(2) answers, and fsync has told of errors before.
            Libc.calls().close(number);
        }
    }
}
