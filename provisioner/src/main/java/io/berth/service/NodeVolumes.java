package io.berth.service;

import io.berth.fault.Fault;
import io.berth.format.VolumeFormat;
import io.berth.hostpath.HostPath;
import io.berth.hostpath.HostPaths;
import io.berth.linux.Bulkhead;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.PathHandle;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.nfs.NfsOptions;
import io.berth.nfs.NfsShare;
import io.berth.pool.Pool;
import io.berth.pool.PoolKind;
import io.berth.pool.Pools;
import io.berth.pool.VolumeLocks;
import io.berth.volume.AccessMode;
import io.berth.volume.Attachment;
import io.berth.volume.CapacityRange;
import io.berth.volume.Format;
import io.berth.volume.NodeId;
import io.berth.volume.Usage;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Mounts volumes on this node. The mount table is looked at before anything is done, so every call may be repeated, by
 * this process or the next. Thread-safe.
 */
public final class NodeVolumes {
    /** The attributes an inline volume may have, beside those that Kubernetes adds. */
    public static final Set<String> INLINE_KEYS = InlineVolume.KEYS;

    /** The attribute by which options an export is mounted, with commas between. */
    public static final String MOUNT_OPTIONS = NfsShares.MOUNT_OPTIONS;

    private static final Logger LOG = LoggerFactory.getLogger(NodeVolumes.class);

    private final Pools pools;
    private final Volumes volumes;
    private final Optional<NodeId> here;
    private final VolumeLookup lookup;
    private final Targets targets;
    private final InlineVolumes inlineVolumes;
    private final HostPathVolumes hostPathVolumes;
    private final ExportVolumes exports;

    /** As the other, where no inline volume lies in a pool. */
    public NodeVolumes(Pools pools, Volumes volumes, HostPaths hostPaths) {
        this(pools, volumes, hostPaths, InlineRules.DEFAULT, Optional.empty());
    }

    /**
     * The volumes of this node.
     *
     * @param inline which inline volumes may be made
     * @param here this node, where only volumes that were given to it are mounted ({@link Attachments}); empty: all are
     */
    public NodeVolumes(Pools pools, Volumes volumes, HostPaths hostPaths, InlineRules inline, Optional<NodeId> here) {
        this.pools = pools;
        this.volumes = volumes;
        this.here = here;
        this.lookup = new VolumeLookup(pools, hostPaths, inline.pools());
        this.targets = new Targets(pools);
        this.inlineVolumes = new InlineVolumes(pools, volumes, lookup, targets, inline);
        this.hostPathVolumes = new HostPathVolumes(lookup, hostPaths, targets);
        this.exports = new ExportVolumes(pools, targets);
    }

    /** Exports beside the pools, for a door whose callers may mount anything on this machine. */
    public ExportVolumes exports() {
        return exports;
    }

    /**
     * Mounts a volume once on this node, where publishing takes it from. For a host path there is nothing to mount; it is
     * only checked.
     *
     * @throws Fault NOT_FOUND, FAILED_PRECONDITION when something else is mounted there, or the volume has no files
     */
    public void stage(
            String id, Path stagingPath, AccessMode mode, OptionalLong mountGroup, Map<String, String> context) {
        stage(id, stagingPath, mode, mountGroup, NfsOptions.DEFAULT, context);
    }

    /**
     * As {@link #stage(String, Path, AccessMode, OptionalLong, Map)}.
     *
     * @param options by which an export is to be mounted, over those of its pool
     * @throws Fault also INVALID_ARGUMENT when there are options and the volume lies on no export
     */
    public void stage(
            String id,
            Path stagingPath,
            AccessMode mode,
            OptionalLong mountGroup,
            NfsOptions options,
            Map<String, String> context) {
        targets.requireOutsidePools("staging_target_path", stagingPath);
        Optional<HostPath> hostPath = hostPathVolumes.named(id, context);
        if (hostPath.isPresent()) {
            requireUsual(options, "a path of the host");
            hostPathVolumes.open(hostPath.get()).close();
        } else {
            stage(lookup.meant(id, context), stagingPath, mode, mountGroup, options, false);
        }
    }

