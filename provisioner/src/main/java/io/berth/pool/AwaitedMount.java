package io.berth.pool;

import io.berth.linux.Directory;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import java.util.Optional;

/**
 * Whether a file system is mounted at the folder of a pool that awaits one ({@code mounted=true}): else the folder lies on
 * some other disk, most often that of the machine, and would be taken for a new pool. That something is mounted there is
 * not enough, for in a container every folder of the host is a bind mount: it has to show a file system from its root.
 */
public final class AwaitedMount {
    private AwaitedMount() {}

    /**
     * What is missing, and what to do; empty when nothing is, and for a pool that awaits no mount.
     *
     * @param root the pool's folder. The answer is about the mount by which it was opened, whatever happened to its path
     *     since.
     */
    public static Optional<String> problem(PoolConfig config, Directory root) {
        if (!config.awaitsMount()) {
            return Optional.empty();
        }
        Optional<MountPoint> mount =
                root.status().mountRoot() ? MountTable.read().byId(root.status().mountId()) : Optional.empty();
        if (mount.filter(MountPoint::wholeFileSystem).isPresent()) {
            return Optional.empty();
        }
        String instead = mount.map(shown -> ", what shows there is the folder " + shown.root() + " of " + shown.source()
                        + " (" + shown.fsType() + ")")
                .orElse("");
        return Optional.of("no file system is mounted at " + config.root() + instead
                + "; mount it there, then the pool is used again (mounted=true)");
    }
}
