package io.berth.service;

import io.berth.fault.Fault;
import io.berth.hostpath.HostPath;
import io.berth.linux.Errno;
import io.berth.linux.FileType;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.nfs.Export;
import io.berth.nfs.NfsOptions;
import io.berth.pool.Pool;
import io.berth.pool.PoolFolder;
import io.berth.pool.PoolKind;
import io.berth.pool.Pools;
import io.berth.pool.VolumeLocks;
import io.berth.volume.Format;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.PathTemplate;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import io.berth.volume.VolumePath;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a server and a share mean, where a StorageClass, a PersistentVolume or an id that csi-driver-nfs gave names them: a
 * folder in the pool whose export they are or lie in. No other server or share is ever used. Thread-safe.
 */
final class NfsShares {
    /** The attribute, and the key of a secret, with mount options. */
    static final String MOUNT_OPTIONS = "mountOptions";

    private static final String SEPARATOR = "#";
    private static final int FEWEST_PARTS = 3;
    private static final int MOST_PARTS = 5;
    private static final int LONGEST_ID = 40;

    private static final Set<String> ATTRIBUTES = Set.of(
            VolumeParameters.SERVER,
            VolumeParameters.SHARE,
            VolumeParameters.SUB_DIR,
            VolumeParameters.ON_DELETE,
            VolumeParameters.MOUNT_PERMISSIONS,
            MOUNT_OPTIONS);

    private final Pools pools;

    NfsShares(Pools pools) {
        this.pools = pools;
    }

    /**
     * A folder of a share that is used as it is, without a record.
     *
     * @param volume as which it is used; it has an id of its own, for locks and messages
     * @param options by which its attributes want the export mounted
     * @param mode that its attributes want it to have (mountPermissions)
     */
    record Folder(Pool pool, Volume volume, NfsOptions options, Optional<Integer> mode) {
        boolean readOnly() {
            return options.mount().contains(MountOption.RO);
        }
    }

    /**
     * The export that parameters name.
     *
     * @throws Fault INVALID_ARGUMENT when half of it is missing, or a pool is named too
     */
    Optional<Export> export(VolumeParameters parameters) {
        Optional<Export> export = export(parameters.strings());
        if (export.isPresent() && parameters.pool().isPresent()) {
            throw Fault.invalid(
                    VolumeParameters.POOL,
                    parameters.pool().get().text(),
                    "say where the volume lies by pool or by server and share, not both");
        }
        return export;
    }

    /**
     * The export that {@code server} and {@code share} name.
     *
     * @throws Fault INVALID_ARGUMENT when half of it is missing
     */
    static Optional<Export> export(Map<String, String> strings) {
        Optional<String> server = Optional.ofNullable(strings.get(VolumeParameters.SERVER));
        Optional<String> share = Optional.ofNullable(strings.get(VolumeParameters.SHARE));
        if (server.isPresent() != share.isPresent()) {
            throw Fault.invalid(
                    server.isPresent() ? VolumeParameters.SERVER : VolumeParameters.SHARE,
                    server.or(() -> share).orElse(""),
                    "server and share go together");
        }
        return server.flatMap(name -> share.map(path -> Export.ofClass(name, path)));
    }

    /**
     * The same parameters with the pool and the path that server and share mean; as they are when they name none. A volume
     * without a path of its own lies in a folder of its name, as with csi-driver-nfs.
     */
    VolumeParameters place(VolumeParameters parameters, String name) {
        Optional<Export> export = export(parameters);
        if (export.isEmpty()) {
            return parameters;
        }
        Pools.InExport found = pools.of(export.get());
        requireFolder(found, export.get());
        VolumePath own = parameters.path().orElseGet(() -> VolumePath.parse(name));
        return parameters.at(found.pool().name(), path(found, own.components()));
    }

    /** A share is what a server has already; what is to be made below it, subDir says. */
    private void requireFolder(Pools.InExport found, Export export) {
        if (found.below().isEmpty()) {
            return;
        }
        if (!isFolder(pools.get(found.pool().name()).folder(), new VolumePath(found.below()))) {
            throw Fault.invalid(
                    VolumeParameters.SHARE,
                    export.path().toString(),
                    "there is no such folder on " + export.server() + "; make it first, or name it by subDir, below "
                            + "share "
                            + found.pool().nfs().orElseThrow().export().path());
        }
    }

