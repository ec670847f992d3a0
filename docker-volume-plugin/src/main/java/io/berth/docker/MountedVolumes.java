package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountTable;
import io.berth.mount.OtherNamespaces;
import io.berth.nfs.NfsShare;
import io.berth.service.KeyLocks;
import io.berth.service.NodeVolumes;
import io.berth.service.PublishRequest;
import io.berth.service.Volumes;
import io.berth.volume.AccessMode;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is mounted, and for whom. A volume is mounted once on this machine, for as long as Docker has ids for it, at
 * {@code STATE/mounts/NAME}; containers are given bind mounts of that. Whether it is mounted, the mount table says; for
 * whom, {@link MountIds}.
 *
 * <p>Every call may be repeated, by this process or the next. Thread-safe: calls that change one volume wait for each
 * other.
 */
public final class MountedVolumes {
    private static final Logger LOG = LoggerFactory.getLogger(MountedVolumes.class);
    private static final Duration BETWEEN_TRIES = Duration.ofSeconds(1);

    private static final Set<String> ASKED_OF_OWNER =
            Set.of(VolumeParameters.UID, VolumeParameters.GID, VolumeParameters.MODE);

    private final Volumes volumes;
    private final NodeVolumes node;
    private final VolumeNames names;
    private final LocalRecords records;
    private final MountIds ids;
    private final Path mounts;
    private final NameLocks locks;
    private final Places places;
    private final PlaceCalls changes;

    /**
     * The mounts of this machine's volumes.
     *
     * @param mounts the folder where they are mounted by their names
     * @param locks of all that work on a volume
     * @param changes by which storage is waited for
     */
    MountedVolumes(
            Volumes volumes,
            NodeVolumes node,
            VolumeNames names,
            LocalRecords records,
            MountIds ids,
            Path mounts,
            NameLocks locks,
            Places places,
            PlaceCalls changes) {
        this.volumes = volumes;
        this.node = node;
        this.names = names;
        this.records = records;
        this.ids = ids;
        this.mounts = mounts;
        this.locks = locks;
        this.places = places;
        this.changes = changes;
    }

    /**
     * Mounts a volume for an id.
     *
     * @return where, always absolute
     * @throws Fault NOT_FOUND when there is no such volume
     */
    public Path mount(String name, String id) {
        try (KeyLocks.Held lock = locks.lock(name)) {
            long end = System.nanoTime() + Patience.FOR_MAKING.toNanos();
            Optional<Volume> volume = records.outside(name).isPresent()
                    ? Optional.empty()
                    : Optional.of(whenThere(
                            end,
                            left -> names.find(name, Patience.FOR_FINDING)
                                    .orElseThrow(() -> ShownVolumes.noSuch(name))));
            boolean known = ids.has(name, id);
            try {
                whenThere(end, left -> {
                    changes.run(left, places.of(name, volume), () -> mount(name, volume), () -> takeBack(name));
                    return true;
                });
            } catch (RuntimeException e) {
                if (known) {
                    countFailed(name, id, e);
                }
                throw e;
            }
            try {
                ids.add(name, id, () -> isUsed(name));
                volume.ifPresent(found -> records.remember(name, found, records.isNew(name)));
            } catch (RuntimeException e) {
                takeBack(name);
                throw e;
            }
            return mountpoint(name);
        }
    }

    /** Docker calls Unmount for this Mount too. That it failed, and why, is what must be told, whether it is counted or not. */
    private void countFailed(String name, String id, RuntimeException why) {
        try {
            ids.add(name, id, () -> isUsed(name));
        } catch (Fault e) {
            why.addSuppressed(e);
            LOG.warn(
                    "volume {} may be unmounted too early, for a Mount that failed is not counted: {}",
                    name,
                    e.getMessage());
        }
    }