    private static void requireUsual(NfsOptions options, String what) {
        if (!options.isUsual()) {
            throw Fault.invalid("mount_flags", options.toString(), "options of NFS, and the volume is " + what);
        }
    }

    /**
     * As {@link #stage}, of a volume of raw blocks: its device appears in the staging folder by the volume's id.
     *
     * @throws Fault NOT_FOUND, FAILED_PRECONDITION when something else is mounted there, or the volume is no device
     */
    public void stageDevice(String id, Path stagingPath, AccessMode mode, Map<String, String> context) {
        targets.requireOutsidePools("staging_target_path", stagingPath);
        if (hostPathVolumes.named(id, context).isPresent()) {
            throw noDevice();
        }
        stage(lookup.meant(id, context), stagingPath, mode, OptionalLong.empty(), NfsOptions.DEFAULT, true);
    }

    private void stage(
            MeantVolume meant,
            Path stagingPath,
            AccessMode mode,
            OptionalLong mountGroup,
            NfsOptions asked,
            boolean block) {
        Pool pool = meant.pool();
        NfsOptions options = meant.optionsOver(asked);
        try (VolumeLocks.Held lock = pool.volumes().lock(meant.id());
                KeyLocks.Held target = targets.lock(stagingPath)) {
            Volume volume = meant.volume();
            MeantVolume.requireReachable(pool, volume, mode);
            MeantVolume.requireAccess(volume, block);
            meant.requireAttached(volume, here);
            if (pool.config().kind() != PoolKind.NFS) {
                requireUsual(options, "in pool " + pool.config());
            }
            Path staged = stagedAt(volume, stagingPath);
            lookup.takeAwayDead(new VolumeLookup.Found(pool, volume), staged);
            MountTable table = MountTable.read();
            Optional<MountPoint> there = table.at(staged);
            if (there.isEmpty()) {
                if (volume.format().isBlock()) {
                    Targets.makeFolder(stagingPath);
                }
                mountStaged(pool, volume, staged, options);
            } else if (!pool.format(volume).mounts(volume, table).contains(there.get())) {
                throw Targets.occupied(there.get());
            }
            if (!meant.readOnly()) {
                meant.share().flatMap(NfsShares.Folder::mode).ifPresent(bits -> chmod(bits, pool, staged));
                mountGroup.ifPresent(group -> giveTo(group, pool, staged));
            }
        }
    }

    private static void mountStaged(Pool pool, Volume volume, Path staged, NfsOptions options) {
        if (options.isUsual() || pool.config().mounted().isEmpty()) {
            mount(pool, volume, staged, options.mount());
        } else {
            Targets.withFolder(staged, () -> pool.mount(volume, staged, options));
        }
    }

    /** Where a staged volume is mounted: its files on the staging folder, its device on a file in that. */
    private static Path stagedAt(Volume volume, Path stagingPath) {
        return volume.format().isBlock() ? stagingPath.resolve(volume.id().toString()) : stagingPath;
    }

    static void mount(Pool pool, Volume volume, Path target, Set<MountOption> options) {
        Set<MountOption> all =
                volume.format().isBlock() ? options : pool.config().over(options);
        Runnable mount = () -> pool.format(volume).mount(volume, target, all);
        if (volume.format().isBlock()) {
            Targets.withFile(target, mount);
        } else {
            Targets.withFolder(target, mount);
        }
    }

    private static Fault noDevice() {
        return new Fault(
                Fault.Kind.FAILED_PRECONDITION,
                "volume_capability access_type block: host paths and inline volumes are mounted; ask for mount");
    }

    private static void chmod(int mode, Pool pool, Path mountedAt) {
        try (Directory data = Directory.open(mountedAt, pool.calls())) {
            if (data.status().mode() != mode) {
                data.chmod(mode);
            }
        }
    }

    /** Lets a group use the volume's root, without walking what is in it. */
    static void giveTo(long group, Pool pool, Path mountedAt) {
        try (Directory data = Directory.open(mountedAt, pool.calls())) {
            FileStatus status = data.status();
            int mode = status.mode() | 02070;
            if (status.gid() != group) {
                data.chown(-1, (int) group);
            }
            if (status.gid() != group || status.mode() != mode) {
                data.chmod(mode);
            }
        }
    }

