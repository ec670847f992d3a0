package io.berth.systemd;

import io.berth.fault.Fault;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import jnr.ffi.LastError;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.In;
import jnr.ffi.types.size_t;
import jnr.ffi.types.ssize_t;

/**
 * Tells the service manager how this process fares, as sd_notify(3) does: a datagram to the Unix socket that
 * {@code NOTIFY_SOCKET} names. Does nothing, and loads nothing, where the variable is not set. Thread-safe.
 */
public final class ServiceNotifier {
    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM = 2;
    private static final int SOCK_CLOEXEC = 0x80000;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_NOSIGNAL = 0x4000;
    /** unix(7): sun_path of struct sockaddr_un. */
    private static final int MAX_ADDRESS_BYTES = 108;

    /** The system calls; public only in the class file, where jnr-ffi needs it. */
    public interface Calls {
        int socket(int domain, int type, int protocol);

        @ssize_t
        long sendto(int fd, @In byte[] data, @size_t long length, int flags, @In byte[] address, int addressLength);

        int close(int fd);
    }

    private final String socket;

    /** A notifier for a process with these variables. */
    public ServiceNotifier(Map<String, String> environment) {
        this.socket = environment.getOrDefault("NOTIFY_SOCKET", "");
    }

    /**
     * The service has started and takes calls.
     *
     * @throws Fault UNAVAILABLE when nobody receives it, INVALID_ARGUMENT when the variable names no socket
     */
    public void ready() {
        send("READY=1\n");
    }

    /**
     * The service has begun to stop.
     *
     * @throws Fault as {@link #ready} does
     */
    public void stopping() {
        send("STOPPING=1\n");
    }

    private void send(String state) {
        if (socket.isEmpty()) {
            return;
        }
        byte[] address = address();
        Calls libc = LibraryLoader.create(Calls.class).load("c");
        int fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            throw failed("socket", libc);
        }
        try {
            byte[] data = state.getBytes(StandardCharsets.UTF_8);
            if (libc.sendto(fd, data, data.length, MSG_DONTWAIT | MSG_NOSIGNAL, address, address.length) < 0) {
                throw failed("sendto", libc);
            }
        } finally {
            libc.close(fd);
        }
    }

    /** The socket's struct sockaddr_un; a name that begins with {@code @} is in the abstract namespace, after a NUL. */
    private byte[] address() {
        byte[] name = socket.getBytes(StandardCharsets.UTF_8);
        boolean isAbstract = socket.startsWith("@");
        if (name.length >= MAX_ADDRESS_BYTES || (!isAbstract && !socket.startsWith("/"))) {
            throw Fault.invalid("NOTIFY_SOCKET", socket, "an absolute path or @name of at most 107 bytes");
        }
        if (isAbstract) {
            name[0] = 0;
        }
        return ByteBuffer.allocate(Short.BYTES + name.length)
                .order(ByteOrder.nativeOrder())
                .putShort((short) AF_UNIX)
                .put(name)
                .array();
    }

    private Fault failed(String call, Calls libc) {
        int errno = LastError.getLastError(Runtime.getRuntime(libc));
        return new Fault(
                Fault.Kind.UNAVAILABLE,
                call + " to NOTIFY_SOCKET " + Fault.quote(socket) + " failed with errno " + errno);
    }
}
