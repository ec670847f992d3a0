package io.berth.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.OptionalLong;

/** What only system calls tell of a Unix socket. See unix(7). */
public final class UnixSocket {
    private static final int AF_UNIX = 1;
    private static final int SOCK_STREAM = 1;
    private static final int SOL_SOCKET = 1;
    private static final int SO_PEERCRED = 17;
    private static final int STRUCT_BYTES = 110;

    /** Of the flags that proc_pid_stat(5) shows; the ninth field, the seventh after the command's name. */
    private static final int PF_EXITING = 4;

    private static final int FLAGS = 7;

    private UnixSocket() {}

    /**
     * Whether a process serves on a socket. One that was killed and cannot end, because the kernel waits for a silent disk
     * to close its files, still listens and never answers; it does not count.
     */
    public static boolean isServed(Path socket) throws IOException {
        OptionalLong listener = listener(socket);
        return listener.isPresent() && !isEnding(listener.getAsLong());
    }

    /**
     * The process that listens.
     *
     * @return 0 when that is not to be seen from here, or has no room for one more connection; empty when nobody listens
     */
    private static OptionalLong listener(Path socket) {
        byte[] address = new byte[STRUCT_BYTES];
        Libc.struct(address).putShort((short) AF_UNIX).put(FileName.encode(socket.toString()));
        int type = SOCK_STREAM | Descriptor.O_CLOEXEC | Descriptor.O_NONBLOCK;
        int fd = (int) Libc.check(Libc.call(() -> Libc.calls().socket(AF_UNIX, type, 0)), "socket", socket);
        try {
            long result = Libc.call(() -> Libc.calls().connect(fd, address, address.length));
            if (result == -Errno.ECONNREFUSED || result == -Errno.ENOENT) {
                return OptionalLong.empty();
            }
            if (result == -Errno.EAGAIN) {
                return OptionalLong.of(0);
            }
            Libc.check(result, "connect", socket);
            byte[] credentials = new byte[12];
            byte[] length = new byte[4];
            Libc.struct(length).putInt(0, credentials.length);
            Libc.check(
                    Libc.call(() -> Libc.calls().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length)),
                    "getsockopt SO_PEERCRED",
                    socket);
            return OptionalLong.of(Libc.struct(credentials).getInt(0));
        } finally {
            Libc.calls().close(fd);
        }
    }

    private static boolean isEnding(long pid) throws IOException {
        try {
            String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
            String[] afterName = stat.substring(stat.lastIndexOf(')') + 1).split(" ", -1);
            return (Long.parseLong(afterName[FLAGS]) & PF_EXITING) != 0;
        } catch (NoSuchFileException e) {
            return false; // of another PID namespace
        }
    }
}
