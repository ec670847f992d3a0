package io.berth.systemd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;
import jnr.ffi.LibraryLoader;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.size_t;
import jnr.ffi.types.ssize_t;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServiceNotifierTest {
    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM_CLOEXEC = 0x80002;
    private static final int MSG_DONTWAIT = 0x40;

    /** The side of the service manager. */
    public interface Calls {
        int socket(int domain, int type, int protocol);

        int bind(int fd, @In byte[] address, int length);

        @ssize_t
        long recv(int fd, @Out byte[] buffer, @size_t long length, int flags);

        int close(int fd);
    }

    private final Calls libc = LibraryLoader.create(Calls.class).load("c");
    private int fd;

    @TempDir
    Path folder;

    @BeforeEach
    void open() {
        fd = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
        assertThat(fd).isNotNegative();
    }

    @AfterEach
    void close() {
        libc.close(fd);
    }

    @Test
    void tellsASocketInTheFileSystem() {
        Path socket = folder.resolve("notify");
        bind(socket.toString());
        ServiceNotifier notifier = new ServiceNotifier(Map.of("NOTIFY_SOCKET", socket.toString()));
        notifier.ready();
        assertThat(received()).isEqualTo("READY=1\n");
        notifier.stopping();
        assertThat(received()).isEqualTo("STOPPING=1\n");
    }

    @Test
    void tellsASocketInTheAbstractNamespace() {
        String name = "berth-test-" + UUID.randomUUID();
        bind("\0" + name);
        new ServiceNotifier(Map.of("NOTIFY_SOCKET", "@" + name)).ready();
        assertThat(received()).isEqualTo("READY=1\n");
    }

    @Test
    void isSilentWhereNobodyListens() {
        assertThatCode(() -> new ServiceNotifier(Map.of()).ready()).doesNotThrowAnyException();
        assertThatCode(() -> new ServiceNotifier(Map.of("NOTIFY_SOCKET", "")).ready())
                .doesNotThrowAnyException();
    }

    @Test
    void saysWhyTheSocketCannotBeTold() {
        String missing = folder.resolve("missing").toString();
        assertThatThrownBy(() -> new ServiceNotifier(Map.of("NOTIFY_SOCKET", missing)).ready())
                .isInstanceOf(Fault.class)
                .hasMessage("sendto to NOTIFY_SOCKET \"" + missing + "\" failed with errno 2");
        for (String wrong : new String[] {"relative", "vsock:2:1234", "/" + "x".repeat(107)}) {
            assertThatThrownBy(() -> new ServiceNotifier(Map.of("NOTIFY_SOCKET", wrong)).ready())
                    .isInstanceOf(Fault.class)
                    .hasMessageContaining("at most 107 bytes");
        }
    }

    private void bind(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        byte[] address = ByteBuffer.allocate(2 + bytes.length)
                .order(ByteOrder.nativeOrder())
                .putShort((short) AF_UNIX)
                .put(bytes)
                .array();
        assertThat(libc.bind(fd, address, address.length)).isZero();
    }

    /** A datagram on one machine has arrived when it is sent. */
    private String received() {
        byte[] buffer = new byte[256];
        int length = (int) libc.recv(fd, buffer, buffer.length, MSG_DONTWAIT);
        assertThat(length).isPositive();
        return new String(buffer, 0, length, StandardCharsets.UTF_8);
    }
}