    private static boolean isFolder(PoolFolder pool, VolumePath path) {
        try {
            return pool.at(path)
                    .filter(status -> status.type() == FileType.DIRECTORY)
                    .isPresent();
        } catch (SystemCallException e) {
            if (e.errno() == Errno.ENOTDIR || e.errno() == Errno.ELOOP) {
                return false; // something else lies on the way
            }
            throw e;
        }
    }

    private static VolumePath path(Pools.InExport found, List<String> own) {
        List<String> components = new ArrayList<>(found.below());
        components.addAll(own);
        return new VolumePath(components);
    }

    /**
     * The folder that a PersistentVolume's attributes name, or else its id; empty when they name none.
     *
     * @throws Fault INVALID_ARGUMENT naming what is not allowed, FAILED_PRECONDITION when a volume with a record lies there
     */
    Optional<Folder> described(String id, Map<String, String> given) {
        Map<String, String> context = VolumeParameters.spelled("volume attribute", given, ATTRIBUTES);
        Optional<Export> export = export(context);
        Optional<Folder> named = named(id);
        if (export.isEmpty()) {
            return named;
        }
        Map<String, String> own = InlineVolume.own(context);
        own.keySet().stream()
                .filter(key -> !ATTRIBUTES.contains(key))
                .findFirst()
                .ifPresent(key -> {
                    throw Fault.invalid(
                            "volume attribute",
                            key,
                            key.equals(HostPath.PATH) ? "of a path of the host, not of a share" : "not one of a share");
                });
        Folder folder = folder(
                id,
                export.get(),
                Optional.ofNullable(own.get(VolumeParameters.SUB_DIR))
                        .filter(text -> !text.isEmpty())
                        .map(text -> PathTemplate.expand(VolumeParameters.SUB_DIR, text, context)),
                Optional.empty(),
                options(own),
                VolumeParameters.mountPermissions(own));
        requireNoVolume(folder);
        if (named.filter(
                        other -> !other.volume().path().equals(folder.volume().path()) || other.pool() != folder.pool())
                .isPresent()) {
            throw Fault.invalid(
                    "volume_id",
                    id,
                    "names another folder than the attributes do, which is "
                            + folder.volume().path() + " of " + export.get());
        }
        return Optional.of(folder);
    }

    /** By which options the attributes want an export mounted. */
    static NfsOptions options(Map<String, String> attributes) {
        return Optional.ofNullable(attributes.get(MOUNT_OPTIONS))
                .filter(text -> !text.isEmpty())
                .map(text -> NfsOptions.parse(MOUNT_OPTIONS, List.of(text)))
                .orElse(NfsOptions.DEFAULT);
    }

    /**
     * The folder that an id of csi-driver-nfs names, {@code server#share#subDir#uuid#onDelete}, of which the last two may be
     * missing. Such ids are never given. Empty for any other text, and where no pool holds the share.
     */
    Optional<Folder> named(String id) {
        List<String> parts = List.of(id.split(SEPARATOR, -1));
        if (parts.size() < FEWEST_PARTS
                || parts.size() > MOST_PARTS
                || parts.get(2).isEmpty()) {
            return Optional.empty();
        }
        Optional<OnDelete> onDelete = Optional.empty();
        try {
            if (parts.size() == MOST_PARTS && !parts.getLast().isEmpty()) {
                onDelete = Optional.of(OnDelete.parse(parts.getLast().toLowerCase(Locale.ROOT)));
            }
            return Optional.of(folder(
                    id,
                    Export.ofClass(parts.get(0), "/" + parts.get(1)),
                    Optional.of(VolumePath.ofLoose(parts.get(2))),
                    onDelete,
                    NfsOptions.DEFAULT,
                    Optional.empty()));
        } catch (Fault e) {
            if (e.kind() == Fault.Kind.INVALID_ARGUMENT) {
                return Optional.empty(); // an id may be any text
            }
            throw e;
        }
    }

