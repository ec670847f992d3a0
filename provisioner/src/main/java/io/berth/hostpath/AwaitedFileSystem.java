package io.berth.hostpath;

import io.berth.fault.Fault;
import io.berth.linux.PathHandle;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Whether a path of the host that awaits a file system ({@code mounted=true}) lies on one that is mounted: else it lies on
 * the machine's own, where its folder is an empty one or would be made anew. Mounted is meant as for a pool: it has to show
 * a file system from its root, for in a container every folder of the host is a bind mount. A pool is at the root itself; a
 * path of the host may lie anywhere on a file system that is not the one of {@code /}.
 */
final class AwaitedFileSystem {
    private static final Path ROOT = Path.of("/");

    private AwaitedFileSystem() {}

    /**
     * Looks at as much of the path as is there, before anything is made or missed.
     *
     * @throws Fault UNAVAILABLE when the path awaits a file system and lies on none that is mounted
     */
    static void require(HostPath wanted) {
        if (!wanted.awaitsMount()) {
            return;
        }
        Path path = wanted.path();
        Optional<PathHandle> there = PathHandle.open(path);
        while (there.isEmpty()) {
            path = Optional.ofNullable(path.getParent()).orElse(ROOT);
            there = PathHandle.open(path);
        }
        try (PathHandle opened = there.get()) {
            require(wanted, opened);
        }
    }

    /**
     * Looks at what was opened, whatever happened to its path since.
     *
     * @throws Fault as {@link #require(HostPath)}
     */
    static void require(HostPath wanted, PathHandle opened) {
        if (!wanted.awaitsMount()) {
            return;
        }
        Optional<MountPoint> mount = MountTable.read().byId(opened.status().mountId());
        if (mount.filter(shown -> shown.wholeFileSystem() && !shown.target().equals(ROOT))
                .isPresent()) {
            return;
        }
        String instead = mount.map(shown -> ", what shows at " + shown.target() + " is the folder " + shown.root()
                        + " of " + shown.source() + " (" + shown.fsType() + ")")
                .orElse("");
        throw new Fault(
                Fault.Kind.UNAVAILABLE,
                "no file system but that of / is mounted at host path " + wanted.path() + " or above it" + instead
                        + "; mount it there, then the path is used again (mounted=true)");
    }
}