    /** Waits for a server or a disk that is not there yet, as after a boot: Docker starts the container once only. */
    private static <T> T whenThere(long end, Function<Duration, T> attempt) {
        for (; ; ) {
            try {
                return attempt.apply(Duration.ofNanos(Math.max(end - System.nanoTime(), 0)));
            } catch (Fault e) {
                if (e.kind() != Fault.Kind.UNAVAILABLE || end - System.nanoTime() < BETWEEN_TRIES.toNanos()) {
                    throw e;
                }
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(BETWEEN_TRIES);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Fault(Fault.Kind.UNAVAILABLE, "Berth stops", e);
        }
    }

    private void mount(String name, Optional<Volume> volume) {
        Path mountpoint = mountpoint(name);
        if (volume.isEmpty()) {
            mount(name, records.outside(name).orElseThrow(() -> ShownVolumes.noSuch(name)), mountpoint);
            return;
        }
        VolumeId id = volume.get().id();
        if (volume.get().adopted()) {
            volumes.adopt(id);
        }
        stage(id.toString(), mountpoint, Map.of());
    }

    private void mount(String name, LocalRecord.Outside record, Path mountpoint) {
        Optional<NfsShare> export = node.exports().named(record.mountAttributes());
        if (export.isPresent()) {
            node.exports().mount(export.get(), mountpoint);
        } else if (record.isShare()) {
            stage(LocalRecord.Outside.handle(name), mountpoint, record.mountAttributes());
        } else {
            node.publish(PublishRequest.inline(
                    LocalRecord.Outside.handle(name), mountpoint, record.options(), record.mountAttributes()));
        }
    }

    private void stage(String id, Path mountpoint, Map<String, String> context) {
        node.stage(id, mountpoint, AccessMode.SINGLE_NODE_MULTI_WRITER, OptionalLong.empty(), context);
    }

    /** Undoes a mount that nobody waited for to its end. */
    private void takeBack(String name) {
        try (KeyLocks.Held lock = locks.lock(name)) {
            if (ids.of(name).isEmpty()) {
                unmount(name);
            }
        } catch (Fault e) {
            LOG.warn("volume {} stays mounted though Docker was told that it is not: {}", name, e.getMessage());
        }
    }

    /** Takes back an id, and the mount with the last of them. Does nothing when there is no such id, volume or mount. */
    public void unmount(String name, String id) {
        try (KeyLocks.Held lock = locks.lock(name)) {
            ids.remove(name, id);
            ids.removeUnused(name, () -> isUsed(name));
            if (ids.of(name).isEmpty()) {
                unmount(name);
            }
        }
    }

    /** Whether a container may have the volume, whatever Docker told. */
    private boolean isUsed(String name) {
        return OtherNamespaces.mayHave(mountpoint(name));
    }

    /** A dockerd begins to use this plugin. */
    void activated() {
        ids.activated();
    }

    /** A volume whose pool does not answer, or whose record cannot be read, can be unmounted all the same. */
    private void unmount(String name) {
        Optional<Volume> volume;
        try {
            volume = names.find(name, Patience.FOR_FINDING);
        } catch (Fault e) {
            LOG.warn("unmounting {} without its record: {}", name, e.getMessage());
            unmount(name, e);
            return;
        }
        changes.run(Patience.FOR_TAKING_AWAY, places.of(name, volume), () -> {
            volume.filter(found -> records.isNew(name)).ifPresent(found -> own(name, found));
            takeAway(name, volume);
        });
    }

    /**
     * Gives a volume once more what was asked for of owner and mode: before its first container starts, Docker has mounted
     * it, copied the image's files into it with the owner and mode of their folder, and unmounted it.
     */
    private void own(String name, Volume volume) {
        Set<String> given = volume.parameters().keySet();
        if (ASKED_OF_OWNER.stream().anyMatch(given::contains) && isMounted(mountpoint(name))) {
            try (Directory root = Directory.open(mountpoint(name))) {
                FileStatus now = root.status();
                Ownership ownership = volume.ownership().over(new Ownership(now.uid(), now.gid(), now.mode()), given);
                root.chown((int) ownership.uid(), (int) ownership.gid());
                root.chmod(ownership.mode()); // after chown, which clears setuid and setgid bits
            } catch (SystemCallException e) {
                LOG.warn("volume {} may have another owner or mode than asked for: {}", name, e.getMessage());
            }
        }
        records.remember(name, volume, false);
    }

    private void unmount(String name, Fault noRecord) {
        try {
            changes.run(
                    Patience.FOR_TAKING_AWAY,
                    places.of(name, Optional.empty()),
                    () -> takeAway(name, Optional.empty()));
        } catch (Fault e) {
            throw new Fault(noRecord.kind(), noRecord.getMessage() + "; without its record: " + e.getMessage(), e);
        }
    }

    /**
     * Unmounts a volume for whomever it is mounted; does nothing when it is not.
     *
     * @param volume its record, if it is in a pool and was found
     */
    void takeAway(String name, Optional<Volume> volume) {
        Path mountpoint = mountpoint(name);
        if (isMounted(mountpoint)) {
            Optional<LocalRecord.Outside> outside = records.outside(name);
            if (outside.isEmpty()) {
                Optional<VolumeId> id =
                        volume.map(Volume::id).or(() -> records.inPool(name).map(LocalRecord.InPool::id));
                node.unstage(id.map(VolumeId::toString).orElse(name), mountpoint);
            } else if (node.exports().named(outside.get().mountAttributes()).isPresent()) {
                node.exports().unmount(mountpoint);
            } else if (outside.get().isShare()) {
                node.unstage(LocalRecord.Outside.handle(name), mountpoint);
            } else {
                node.unpublish(LocalRecord.Outside.handle(name), mountpoint);
            }
        }
        try {
            Files.deleteIfExists(mountpoint);
        } catch (IOException e) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "cannot remove the folder " + mountpoint + ": " + Fault.reason(e),
                    e);
        }
    }

    private Path mountpoint(String name) {
        return mounts.resolve(VolumeNames.toFile(name));
    }

    private static boolean isMounted(Path mountpoint) {
        return MountTable.read().at(mountpoint).isPresent();
    }
}
