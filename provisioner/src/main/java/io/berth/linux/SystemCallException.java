package io.berth.linux;

import io.berth.fault.Fault;

/**
 * A system call failed in a way its caller did not expect. Its kind fits the error number, its message says what to do where
 * that is known.
 */
public final class SystemCallException extends Fault {
    private static final long serialVersionUID = 1L;
    private static final int LONGEST_PATH = 200;

    private final int errno;
    private final String call;
    private final String path;

    /**
     * The failure of one call.
     *
     * @param call the name of the call, for example {@code mkdirat}
     * @param path what it was about, for people
     * @param errno one of {@link Errno}
     */
    public SystemCallException(String call, String path, int errno) {
        super(kind(errno), call + " " + printable(path) + ": " + Errno.text(errno) + advice(errno));
        this.errno = errno;
        this.call = call;
        this.path = path;
    }

    /** One of {@link Errno}. */
    public int errno() {
        return errno;
    }

    /** The name of the system call. */
    public String call() {
        return call;
    }

    /** What the call was about, for people; it may hold control characters. */
    public String path() {
        return path;
    }

    private static Fault.Kind kind(int errno) {
        return switch (errno) {
            case Errno.ENOSPC, Errno.EDQUOT -> Fault.Kind.RESOURCE_EXHAUSTED;
            case Errno.ENAMETOOLONG -> Fault.Kind.INVALID_ARGUMENT;
            case Errno.EROFS,
                    Errno.EACCES,
                    Errno.EPERM,
                    Errno.EBUSY,
                    Errno.ELOOP,
                    Errno.ENOENT,
                    Errno.ENOTDIR,
                    Errno.EISDIR,
                    Errno.EFBIG,
                    Errno.EBADMSG,
                    Errno.EUCLEAN,
                    Errno.ENOSYS -> Fault.Kind.FAILED_PRECONDITION;
            case Errno.EIO,
                    Errno.ESTALE,
                    Errno.EBADF,
                    Errno.ETIMEDOUT,
                    Errno.EHOSTUNREACH,
                    Errno.ENETUNREACH,
                    Errno.ECONNREFUSED,
                    Errno.EMFILE,
                    Errno.ENFILE,
                    Errno.EAGAIN,
                    Errno.ENOMEM -> Fault.Kind.UNAVAILABLE;
            default -> Fault.Kind.INTERNAL;
        };
    }

    private static String advice(int errno) {
        return switch (errno) {
            case Errno.ENOSPC -> "; free some space, or inodes, on that file system";
            case Errno.EDQUOT -> "; raise the quota or delete something";
            case Errno.EROFS -> "; mount the file system read-write; the kernel log tells if an error made it so";
            case Errno.EACCES, Errno.EPERM ->
                "; Berth runs as root with CAP_SYS_ADMIN; check security modules, immutable flags and root_squash";
            case Errno.EBUSY -> "; something is mounted there or in use; unmount or stop it";
            case Errno.ELOOP -> "; there is a symbolic link where Berth expects a file or a directory; remove it";
            case Errno.ENOTDIR, Errno.EISDIR -> "; there is a file where Berth expects a directory, or the reverse";
            case Errno.ESTALE, Errno.EBADF ->
                "; the server no longer knows what was opened there: it was replaced or restored; try again";
            case Errno.EIO, Errno.ETIMEDOUT, Errno.EHOSTUNREACH, Errno.ENETUNREACH, Errno.ECONNREFUSED ->
                "; the storage does not answer as it should; check the disk or the server";
            case Errno.EBADMSG, Errno.EUCLEAN ->
                "; the file system is damaged: the kernel's log says how, e2fsck or xfs_repair may mend it";
            case Errno.EAGAIN -> "; another process uses it in a way that excludes this, such as a lease; try again";
            case Errno.EMFILE, Errno.ENFILE -> "; raise the limit on open files";
            case Errno.ENOSYS -> "; Linux 5.12 or newer is needed, with no seccomp filter on this call";
            default -> "";
        };
    }

    /** Not endless, whatever a hostile name holds. */
    private static String printable(String path) {
        return path.length() <= LONGEST_PATH ? path : Fault.quote(path);
    }
}
