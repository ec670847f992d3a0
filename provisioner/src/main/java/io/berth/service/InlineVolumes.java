package io.berth.service;

import io.berth.fault.Fault;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.pool.Pool;
import io.berth.pool.Pools;
import io.berth.pool.VolumeLocks;
import io.berth.volume.Volume;
import java.util.Optional;

/** Volumes that live as long as their pod, in memory or on disk: they are made when they are published. */
final class InlineVolumes {
    private final Pools pools;
    private final Volumes volumes;
    private final VolumeLookup lookup;
    private final Targets targets;
    private final InlineRules rules;

    InlineVolumes(Pools pools, Volumes volumes, VolumeLookup lookup, Targets targets, InlineRules rules) {
        this.pools = pools;
        this.volumes = volumes;
        this.lookup = lookup;
        this.targets = targets;
        this.rules = rules;
    }

    /** Makes it and mounts it; one that is there may stay, whatever the rules are by now. */
    void publish(PublishRequest request, InlineVolume.OnDisk asked) {
        InlineVolume.OnDisk disk = allowed(request, asked);
        Volumes.Created created = volumes.create(
                new Volumes.Wanted(
                        request.volumeId(),
                        disk.capacity(),
                        disk.parameters(),
                        request.mode().isMultiNode()),
                true);
        Volume volume = created.volume();
        Pool pool = pools.get(volume.id().pool());
        try (VolumeLocks.Held lock = pool.volumes().lock(volume.id());
                KeyLocks.Held held = targets.lock(request.targetPath())) {
            lookup.takeAwayDead(new VolumeLookup.Found(pool, volume), request.targetPath());
            MountTable table = MountTable.read();
            if (!request.isThere(
                    table, mount -> pool.format(volume).mounts(volume, table).contains(mount))) {
                NodeVolumes.mount(pool, volume, request.targetPath(), request.options());
                if (!request.isReadOnly()) {
                    request.mountGroup().ifPresent(group -> NodeVolumes.giveTo(group, pool, request.targetPath()));
                }
            }
        } catch (RuntimeException e) {
            if (created.isNew()) {
                freeAfter(e, volume);
            }
            throw e;
        }
    }

    private InlineVolume.OnDisk allowed(PublishRequest request, InlineVolume.OnDisk asked) {
        try {
            return rules.allowed(asked, pools);
        } catch (Fault e) {
            Optional<MountPoint> shown = MountTable.read().at(request.targetPath());
            if (lookup.inlineVolumes(request.volumeId(), shown).isEmpty()) {
                throw e;
            }
            return asked;
        }
    }

    private void freeAfter(RuntimeException failure, Volume volume) {
        try {
            volumes.delete(volume.id().toString());
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
    }

    void publish(PublishRequest request, InlineVolume.InMemory memory) {
        String source = VolumeLookup.tmpfsSource(request.volumeId());
        try (KeyLocks.Held held = targets.lock(request.targetPath())) {
            if (request.isThere(MountTable.read(), mount -> mount.source().equals(source))) {
                return;
            }
            rules.require(memory);
            long gid = request.mountGroup().orElse(memory.ownership().gid());
            int mode = memory.ownership().mode() | (request.mountGroup().isPresent() ? 02070 : 0);
            Targets.withFolder(
                    request.targetPath(),
                    () -> Mounts.tmpfs(
                            source,
                            request.targetPath(),
                            memory.sizeBytes(),
                            mode,
                            memory.ownership().uid(),
                            gid,
                            request.options()));
        }
    }
}
