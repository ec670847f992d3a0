package io.berth.nfs;

import static io.berth.TestFileSystem.run;
import static io.berth.TestFileSystem.shell;

import io.berth.TestFileSystem;
import java.nio.file.Path;

/**
 * The NFS server of the kernel that {@link io.berth.uml.UserModeLinux} boots, NFS 3 and 4, with one export on XFS with
 * project quotas and one in memory. It ends with the boot.
 */
public final class KernelNfsServer {
    private static final long MIB = 1 << 20;
    private static final Path STATE = Path.of("/run/nfs");
    /** The root of what is exported by NFS 4; that of the machine cannot be exported. */
    private static final Path ROOT = Path.of("/run/export");

    private KernelNfsServer() {}

    /** The server of this boot, started by the first who asks. */
    public static KernelNfsServer running() {
        return Started.SERVER;
    }

    private static final class Started {
        static final KernelNfsServer SERVER = start();
    }

    private static KernelNfsServer start() {
        run("mkdir", "-p", STATE + "/v4recovery", STATE + "/sm", STATE + "/sm.bak", ROOT + "/xfs", ROOT + "/memory");
        run("touch", STATE + "/etab", STATE + "/rmtab");
        run("mount", "--bind", STATE.toString(), "/var/lib/nfs");
        run("mount", "-t", "nfsd", "nfsd", "/proc/fs/nfsd");
        run(
                "mount",
                "--bind",
                TestFileSystem.withQuotas("xfs", 512 * MIB).root().toString(),
                ROOT + "/xfs");
        run("mount", "--bind", TestFileSystem.mount("tmpfs", 64 * MIB).root().toString(), ROOT + "/memory");
        export("fsid=0", ROOT);
        export("fsid=1", ROOT.resolve("xfs"));
        export("fsid=2", ROOT.resolve("memory"));
        // Else a client may not lock for up to 90 seconds after the start.
        shell(Path.of("/proc"), "echo 1 >sys/fs/nfs/nlm_grace_period; echo 10 >fs/nfsd/nfsv4gracetime");
        run("rpcbind");
        run("rpc.statd", "--no-notify");
        KernelNfsServer server = new KernelNfsServer();
        server.resume();
        run("rpc.mountd");
        return server;
    }

    private static void export(String options, Path path) {
        run("exportfs", "-o", "rw,insecure,no_subtree_check,no_root_squash," + options, "*:" + path);
    }

    /** An export on XFS. */
    public Export xfs() {
        return Export.of("127.0.0.1", "/xfs");
    }

    /** The same as NFS 3 has it. */
    public Export xfsOfVersion3() {
        return Export.of("127.0.0.1", ROOT + "/xfs");
    }

    /** An export in memory. */
    public Export memory() {
        return Export.of("127.0.0.1", "/memory");
    }

    /** No call is answered from now on. */
    public void stop() {
        run("rpc.nfsd", "0");
    }

    /** Calls are answered again. */
    public void resume() {
        run("rpc.nfsd", "8");
    }
}
