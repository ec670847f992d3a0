package io.berth.service;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.nfs.Export;
import io.berth.nfs.NfsMount;
import io.berth.nfs.NfsShare;
import io.berth.pool.Pools;
import io.berth.volume.VolumePath;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Exports, and folders of exports, that lie in no pool, each as one volume: for a door whose callers may mount anything on
 * this machine, as those of Docker may. Nothing is made or deleted on the server. Every call may be repeated. Thread-safe.
 */
public final class ExportVolumes {
    private final Pools pools;
    private final Targets targets;

    /**
     * Exports beside pools.
     *
     * @param pools whose exports are not used in this way
     */
    ExportVolumes(Pools pools, Targets targets) {
        this.pools = pools;
        this.targets = targets;
    }

    /**
     * The export that the attributes of a volume name ({@code server}, {@code share}, {@code mountOptions}); empty when they
     * name none, or one that is a pool's.
     *
     * @throws Fault INVALID_ARGUMENT when half of it is missing
     */
    public Optional<NfsShare> named(Map<String, String> attributes) {
        return NfsShares.export(attributes)
                .filter(export -> pools.find(export).isEmpty())
                .map(export -> new NfsShare(export, NfsShares.options(attributes)));
    }

    /**
     * Mounts an export where nobody sees it, to find out whether it can be.
     *
     * @throws Fault UNAVAILABLE when the server does not answer, FAILED_PRECONDITION with the kernel's reason when it cannot
     *     be mounted, and when it is or holds a pool
     */
    public void check(NfsShare share) {
        withRoot(share, root -> {});
    }

    /**
     * Mounts an export; does nothing when it is mounted there.
     *
     * @throws Fault as {@link #check}, and FAILED_PRECONDITION when something else is mounted there
     */
    public void mount(NfsShare share, Path target) {
        try (KeyLocks.Held held = targets.lock(target)) {
            Optional<MountPoint> there = MountTable.read().at(target);
            if (there.isEmpty()) {
                withRoot(
                        share,
                        root -> Targets.withFolder(
                                target,
                                () -> Mounts.bind(root, target, share.options().mount())));
            } else if (!there.get().source().equals(share.export().toString())) {
                throw Targets.occupied(there.get());
            }
        }
    }

    private void withRoot(NfsShare share, Consumer<Directory> action) {
        requireNoPoolIn(share.export());
        NfsShare whole = new NfsShare(share.export(), share.options().ofFileSystem());
        try (NfsMount mount = NfsMount.mount(whole);
                Directory root = Directory.open(mount.path(), Optional.of(mount.calls()))) {
            requireNoRecords(share.export(), root);
            action.accept(root);
        }
    }

    private void requireNoPoolIn(Export export) {
        pools.configs().stream()
                .filter(config -> config.nfs()
                        .map(NfsShare::export)
                        .filter(own -> own.isIn(export))
                        .isPresent())
                .findFirst()
                .ifPresent(config -> {
                    throw new Fault(
                            Fault.Kind.FAILED_PRECONDITION,
                            "export " + export + " holds pool " + config
                                    + ", with its records; name a folder beside the pool, or in it");
                });
    }

    /** What has records is a pool's, whoever serves it. */
    private static void requireNoRecords(Export export, Directory root) {
        if (root.status(VolumePath.RECORDS).isPresent()) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "export " + export + " has the records of a pool; --pool NAME=nfs:" + export
                            + " makes its volumes known here");
        }
    }

    /**
     * Takes away what is mounted of a server; does nothing when nothing is mounted there. The server is not asked.
     *
     * @throws Fault FAILED_PRECONDITION when something else is mounted there
     */
    public void unmount(Path target) {
        try (KeyLocks.Held held = targets.lock(target)) {
            Optional<MountPoint> there = MountTable.read().at(target);
            if (there.isPresent()) {
                if (!there.get().fsType().startsWith("nfs")) {
                    throw Targets.occupied(there.get());
                }
                Mounts.unmount(target);
            }
        }
    }
}
