package io.berth.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SocketFileTest {
    @TempDir
    Path folder;

    @Test
    void itIsRootsUnlessSomebodyElseIsNamed() throws IOException {
        assertThat(published(Optional.empty())).isEqualTo(List.of(0, 0, "rw-rw----"));
        assertThat(published(Optional.of(SocketOwner.parse("1000")))).isEqualTo(List.of(1000, 0, "rw-rw----"));
        assertThat(published(Optional.of(SocketOwner.parse("1000:1001")))).isEqualTo(List.of(1000, 1001, "rw-rw----"));
    }

    private List<Object> published(Optional<SocketOwner> owner) throws IOException {
        Path path = folder.resolve("s.sock");
        SocketFile file = new SocketFile(path, owner);
        try (ServerSocketChannel server = bound(file)) {
            assertThat(server.isOpen()).isTrue();
            file.publish();
            assertThat(file.isInPlace()).isTrue();
            return List.of(
                    Files.getAttribute(path, "unix:uid"),
                    Files.getAttribute(path, "unix:gid"),
                    PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
        } finally {
            file.remove();
        }
    }

    private static ServerSocketChannel bound(SocketFile file) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        return server.bind(UnixDomainSocketAddress.of(file.prepare()));
    }

    /** Who owns the folder could do that. */
    @Test
    void aLinkInPlaceOfTheSocketGivesNobodyWhatItLeadsTo() throws IOException {
        Path secret = Files.writeString(folder.resolve("secret"), "root's");
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-------"));
        SocketFile file = new SocketFile(folder.resolve("s.sock"), Optional.of(SocketOwner.parse("1000:1000")));
        Path passing = file.prepare();
        Files.createSymbolicLink(passing, secret);

        assertThatThrownBy(file::publish).hasMessageContaining(passing.toString());

        assertThat(Files.getAttribute(secret, "unix:uid")).isEqualTo(0);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(secret)))
                .isEqualTo("rw-------");
    }
}
