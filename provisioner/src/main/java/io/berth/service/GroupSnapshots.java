package io.berth.service;

import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.pool.ClaimedSource;
import io.berth.pool.Copies;
import io.berth.pool.Pool;
import io.berth.pool.Pools;
import io.berth.pool.VolumeLocks;
import io.berth.volume.GroupSnapshot;
import io.berth.volume.GroupSnapshotId;
import io.berth.volume.PoolName;
import io.berth.volume.Snapshot;
import io.berth.volume.SnapshotId;
import io.berth.volume.VolumeId;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Makes, finds and deletes snapshots of several volumes as they were at one moment. Every call may be repeated after a crash
 * at any point. Thread-safe; calls for one group wait for each other, those for different groups do not.
 */
public final class GroupSnapshots {
    /** The most volumes of a group: they are frozen one after the other, and all wait for the last. */
    public static final int MAX_VOLUMES = 100;

    /** What external-snapshotter adds with --extra-create-metadata. */
    private static final String NAMESPACE = "csi.storage.k8s.io/volumegroupsnapshot/namespace";

    private static final Set<String> PARAMETERS = Set.of(
            "csi.storage.k8s.io/volumegroupsnapshot/name",
            NAMESPACE,
            "csi.storage.k8s.io/volumegroupsnapshotcontent/name");

    private final Pools pools;
    private final Clock clock;

    public GroupSnapshots(Pools pools, Clock clock) {
        this.pools = pools;
        this.clock = clock;
    }

    /**
     * A group snapshot that is asked for.
     *
     * @param name decides the id, with the sources' pool: the same name is the same group
     * @param sources the volumes' ids
     */
    public record Wanted(String name, List<String> sources, Map<String, String> parameters) {
        public Wanted {
            sources = List.copyOf(sources);
            parameters = Map.copyOf(parameters);
        }
    }

    /**
     * A group and its snapshots.
     *
     * @param snapshots of which one may be missing only when somebody took it away by hand
     */
    public record Found(GroupSnapshot group, List<Snapshot> snapshots) {
        /** Whether volumes can be made of all of its snapshots. */
        public boolean ready() {
            return snapshots.size() == group.sources().size()
                    && snapshots.stream().allMatch(Snapshot::ready);
        }
    }

    /**
     * Makes a group, or finds it when an earlier call made it.
     *
     * @param patience how long to wait for the copies, which go on after that
     * @throws Fault INVALID_ARGUMENT for an unknown parameter or no volumes, NOT_FOUND when a volume is missing,
     *     FAILED_PRECONDITION when these volumes have no moment in common, ALREADY_EXISTS when the name is that of a group of
     *     other volumes, BUSY while it is being made, RESOURCE_EXHAUSTED when there is no room
     */
    public Found create(Wanted wanted, Duration patience) {
        for (String key : new TreeMap<>(wanted.parameters()).keySet()) {
            if (!PARAMETERS.contains(key)) {
                throw Fault.invalid("parameter", key, "unknown; a group snapshot takes none");
            }
        }
        List<VolumeId> sources = sources(wanted.sources());
        Pool pool = pool(sources);
        GroupSnapshotId id = GroupSnapshotId.of(pool.config().name(), wanted.name());
        Copies copies = pools.copies();
        Optional<Copies.Copy> underWay = copies.find(id);
        if (underWay.isEmpty() && pool.groups().find(id).isPresent()) {
            try (VolumeLocks.Held lock = pool.groups().lock(id)) { // whoever makes it has come to an end
                Optional<GroupSnapshot> there = pool.groups().find(id);
                if (there.isPresent()) {
                    return confirmed(pool, there.get(), wanted, sources);
                }
            }
        }
        Copies.Copy copy = underWay.orElseGet(() -> copies.start(
                id,
                wanted.parameters().getOrDefault(NAMESPACE, ""),
                pool.groups().watch(),
                progress -> begin(pool, plan(id, wanted, sources), progress)));
        if (!copy.await(patience)) {
            throw new Fault(Fault.Kind.BUSY, id.described() + " is being made: " + copy.progress());
        }
        GroupSnapshot made = pool.groups()
                .find(id)
                .orElseThrow(() ->
                        new Fault(Fault.Kind.BUSY, id.described() + " was deleted while it was being made; try again"));
        requireSame(made, wanted, sources);
        return new Found(made, pool.groups().members(made));
    }

    private static List<VolumeId> sources(List<String> texts) {
        if (texts.isEmpty() || texts.size() > MAX_VOLUMES) {
            throw Fault.invalid(
                    "source_volume_ids", texts.size() + " ids", "1 to " + MAX_VOLUMES + " volumes are a group");
        }
        Set<String> seen = new HashSet<>();
        List<VolumeId> sources = new ArrayList<>();
        for (String text : texts) {
            if (!seen.add(text)) {
                throw Fault.invalid("source_volume_ids", text, "is there twice");
            }
            sources.add(VolumeId.parse(text).orElseThrow(() -> Volumes.noSuch(text)));
        }
        return sources;
    }