    /** Undoes {@link #stage}; does nothing when nothing is staged there. */
    public void unstage(String id, Path stagingPath) {
        Optional<VolumeLookup.Found> volume = lookup.findToTakeAway(id);
        takeAway(id, stagingPath, mount -> volume);
        if (VolumeId.parse(id).isPresent()) {
            Path device = stagingPath.resolve(id);
            if (Files.exists(device, LinkOption.NOFOLLOW_LINKS)) {
                takeAway(id, device, mount -> volume);
                Targets.removeFile(device);
            }
            volume.filter(found -> found.volume().format() instanceof Format.Image)
                    .ifPresent(found -> unlessSilent(found, found::release));
        }
    }

    /**
     * Undoes {@link #stage} for a volume that nothing mounts but its staging; does nothing while its storage is silent. What
     * has no record is left: nothing depends on whether it is staged.
     */
    public void unstageUnused(String id) {
        lookup.findToTakeAway(id)
                .ifPresent(found -> unlessSilent(found, () -> {
                    List<MountPoint> mounts = found.mountsAndDead(MountTable.read());
                    if (mounts.size() == 1) { // no publish comes between: it takes the volume's lock too
                        Path staged = mounts.getFirst().target();
                        takeAway(id, staged, mount -> Optional.of(found));
                        if (found.volume().format().isBlock()) {
                            Targets.removeFile(staged);
                        }
                        found.release();
                    }
                }));
    }

    /** Does something with a volume's lock; nothing when its storage is silent. */
    private static void unlessSilent(VolumeLookup.Found found, Runnable action) {
        VolumeLookup.unlessSilent(() -> {
            try (VolumeLocks.Held lock =
                    found.pool().volumes().lock(found.volume().id())) {
                action.run();
                return true;
            }
        });
    }

    /**
     * Makes a volume appear at its target, with its options from the first moment.
     *
     * @throws Fault NOT_FOUND, FAILED_PRECONDITION when it is not staged, is published elsewhere and its mode allows one
     *     target, or something else is mounted at the target
     */
    public void publish(PublishRequest request) {
        targets.requireOutsidePools("target_path", request.targetPath());
        requireExport(request);
        Optional<InlineVolume> inline = InlineVolume.isInline(request.context())
                ? Optional.of(InlineVolume.parse(request.context()))
                : Optional.empty();
        if (inline.isPresent()) {
            if (request.block()) {
                throw noDevice();
            }
            switch (inline.get()) {
                case InlineVolume.OfHost host -> hostPathVolumes.publishInline(request, host.path());
                case InlineVolume.OnDisk disk -> inlineVolumes.publish(request, disk);
                case InlineVolume.InMemory memory -> inlineVolumes.publish(request, memory);
            }
            return;
        }
        Optional<HostPath> hostPath = hostPathVolumes.named(request.volumeId(), request.context());
        if (hostPath.isPresent()) {
            if (request.block()) {
                throw noDevice();
            }
            hostPathVolumes.publish(request, hostPath.get());
        } else {
            publishStaged(request);
        }
    }

    /** Options that came with a secret are not told again. */
    private void requireExport(PublishRequest request) {
        if (request.nfs().isUsual()) {
            return;
        }
        boolean isFolderOfPool = !request.block()
                && !InlineVolume.isInline(request.context())
                && hostPathVolumes.named(request.volumeId(), request.context()).isEmpty();
        if (!isFolderOfPool
                || lookup.meant(request.volumeId(), request.context())
                                .pool()
                                .config()
                                .kind()
                        != PoolKind.NFS) {
            throw new Fault(
                    Fault.Kind.INVALID_ARGUMENT,
                    "secrets: mountOptions has options of NFS, and volume " + Fault.quote(request.volumeId())
                            + " is no folder of an export");
        }
    }

