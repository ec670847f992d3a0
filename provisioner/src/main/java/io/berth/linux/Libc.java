package io.berth.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.IntToLongFunction;
import java.util.function.LongSupplier;
import jnr.ffi.LastError;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.size_t;
import org.jspecify.annotations.Nullable;

/**
 * The C library. Paths are bytes that end with NUL, structures are bytes in native order. The layouts and numbers here
 * and in the classes that use it hold for x86-64 and aarch64, on which C passes variadic arguments like all others.
 */
final class Libc {
    static final int AT_FDCWD = -100;
    static final int AT_SYMLINK_NOFOLLOW = 0x100;
    static final int AT_REMOVEDIR = 0x200;
    static final int AT_EMPTY_PATH = 0x1000;

    static final byte[] EMPTY_PATH = {0};

    private Libc() {}

    /** Public only in the class file, where jnr-ffi needs it. */
    public interface Calls {
        int chmod(@In byte[] path, int mode);

        int close(int fd);

        int connect(int fd, @In byte[] address, int length);

        long copy_file_range(int fd, @In byte[] offset, int toFd, @In byte[] toOffset, @size_t long length, int flags);

        int fchmod(int fd, int mode);

        int fchownat(int fd, @In byte[] path, int uid, int gid, int flags);

        int dup3(int fd, int number, int flags);

        int fcntl(int fd, int command, @In byte[] argument);

        long flistxattr(int fd, @Out byte @Nullable [] list, @size_t long size);

        int fstatfs(int fd, @Out byte[] statfs);

        int fsync(int fd);

        int getsockopt(int fd, int level, int option, @Out byte[] value, @In @Out byte[] length);

        int ftruncate(int fd, long length);

        long getdents64(int fd, @Out byte[] buffer, @size_t long length);

        int geteuid();

        long getxattr(@In byte[] path, @In byte[] name, @Out byte @Nullable [] value, @size_t long size);

        int ioctl(int fd, long request, int argument);

        int ioctl(int fd, long request, @In @Out byte[] argument);

        int linkat(int fd, @In byte[] path, int newFd, @In byte[] newPath, int flags);

        long listxattr(@In byte[] path, @Out byte @Nullable [] list, @size_t long size);

        long lseek(int fd, long offset, int whence);

        int mkdirat(int fd, @In byte[] path, int mode);

        int mknodat(int fd, @In byte[] path, int mode, long device);

        int open_by_handle_at(int mountFd, @In byte[] handle, int flags);

        long pread(int fd, @Out ByteBuffer buffer, @size_t long length, long offset);

        long pwrite(int fd, @In ByteBuffer buffer, @size_t long length, long offset);

        long read(int fd, @Out ByteBuffer buffer, @size_t long length);

        long readlinkat(int fd, @In byte[] path, @Out byte[] target, @size_t long size);

        int removexattr(@In byte[] path, @In byte[] name);

        int renameat(int fd, @In byte[] path, int newFd, @In byte[] newPath);

        int setxattr(@In byte[] path, @In byte[] name, @In byte[] value, @size_t long size, int flags);

        int statx(int fd, @In byte[] path, int flags, int mask, @Out byte[] statx);

        int symlinkat(@In byte[] target, int fd, @In byte[] path);

        int socket(int domain, int type, int protocol);

        int syncfs(int fd);

        int umask(int mask);

        int umount2(@In byte[] path, int flags);

        int unshare(int flags);

        int unlinkat(int fd, @In byte[] path, int flags);

        int utimensat(int fd, @In byte[] path, @In byte[] times, int flags);

        long write(int fd, @In ByteBuffer buffer, @size_t long length);

        // The calls that no libc, or only a recent one, has a wrapper for. The comment names them.

        /** open_tree. */
        long syscall(long number, int fd, @In byte[] path, int flags);

        /** openat2. */
        long syscall(long number, int fd, @In byte[] path, @In byte[] how, @size_t long length);

        /** mount_setattr. */
        long syscall(long number, int fd, @In byte[] path, int flags, @In byte[] attributes, @size_t long length);

        /** move_mount. */
        long syscall(long number, int fd, @In byte[] path, int toFd, @In byte[] toPath, int flags);

        /** fsopen. */
        long syscall(long number, @In byte[] name, int flags);

        /** fsconfig. */
        long syscall(long number, int fd, int command, @In byte @Nullable [] key, @In byte @Nullable [] value, int aux);

        /** fsmount. */
        long syscall(long number, int fd, int flags, int attributes);

        /** quotactl_fd. */
        long syscall(long number, int fd, int command, int id, @In @Out byte[] argument);
    }

    /** The library itself, loaded when this is first asked for. */
    static Calls calls() {
        return Loaded.calls;
    }

    /** From now on calls go through these. */
    static void use(Calls calls) {
        Loaded.calls = calls;
    }

    /** Makes a call that answers -1 on failure, again while signals interrupt it; a failure becomes {@code -errno}. */
    static long call(LongSupplier call) {
        return call(0, unused -> call.getAsLong());
    }

    /** As {@link #call(LongSupplier)}, of a call on a descriptor. */
    static long call(int fd, IntToLongFunction call) {
        while (true) {
            long result = call.applyAsLong(fd);
            if (result != -1) {
                return result;
            }
            int errno = LastError.getLastError(Loaded.RUNTIME);
            if (errno != Errno.EINTR) {
                return -errno;
            }
        }
    }

    /**
     * The result of {@link #call}, or the exception that a failure is.
     *
     * @param path what it was about, for people; made text only for a failure
     */
    static long check(long result, String call, Object path) {
        if (result < 0) {
            throw new SystemCallException(call, path.toString(), (int) -result);
        }
        return result;
    }

    static ByteBuffer struct(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
    }

    private static final class Loaded {
        static final Calls LIBRARY = LibraryLoader.create(Calls.class).load("libc.so.6");
        static final Runtime RUNTIME = Runtime.getRuntime(LIBRARY);

        static volatile Calls calls = LIBRARY;
    }
}
