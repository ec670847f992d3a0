package io.berth.uml;

import java.nio.file.Path;
import java.util.List;

/**
 * The NFS server of the kernel that {@link UserModeLinux} boots, versions 3 and 4, at 127.0.0.1. It ends with the boot. The
 * script {@code nfs-server} has its exports.
 */
public final class KernelNfsServer {
    private static final String ADDRESS = "127.0.0.1:";
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
        run(UserModeLinux.FOLDER.resolve("nfs-server").toString());
        return new KernelNfsServer();
    }

    /** Starts a second server, at 10.9.0.2, which goes on while this is stopped; once a boot. */
    public void startOther() {
        run(UserModeLinux.FOLDER.resolve("other-nfs-server").toString());
    }

    /** The export of the second server, in memory, {@code server:/path}. */
    public String other() {
        return "10.9.0.2:/";
    }

    /** The same as that server has it. */
    public Path otherOnServer() {
        return Path.of("/run/other");
    }

    private static void run(String... command) {
        UserModeLinux.output(List.of(command));
    }

    /** An export on XFS with project quotas, {@code server:/path}. */
    public String xfs() {
        return ADDRESS + "/xfs";
    }

    /** The same as NFS 3 has it. */
    public String xfsOfVersion3() {
        return ADDRESS + ROOT + "/xfs";
    }

    /** The same as the server has it. */
    public Path xfsOnServer() {
        return ROOT.resolve("xfs");
    }

    /** An export in memory, {@code server:/path}. */
    public String memory() {
        return ADDRESS + "/memory";
    }

    /** An export in memory, {@code server:/path}, on which root of a client is nobody. */
    public String squashed() {
        return ADDRESS + "/squash";
    }

    /** The same as the server has it. */
    public Path squashedOnServer() {
        return ROOT.resolve("squash");
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