    private void publishStaged(PublishRequest asked) {
        String id = asked.volumeId();
        MeantVolume meant = lookup.meant(id, asked.context());
        Pool pool = meant.pool();
        try (VolumeLocks.Held lock = pool.volumes().lock(meant.id());
                KeyLocks.Held held = targets.lock(asked.targetPath())) {
            Volume volume = meant.volume();
            MeantVolume.requireReachable(pool, volume, asked.mode());
            MeantVolume.requireAccess(volume, asked.block());
            boolean readOnly = meant.readOnly()
                    || meant.requireAttached(volume, here)
                            .filter(Attachment::readOnly)
                            .isPresent();
            PublishRequest request = readOnly ? asked.readOnly() : asked;
            Path staging = request.stagingPath()
                    .map(path -> stagedAt(volume, path))
                    .orElseThrow(() -> Fault.invalid("staging_target_path", "", "the volume has to be staged first"));
            renew(meant, volume, staging, request);
            MountTable table = MountTable.read();
            List<MountPoint> mounts = pool.format(volume).mounts(volume, table);
            if (table.at(staging).filter(mounts::contains).isEmpty()) {
                throw new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        "volume " + id + " is not staged at " + staging + "; stage it first");
            }
            if (request.isThere(table, mounts::contains)) {
                return;
            }
            if (!request.mode().allowsManyTargets()) {
                request.requireOnlyTarget(staging, mounts);
            }
            if (volume.format().isBlock()) {
                publishDevice(request, pool, volume, staging, mounts);
                return;
            }
            if (!request.isReadOnly()) {
                request.mountGroup().ifPresent(group -> giveTo(group, pool, staging));
            }
            Targets.withFolder(request.targetPath(), () -> mount(request, pool, volume, staging));
        }
    }

    /** Stages a volume again whose staging died, and takes a dead mount from its target: nobody else would ask for it. */
    private void renew(MeantVolume meant, Volume volume, Path staging, PublishRequest request) {
        VolumeLookup.Found found = new VolumeLookup.Found(meant.pool(), volume);
        try (KeyLocks.Held held = targets.lock(staging)) {
            if (lookup.takeAwayDead(found, staging)) {
                mountStaged(meant.pool(), volume, staging, meant.optionsOver(request.stagedBy()));
            }
        }
        lookup.takeAwayDead(found, request.targetPath());
    }

    /** Shows what is staged, or the same by options of this request alone. */
    private static void mount(PublishRequest request, Pool pool, Volume volume, Path staging) {
        if (!request.nfs().isUsual() && pool.config().mounted().isPresent()) {
            pool.mount(
                    volume, request.targetPath(), new NfsOptions(request.nfs().nfs(), request.options()));
            return;
        }
        Mounts.bind(staging, request.targetPath(), pool.config().over(request.options()), pool.calls());
    }

    /** A device is read-only or writable as a whole, wherever it appears; its staging mount is nobody's to use. */
    private static void publishDevice(
            PublishRequest request, Pool pool, Volume volume, Path staging, List<MountPoint> mounts) {
        for (MountPoint mount : mounts) {
            if (!Targets.isSame(mount.target(), staging) && mount.readOnly() != request.isReadOnly()) {
                throw new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        "volume " + volume.id() + " is published at " + mount.target()
                                + (mount.readOnly() ? " read-only" : " writable")
                                + ", and a device cannot be both; unpublish it there first");
            }
        }
        mount(pool, volume, request.targetPath(), request.options());
    }

    /**
     * Checks what the attributes of a volume without a record say, as {@link #publish}, {@link #stage} and
     * {@link ExportVolumes#mount} will: a path of the host must be allowed and be there, and is made where its type says so;
     * a folder of a pool's export must be there; any other export must be one that can be mounted.
     *
     * @throws Fault as they do
     */
    public void check(String id, Map<String, String> attributes) {
        Optional<NfsShare> export = exports.named(attributes);
        if (export.isPresent()) {
            exports.check(export.get());
            return;
        }
        Optional<NfsShares.Folder> share = lookup.share(id, attributes);
        if (share.isPresent()) {
            NfsShares.requireThere(share.get());
        } else if (InlineVolume.parse(attributes) instanceof InlineVolume.OfHost host) {
            hostPathVolumes.openInline(host.path()).close();
        }
    }

    /**
     * Makes the folder that the attributes of a volume without a record name in an export, and those above it, where they
     * are missing.
     *
     * @throws Fault as {@link #check}
     */
    public void makeFolder(String id, Map<String, String> attributes) {
        lookup.share(id, attributes)
                .ifPresent(share -> share.pool().folder().make(share.volume().path()));
    }

    /**
     * Takes a volume away from its target and removes the target; an inline volume is deleted with it. Does nothing when it
     * is gone.
     *
     * @throws Fault FAILED_PRECONDITION when what is mounted there is not this volume
     */
    public void unpublish(String id, Path targetPath) {
        targets.requireOutsidePools("target_path", targetPath);
        Optional<MountPoint> taken = takeAway(id, targetPath, mount -> lookup.findToTakeAway(id, mount));
        Targets.remove(targetPath);
        for (VolumeLookup.Found inline : lookup.inlineVolumes(id, taken)) {
            deleteInline(inline.volume());
        }
    }

    /** The pod must be able to end though the disk that its volume lay on is gone. */
    private void deleteInline(Volume volume) {
        if (pools.isInPlace(volume.id().pool())) {
            volumes.delete(volume.id().toString());
        } else {
            LOG.warn(
                    "inline volume {} stays in pool {}, whose folder is another than it was",
                    volume.id(),
                    volume.id().pool());
        }
    }

    /** Takes away what is mounted at a path, and gives that. */
    private Optional<MountPoint> takeAway(
            String id, Path path, Function<MountPoint, Optional<VolumeLookup.Found>> volume) {
        try (KeyLocks.Held held = targets.lock(path)) {
            MountTable table = MountTable.read();
            Optional<MountPoint> mount = table.at(path);
            if (mount.isPresent()) {
                lookup.requireOurs(id, volume.apply(mount.get()), mount.get(), table);
                Mounts.unmount(path);
            }
            return mount;
        }
    }

    /**
     * How full a volume is; system calls only, never a walk.
     *
     * @param path where it is staged or published
     * @throws Fault NOT_FOUND when there is no such volume or it is not at this path
     */
    public Usage usage(String id, Path path) {
        Optional<VolumeLookup.Found> found =
                lookup.find(id, () -> MountTable.read().at(path));
        boolean block = found.filter(there -> there.volume().format().isBlock()).isPresent();
        return usageAt(id, block ? deviceIn(id, path) : path, found);
    }

    /** Where a volume's device is, when the path is the folder in which it was staged. */
    private static Path deviceIn(String id, Path path) {
        Path device = path.resolve(id);
        return Files.exists(device, LinkOption.NOFOLLOW_LINKS) && !Files.isDirectory(device, LinkOption.NOFOLLOW_LINKS)
                ? device
                : path;
    }

    private Usage usageAt(String id, Path path, Optional<VolumeLookup.Found> found) {
        Optional<Bulkhead> calls = found.flatMap(there -> there.pool().calls());
        try (PathHandle at = PathHandle.open(path, calls).orElseThrow(() -> notAt(id, path))) {
            if (!isAt(id, path, at, found)) {
                throw notAt(id, path);
            }
            return found.map(there -> there.pool().format(there.volume()).usage(there.volume(), at))
                    .orElseGet(() -> VolumeFormat.usageOf(at.fileSystem()));
        }
    }

    private boolean isAt(String id, Path path, PathHandle at, Optional<VolumeLookup.Found> found) {
        if (found.isPresent()) {
            Volume volume = found.get().volume();
            return found.get().pool().format(volume).isAt(volume, at);
        }
        MountTable table = MountTable.read();
        return table.at(path).filter(mount -> lookup.mayShow(id, mount, table)).isPresent();
    }

    private static Fault notAt(String id, Path path) {
        return new Fault(Fault.Kind.NOT_FOUND, "volume " + Fault.quote(id) + " is not mounted at " + path);
    }

    /**
     * Makes a volume larger on the node; see {@link Volumes#expand}.
     *
     * @throws Fault NOT_FOUND when it is not at this path
     */
    public Volume expand(String id, Path path, CapacityRange range) {
        usage(id, path);
        Volume volume = volumes.expand(id, range);
        if (!volumes.grow(volume)) {
            throw notAt(id, path);
        }
        return volume;
    }

    /** Whether some volumes are on this node only. */
    public boolean hasLocalPools() {
        return pools.configs().stream().anyMatch(config -> config.kind() == PoolKind.LOCAL);
    }
}
