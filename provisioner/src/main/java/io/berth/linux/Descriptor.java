package io.berth.linux;

import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.IntToLongFunction;
import java.util.function.Supplier;

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
    private final Optional<Bulkhead> bulkhead;
    private boolean closed;
    private boolean released;
    private int users;

    /** Of a file whose calls are made by whoever wants them. */
    Descriptor(long number) {
        this(number, Optional.empty());
    }

    private Descriptor(long number, Optional<Bulkhead> bulkhead) {
        this.number = (int) number;
        this.bulkhead = bulkhead;
        bulkhead.ifPresent(on -> on.opened(this));
    }

    /**
     * Opens what is at a path, for calls that are made on a bulkhead, as the opening itself is.
     *
     * @return the descriptor; empty when there is nothing
     * @throws SystemCallException for any other failure
     */
    static Optional<Descriptor> open(Path path, int flags, int resolve, Optional<Bulkhead> bulkhead) {
        byte[] bytes = FileName.encode(path.toString());
        Supplier<Long> open = () -> openat2(Libc.AT_FDCWD, bytes, flags, 0, resolve);
        long result = bulkhead.isPresent() ? bulkhead.get().call(open, Descriptor::closeOpened) : open.get();
        return result == -Errno.ENOENT
                ? Optional.empty()
                : Optional.of(new Descriptor(Libc.check(result, "openat2", path.toString()), bulkhead));
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
        return bulkhead.isPresent() ? bulkhead.get().call(() -> callHere(call)) : callHere(call);
    }

    /** As {@link #call(IntToLongFunction)}, of a call that moves data or waits until data is on disk. */
    long transfer(IntToLongFunction call) {
        return bulkhead.isPresent() ? bulkhead.get().transfer(() -> callHere(call)) : callHere(call);
    }

    /** As {@link #call(IntToLongFunction)}, of a call that opens a file, which is then {@link #opened}. */
    long open(IntToLongFunction call) {
        return bulkhead.isPresent()
                ? bulkhead.get().call(() -> callHere(call), Descriptor::closeOpened)
                : callHere(call);
    }

    /** See {@link Bulkhead#refuseWhileSilent}. */
    void refuseWhileSilent() {
        bulkhead.ifPresent(Bulkhead::refuseWhileSilent);
    }

    /** Makes calls on this and other descriptors of the same bulkhead as one, none of which moves data. */
    <T> T together(Supplier<T> calls) {
        return together(calls, late -> {});
    }

    /** As {@link #together(Supplier)}; what the calls answer after they were given up is handed to {@code late}. */
    <T> T together(Supplier<T> calls, Consumer<T> late) {
        return bulkhead.isPresent() ? bulkhead.get().call(calls, late) : calls.get();
    }

    /** As {@link #together(Supplier, Consumer)}, of calls that move data or wait until data is on disk. */
    <T> T transferTogether(Supplier<T> calls, Consumer<T> late) {
        return bulkhead.isPresent() ? bulkhead.get().transfer(calls, late) : calls.get();
    }

    /** The file that {@link #open} gave. */
    Descriptor opened(long opened) {
        return new Descriptor(opened, bulkhead);
    }

    /** As {@link #call(IntToLongFunction)}, of a call whose effect must be undone when it comes after it was given up. */
    long take(IntToLongFunction call, IntToLongFunction undo) {
        return bulkhead.isPresent()
                ? bulkhead.get().call(() -> callHere(call), late -> {
                    if (late >= 0) {
                        callHere(undo);
                    }
                })
                : callHere(call);
    }

    /** As {@link #call(IntToLongFunction)}, of a call that is made later when it cannot be made now; then it gives 0. */
    long giveBack(IntToLongFunction call) {
        return bulkhead.isPresent()
                ? bulkhead.get().nowOrLater(() -> callUnlessClosed(call), 0L)
                : callUnlessClosed(call);
    }

    private long callUnlessClosed(IntToLongFunction call) {
        return tryEnter() ? callEntered(call) : 0;
    }

    /** Makes a call on this descriptor and another. */
    long call(Descriptor other, CallOnTwo call) {
        Optional<Bulkhead> on = bulkheadWith(other);
        return on.isPresent() ? on.get().call(() -> callHere(other, call)) : callHere(other, call);
    }

    /** As {@link #call(Descriptor, CallOnTwo)}, of a call that moves data. */
    long transfer(Descriptor other, CallOnTwo call) {
        Optional<Bulkhead> on = bulkheadWith(other);
        return on.isPresent() ? on.get().transfer(() -> callHere(other, call)) : callHere(other, call);
    }

    private Optional<Bulkhead> bulkheadWith(Descriptor other) {
        return bulkhead.isPresent() ? bulkhead : other.bulkhead;
    }

    private long callHere(Descriptor other, CallOnTwo call) {
        return callHere(fd -> other.callHere(otherFd -> call.apply(fd, otherFd)));
    }

    private long callHere(IntToLongFunction call) {
        if (!tryEnter()) {
            throw new IllegalStateException("closed already");
        }
        return callEntered(call);
    }

    private long callEntered(IntToLongFunction call) {
        try {
            long result = Libc.call(number, call);
            if (result == -Errno.ESTALE || result == -Errno.EBADF) {
                bulkhead.ifPresent(Bulkhead::doubt);
            }
            return result;
        } finally {
            leave();
        }
    }

    private static void closeOpened(long opened) {
        if (opened >= 0) {
            Libc.calls().close((int) opened);
        }
    }

    interface CallOnTwo {
        long apply(int fd, int other);
    }

    private synchronized boolean tryEnter() {
        if (closed) {
            return false;
        }
        users++;
        return true;
    }

    private void leave() {
        if (isLastToLeave()) {
            closeNow();
        }
    }

    private synchronized boolean isLastToLeave() {
        users--;
        return closed && users == 0;
    }

    /** Closes once the calls under way have returned; does nothing the second time. */
    @Override
    public void close() {
        if (isToClose()) {
            var unused = bulkhead.isPresent() ? bulkhead.get().nowOrLater(this::closeNow, 0L) : closeNow();
        }
    }

    private synchronized boolean isToClose() {
        boolean first = !closed;
        closed = true;
        return first && users == 0;
    }

    /** Linux frees the number whatever close(2) answers, and fsync has told of errors before. */
    private long closeNow() {
        if (!isToRelease()) {
            return 0;
        }
        bulkhead.ifPresent(on -> on.closed(this));
        return Libc.calls().close(number);
    }

    private synchronized boolean isToRelease() {
        boolean first = !released;
        released = true;
        return first;
    }

    /**
     * Gives the file back to the kernel, also while calls on it hang: the number, which they may yet use, leads to nothing
     * that can be read or written until they have returned. May hang itself.
     */
    void abandon() {
        if (isIdle()) {
            closeNow();
        } else {
            replace();
        }
    }

    private synchronized boolean isIdle() {
        closed = true;
        return users == 0;
    }

    private synchronized void replace() {
        long nothing = released ? -1 : openat2(Libc.AT_FDCWD, FileName.encode("/"), O_PATH, 0, 0);
        if (nothing >= 0) {
            Libc.calls().dup3((int) nothing, number, O_CLOEXEC);
            Libc.calls().close((int) nothing);
        }
    }
}
