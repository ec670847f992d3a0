package io.berth.service;

import io.berth.fault.Fault;
import io.berth.hostpath.HostPath;
import io.berth.hostpath.HostPaths;
import io.berth.linux.FileType;
import io.berth.linux.PathHandle;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** Paths of the host that are published as they are, by PersistentVolumes and inline volumes. */
final class HostPathVolumes {
    private final VolumeLookup lookup;
    private final HostPaths hostPaths;
    private final Targets targets;

    HostPathVolumes(VolumeLookup lookup, HostPaths hostPaths, Targets targets) {
        this.lookup = lookup;
        this.hostPaths = hostPaths;
        this.targets = targets;
    }

    /**
     * The path that a PersistentVolume's attributes name.
     *
     * @return empty when they name none
     * @throws Fault INVALID_ARGUMENT when the id is that of a volume in a pool
     */
    Optional<HostPath> named(String id, Map<String, String> context) {
        Optional<HostPath> path = HostPath.parse(context);
        if (path.isPresent() && lookup.byId(id).isPresent()) {
            throw Fault.invalid(
                    "volume_context path", path.get().path().toString(), "volume " + id + " lies in a pool already");
        }
        return path;
    }

    /** As {@link HostPaths#open}. */
    PathHandle open(HostPath hostPath) {
        return hostPaths.open(hostPath);
    }

    /** As {@link HostPaths#openInline}. */
    PathHandle openInline(HostPath hostPath) {
        return hostPaths.openInline(hostPath);
    }

    void publish(PublishRequest request, HostPath hostPath) {
        publish(request, () -> open(hostPath));
    }

    void publishInline(PublishRequest request, HostPath hostPath) {
        publish(request, () -> openInline(hostPath));
    }

    private void publish(PublishRequest request, Supplier<PathHandle> opener) {
        try (KeyLocks.Held held = targets.lock(request.targetPath());
                PathHandle source = opener.get()) {
            takeAwayRemoved(request.targetPath());
            if (request.isThere(MountTable.read(), mount -> Targets.isSameFile(mount.target(), source.status()))) {
                return;
            }
            Runnable bind = () -> Mounts.bind(source, request.targetPath(), request.options());
            if (source.status().type() == FileType.DIRECTORY) {
                Targets.withFolder(request.targetPath(), bind);
            } else {
                Targets.withFile(request.targetPath(), bind);
            }
        }
    }

    /** Takes away what shows a file or folder that was removed since, for the one that is there now. */
    private void takeAwayRemoved(Path target) {
        MountTable table = MountTable.read();
        table.at(target)
                .filter(mount -> mount.rootRemoved() && hostPaths.mayShow(mount, table))
                .ifPresent(mount -> Mounts.unmount(target));
    }
}
