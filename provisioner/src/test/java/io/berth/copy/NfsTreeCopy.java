package io.berth.copy;

import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;

import io.berth.linux.Directory;
import io.berth.linux.RegularFile;
import io.berth.linux.Xattrs;
import io.berth.nfs.Export;
import io.berth.nfs.NfsMount;
import io.berth.nfs.NfsOptions;
import io.berth.nfs.NfsShare;
import io.berth.uml.KernelNfsServer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A copy over NFS. Runs on a kernel of its own. */
public final class NfsTreeCopy {
    private static final String ACL_OF_NFS = "system.nfs4_acl";
    private static final String ACL_OF_SERVER = "system.posix_acl_access";

    private final KernelNfsServer server = KernelNfsServer.running();
    private NfsMount mount;
    private Directory root;

    @BeforeEach
    void mount() {
        shell(server.xfsOnServer(), "mkdir source parent");
        mount = NfsMount.mount(new NfsShare(Export.parse(server.xfs()), NfsOptions.DEFAULT));
        root = Directory.open(mount.path(), Optional.of(mount.calls()));
    }

    @AfterEach
    void unmount() {
        root.close();
        mount.close();
        shell(server.xfsOnServer(), "rm -rf source parent");
    }

    private Copied copy() {
        try (Directory source = root.openDirectory("source").orElseThrow();
                Directory parent = root.openDirectory("parent").orElseThrow()) {
            return new TreeCopy(source, parent, "copy", TreeCopy.NETWORK_THREADS).run();
        }
    }

    private String description(String path) {
        return shell(
                server.xfsOnServer().resolve(path),
                "find . -type f -printf '%P %m %U %G %T@ %n ' -exec sha256sum {} \\; | sort");
    }

    private static byte[] acl(Path folder, String file, String acl) {
        try (Directory directory = Directory.open(folder);
                RegularFile opened = RegularFile.open(directory, file).orElseThrow()) {
            return Xattrs.get(opened, acl).orElse(new byte[0]);
        }
    }

    private void let4711Read(String name) {
        ByteBuffer acl =
                ByteBuffer.allocate(4 + 5 * 8).order(ByteOrder.LITTLE_ENDIAN).putInt(2);
        for (int[] entry : new int[][] {{1, 6, -1}, {2, 4, 4711}, {4, 4, -1}, {0x10, 4, -1}, {0x20, 0, -1}}) {
            acl.putShort((short) entry[0]).putShort((short) entry[1]).putInt(entry[2]);
        }
        try (Directory directory = Directory.open(server.xfsOnServer().resolve("source"));
                RegularFile file = RegularFile.open(directory, name).orElseThrow()) {
            assertThat(Xattrs.set(file, ACL_OF_SERVER, acl.array())).isTrue();
        }
    }

    @Test
    void filesKeepWhatTheyHave() {
        shell(server.xfsOnServer().resolve("source"), """
                for mode in 600 644 664 666 755 4711 2750; do
                    for i in 1 2 3; do echo $mode $i > $mode-$i; chmod $mode $mode-$i; done
                done
                mkdir below
                for i in $(seq 40); do echo $i > below/$i; done
                echo owned > owned; chown 12:34 owned; chmod 4755 owned
                touch -d '2001-02-03 04:05:06.789' 644-1
                ln 644-2 below/link
                head -c 3000000 /dev/urandom > large
                """);
        Copied copied = copy();
        assertThat(copied.rung()).isEqualTo(Rung.CLONE);
        assertThat(copied.files()).isEqualTo(7 * 3 + 2 + 40 + 3);
        assertThat(description("parent/copy")).isEqualTo(description("source"));
    }

    @Test
    void onlyTheAclThatANewFileLacksIsSet() {
        shell(server.xfsOnServer().resolve("source"), "for i in 1 2 3 4; do echo $i > $i; chmod 640 $i; done");
        let4711Read("2");
        let4711Read("4");
        copy();
        for (String name : new String[] {"1", "2", "3", "4"}) {
            assertThat(acl(server.xfsOnServer().resolve("parent/copy"), name, ACL_OF_SERVER))
                    .as("on the server, of %s", name)
                    .isEqualTo(acl(server.xfsOnServer().resolve("source"), name, ACL_OF_SERVER));
            assertThat(acl(mount.path().resolve("parent/copy"), name, ACL_OF_NFS))
                    .as("over NFS, of %s", name)
                    .isNotEmpty()
                    .isEqualTo(acl(mount.path().resolve("source"), name, ACL_OF_NFS));
        }
    }
}
