package io.berth.nfs;

import static io.berth.TestFileSystem.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.LockFile;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.uml.KernelNfsServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** Mounts a real server's exports. Runs on a kernel of its own. */
class NfsMounting {
    private final KernelNfsServer server = KernelNfsServer.running();

    private static NfsShare share(String export, String options) {
        return new NfsShare(
                Export.parse(export),
                options.isEmpty() ? NfsOptions.DEFAULT : NfsOptions.parse("mountOptions", List.of(options)));
    }

    private static MountPoint mounted(NfsMount mount) {
        return MountTable.read().at(mount.path()).orElseThrow();
    }

    private static void readAndWrite(NfsMount mount) {
        try (Directory root = Directory.open(mount.path(), Optional.of(mount.calls()))) {
            byte[] content = "content".getBytes(StandardCharsets.UTF_8);
            assertThat(root.create("file", content, 0600)).isTrue();
            assertThat(root.read("file", 100)).contains(content);
            try (LockFile file = LockFile.open(root, "file");
                    LockFile other = LockFile.open(root, "file")) {
                try (LockFile.Held lock = file.tryLock(1).orElseThrow()) {
                    assertThat(other.tryLock(1)).isEmpty();
                }
                assertThat(other.tryLock(1)).isPresent();
            }
            root.unlink("file");
        }
    }

    @Test
    void theNewestVersionIsChosenWhenNoneIsAskedFor() {
        try (NfsMount mount = NfsMount.mount(share(server.xfs(), ""))) {
            assertThat(mounted(mount).fsType()).isEqualTo("nfs4");
            assertThat(mounted(mount).superOptions()).contains("vers=4.2", "hard");
            readAndWrite(mount);
        }
    }

    @Test
    void version3IsMountedWithoutAProgram() {
        try (NfsMount mount = NfsMount.mount(share(server.xfsOfVersion3(), "nfsvers=3"))) {
            assertThat(mounted(mount).fsType()).isEqualTo("nfs");
            assertThat(mounted(mount).superOptions()).contains("vers=3");
            readAndWrite(mount);
        }
    }

    @Test
    void optionsReachTheKernel() {
        try (NfsMount mount = NfsMount.mount(
                share(server.xfs(), "nfsvers=4.1,soft,timeo=50,retrans=3,nconnect=2,actimeo=7,noatime,nosuid"))) {
            assertThat(mounted(mount).superOptions())
                    .contains("vers=4.1", "soft", "timeo=50", "retrans=3", "nconnect=2", "acregmin=7");
            assertThat(mounted(mount).options()).contains("noatime", "nosuid");
        }
    }

    @Test
    void theKernelTakesWhatIsLetThrough() {
        try (NfsMount mount = NfsMount.mount(
                share(
                        server.xfs(),
                        "minorversion=2,sync,nocto,noacl,nordirplus,fsc,local_lock=none,nosharecache,mountproto=tcp,mountvers=3,"
                                + "mountport=20048,max_connect=2,namlen=255,bsize=4096,clientaddr=127.0.0.1,noposix,nomigration,"
                                + "notrunkdiscovery,write=eager,nolazytime,context=system_u:object_r:nfs_t:s0,_netdev,intr,bg"))) {
            assertThat(mounted(mount).superOptions()).contains("vers=4.2", "nocto", "nordirplus", "sync");
            readAndWrite(mount);
        }
    }

    @Test
    void theMountTableTellsWhichFolderAMountShows() {
        try (NfsMount mount = NfsMount.mount(share(server.xfs(), ""))) {
            assertThat(mounted(mount).root()).isEqualTo(Path.of("/xfs"));
            assertThat(mounted(mount).device()).isEqualTo("127.0.0.1:");
        }
    }

    @Test
    void whatTheKernelRefusesComesWithItsReason() {
        assertThatThrownBy(() -> NfsMount.mount(share(server.xfs() + "/none", "")))
                .hasMessageContaining("none")
                .hasMessageContaining("ENOENT");
        assertThatThrownBy(() -> NfsMount.mount(share(server.xfs(), "sec=krb5")))
                .isInstanceOf(Fault.class)
                .hasMessageContaining("sec=krb5");
        assertThatThrownBy(() -> NfsMount.mount(share(server.xfs(), "xprtsec=tls")))
                .hasMessageContaining("xprtsec");
    }

    @Test
    void aPortWithoutAServerIsUnavailableAtOnce() {
        assertThatThrownBy(() -> NfsMount.mount(share(server.xfs(), "port=2050")))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.UNAVAILABLE))
                .hasMessageContaining("port 2050");
    }

    @Test
    void whoeverUsesAnExportSharesOneMountAndTheLastTakesItAway() {
        NfsShare share = share(server.memory(), "");
        try (NfsMount one = NfsMount.mount(share)) {
            int id = mounted(one).id();
            try (NfsMount other = NfsMount.mount(share)) {
                assertThat(mounted(other).id()).isEqualTo(id);
            }
            assertThat(mounted(one).id()).isEqualTo(id);
            readAndWrite(one);
        }
        assertThat(MountTable.read().at(share.mountPoint())).isEmpty();
    }

    @Test
    void aMountThatAKilledProcessLeftIsFoundAgain() {
        NfsShare share = share(server.memory(), "");
        run("mkdir", "-p", share.mountPoint().toString());
        run("mount", "-t", "nfs4", share.export().toString(), share.mountPoint().toString());
        int left = MountTable.read().at(share.mountPoint()).orElseThrow().id();
        try (NfsMount mount = NfsMount.mount(share)) {
            assertThat(mounted(mount).id()).isEqualTo(left);
            readAndWrite(mount);
        }
        assertThat(MountTable.read().at(share.mountPoint())).isEmpty();
    }

    @Test
    void aServerThatStopsHoldsUpNobodyAndNothingIsLostWhenItReturns() {
        try (NfsMount mount = NfsMount.mount(share(server.xfs(), ""));
                Directory root = Directory.open(mount.path(), Optional.of(mount.calls()))) {
            assertThat(root.mkdir("before", 0700)).isTrue();
            server.stop();
            long begun = System.nanoTime();
            assertThatThrownBy(() -> root.mkdir("meanwhile", 0700)).hasMessageContaining("does not answer");
            assertThatThrownBy(() -> root.mkdir("refused", 0700)).hasMessageContaining("does not answer");
            assertThat(System.nanoTime() - begun).isLessThan(15_000_000_000L);
            server.resume();
            await(() -> answers(root));
            assertThat(root.status("refused")).as("refused before it was begun").isEmpty();
            assertThat(root.status("meanwhile"))
                    .as("begun, and done when the server came back")
                    .isPresent();
            root.rmdir("meanwhile");
            root.rmdir("before");
            await(() -> isPastGrace(root));
        }
    }

    /** A server that has just started lets only those lock who did before. */
    private static boolean isPastGrace(Directory root) {
        try (LockFile file = LockFile.open(root, "lock")) {
            return file.tryLock(0).isPresent();
        } catch (Fault e) {
            return false;
        }
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("a minute is up").isLessThan(deadline);
            LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
        }
    }

    private static boolean answers(Directory root) {
        try {
            root.status("before");
            return true;
        } catch (Fault e) {
            return false;
        }
    }
}