    private Folder folder(
            String id,
            Export export,
            Optional<VolumePath> subDir,
            Optional<OnDelete> onDelete,
            NfsOptions options,
            Optional<Integer> mode) {
        Pools.InExport found = pools.of(export);
        if (found.below().isEmpty() && subDir.isEmpty()) {
            throw Fault.invalid(
                    VolumeParameters.SHARE,
                    export.toString(),
                    "the whole of pool " + found.pool().name()
                            + ", with its records; name a folder in it, by the share or by subDir");
        }
        VolumePath path = path(found, subDir.map(VolumePath::components).orElse(List.of()));
        Pool pool = pools.get(found.pool().name());
        Volume volume = new Volume(
                VolumeId.of(pool.config().name(), shortened(id)),
                id,
                path,
                Format.Directory.ADVISORY,
                0,
                Instant.now(),
                onDelete.orElse(OnDelete.RETAIN),
                Ownership.ROOT,
                true,
                false,
                Optional.empty(),
                onDelete.map(fate -> Map.of(VolumeParameters.ON_DELETE, fate.toString()))
                        .orElse(Map.of()));
        return new Folder(pool, volume, options, mode);
    }

    /** Kubernetes does not bound ids; the end tells them apart. */
    private static String shortened(String id) {
        return id.length() <= LONGEST_ID ? id : id.substring(id.length() - LONGEST_ID);
    }

    private static void requireNoVolume(Folder folder) {
        VolumePath path = folder.volume().path();
        if (isOfVolume(folder.pool(), path)) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    path + " of pool " + folder.pool().config().name()
                            + " is a volume's, or lies in or around one; volumes are used by their ids");
        }
    }

    /**
     * Looks for a folder.
     *
     * @throws Fault NOT_FOUND when it is not there
     */
    static void requireThere(Folder folder) {
        Pool pool = folder.pool();
        Volume volume = folder.volume();
        pool.folder()
                .openData(volume)
                .orElseThrow(() -> new Fault(
                        Fault.Kind.NOT_FOUND, "there is no folder " + volume.path() + " in pool " + pool.config()))
                .close();
    }

    private static boolean isOfVolume(Pool pool, VolumePath path) {
        return pool.folder().isNamedByBerth(path.components().getFirst())
                || pool.volumes().catalog().isClaimed(path);
    }

    /** Whether a mount shows a folder of a share that is no volume's. */
    boolean mayShow(MountPoint mount) {
        return pools.opened().stream()
                .filter(pool -> pool.config().kind() == PoolKind.NFS)
                .anyMatch(pool -> pool.folder()
                        .origin()
                        .relativize(mount)
                        .flatMap(NfsShares::path)
                        .filter(path -> !isOfVolume(pool, path))
                        .isPresent());
    }

    private static Optional<VolumePath> path(Path below) {
        try {
            return Optional.of(VolumePath.parse(below.toString()));
        } catch (Fault e) {
            return Optional.empty(); // the root itself, or the records
        }
    }

    /**
     * Deletes a folder that an id of csi-driver-nfs names, as the id says.
     *
     * @throws Fault FAILED_PRECONDITION when the id says nothing of it, or it is mounted on this node
     */
    void delete(Folder folder) {
        Volume volume = folder.volume();
        if (!volume.parameters().containsKey(VolumeParameters.ON_DELETE)) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume " + Fault.quote(volume.requestedName())
                            + " was not made by Berth and its id does not say what"
                            + " may become of its data; set the PersistentVolume's reclaim policy to Retain, or end the id"
                            + " in #delete, #archive or #retain");
        }
        requireNoVolume(folder);
        try (VolumeLocks.Held lock = folder.pool().volumes().lock(volume.id())) {
            folder.pool().format(volume).mounts(volume, MountTable.read()).stream()
                    .findFirst()
                    .ifPresent(mount -> {
                        throw new Fault(
                                Fault.Kind.FAILED_PRECONDITION,
                                "volume " + volume.requestedName() + " is in use: mounted at " + mount.target());
                    });
            folder.pool().volumes().deleteUnrecorded(volume);
        }
    }
}