    private Pool pool(List<VolumeId> sources) {
        for (VolumeId source : sources) {
            if (pools.find(source.pool()).isEmpty()) {
                throw Volumes.noSuch(source.toString());
            }
        }
        Set<PoolName> names = sources.stream().map(VolumeId::pool).collect(Collectors.toSet());
        if (names.size() > 1) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "source_volume_ids: the volumes of a group are of one pool, these are of "
                            + names.stream().map(PoolName::text).sorted().collect(Collectors.joining(", ")));
        }
        return pools.get(sources.getFirst().pool());
    }

    private GroupSnapshot plan(GroupSnapshotId id, Wanted wanted, List<VolumeId> sources) {
        return new GroupSnapshot(id, wanted.name(), sources, Instant.now(clock), wanted.parameters());
    }

    /** The group, once it and its snapshots are on disk. */
    private static Found confirmed(Pool pool, GroupSnapshot there, Wanted wanted, List<VolumeId> sources) {
        requireSame(there, wanted, sources);
        pool.groups().confirm(there);
        return new Found(there, pool.groups().members(there));
    }

    private static void requireSame(GroupSnapshot there, Wanted wanted, List<VolumeId> sources) {
        if (!there.requestedName().equals(wanted.name())
                || !Set.copyOf(there.sources()).equals(Set.copyOf(sources))
                || !there.parameters().equals(wanted.parameters())) {
            throw new Fault(
                    Fault.Kind.ALREADY_EXISTS,
                    there.id().described() + " exists, named " + Fault.quote(there.requestedName())
                            + ", and is of the volumes " + there.sources() + " with the parameters "
                            + there.parameters() + ", which differs from what is asked");
        }
    }

    /** What is held while a group is made, given back in the end. */
    private static final class Making implements Copies.Work {
        private final Deque<ClaimedSource> sources = new ArrayDeque<>();
        private final Deque<VolumeLocks.Held> lock = new ArrayDeque<>();
        private Runnable make = () -> {};

        @Override
        public void run() {
            make.run();
        }

        @Override
        public void close() {
            lock.forEach(VolumeLocks.Held::close);
            sources.forEach(ClaimedSource::close);
        }
    }

    /** Claims the sources and takes the group's lock. */
    private static Copies.Work begin(Pool pool, GroupSnapshot group, Progress progress) {
        Making making = new Making();
        try {
            group.sources().forEach(source -> making.sources.add(pool.volumes().claim(source)));
            making.lock.add(pool.groups().lock(group.id()));
            pool.groups().settle(group.id());
            Optional<GroupSnapshot> there = pool.groups().find(group.id());
            if (there.isPresent()) {
                pool.groups().confirm(there.get());
            } else {
                making.make = () -> pool.groups().make(group, List.copyOf(making.sources), progress);
            }
            return making;
        } catch (RuntimeException e) {
            making.close();
            throw e;
        }
    }

    /**
     * The group with this id.
     *
     * @param snapshots the ids of its snapshots
     * @throws Fault NOT_FOUND when there is none, INVALID_ARGUMENT when these are not its snapshots
     */
    public Found get(String text, Collection<String> snapshots) {
        Fault none = new Fault(Fault.Kind.NOT_FOUND, "there is no group snapshot " + Fault.quote(text));
        GroupSnapshotId id = GroupSnapshotId.parse(text).orElseThrow(() -> none);
        Pool pool = pools.find(id.pool()).orElseThrow(() -> none);
        GroupSnapshot group = pool.groups().find(id).orElseThrow(() -> none);
        requireSame(group, snapshots);
        return new Found(group, pool.groups().members(group));
    }

    /**
     * Deletes a group and its snapshots. Does nothing when there is none; cancels its copies when this process is making it.
     *
     * @param snapshots the ids of its snapshots
     * @throws Fault INVALID_ARGUMENT when these are not its snapshots, BUSY while a volume is made of one
     */
    public void delete(String text, Collection<String> snapshots) {
        GroupSnapshotId.parse(text)
                .ifPresent(id -> pools.find(id.pool()).ifPresent(pool -> {
                    pools.copies().cancel(id);
                    try (VolumeLocks.Held lock = pool.groups().lock(id)) {
                        pool.evenWhenFull(() -> {
                            pool.groups().settle(id);
                            pool.groups()
                                    .find(id)
                                    .ifPresentOrElse(
                                            group -> {
                                                requireSame(group, snapshots);
                                                pool.groups().delete(group);
                                            },
                                            () -> pool.groups().confirmGone(id));
                        });
                    }
                }));
    }

    private static void requireSame(GroupSnapshot group, Collection<String> snapshots) {
        List<String> ids = group.snapshots().stream().map(SnapshotId::toString).toList();
        if (snapshots.size() != ids.size() || !Set.copyOf(snapshots).equals(Set.copyOf(ids))) {
            throw Fault.invalid(
                    "snapshot_ids",
                    String.join(", ", snapshots),
                    "the snapshots of " + group.id().described() + " are " + String.join(", ", ids));
        }
    }
}
