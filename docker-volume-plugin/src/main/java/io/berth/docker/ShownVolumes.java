package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.mount.MountTable;
import io.berth.pool.PoolConfig;
import io.berth.service.Volumes;
import io.berth.volume.PoolName;
import io.berth.volume.Volume;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What Docker is shown of the volumes, from what this machine knows where a pool does not answer soon. Thread-safe; waits
 * for no call that changes a volume.
 */
final class ShownVolumes {
    private static final Logger LOG = LoggerFactory.getLogger(ShownVolumes.class);

    /** Docker takes a volume that it asks for and does not hear of for one that is gone, and holds up everybody meanwhile. */
    static final Duration FOR_ASKING = Duration.ofMillis(800);

    /** What {@link #all} gives at most: Docker's list has no pages, so all of it is in memory at once. */
    private static final int MAX_LIST = 10_000;

    private final Volumes volumes;
    private final VolumeStatus status;
    private final VolumeNames names;
    private final LocalRecords records;
    private final MountIds ids;
    private final Path mounts;
    private final Places places;
    private final PlaceCalls asks;
    private final Duration patience;

    /**
     * The volumes of this machine.
     *
     * @param mounts the folder where they are mounted by their names
     * @param asks by which pools are asked
     * @param patience how long a pool may take to answer
     */
    ShownVolumes(
            Volumes volumes,
            VolumeStatus status,
            VolumeNames names,
            LocalRecords records,
            MountIds ids,
            Path mounts,
            Places places,
            PlaceCalls asks,
            Duration patience) {
        this.volumes = volumes;
        this.status = status;
        this.names = names;
        this.records = records;
        this.ids = ids;
        this.mounts = mounts;
        this.places = places;
        this.asks = asks;
        this.patience = patience;
    }

    /**
     * A volume as Docker shows it.
     *
     * @param mountpoint empty while it is not mounted
     * @param status what it is; empty in a list, where Docker shows nothing of it
     */
    record Shown(String name, Optional<Path> mountpoint, Instant created, Map<String, Object> status) {}

    /**
     * One volume, as far as this machine knows it; when its pool does not answer, by the local record.
     *
     * @throws Fault NOT_FOUND when there is no such volume
     */
    Shown one(String name) {
        VolumeNames.check(name);
        MountTable table = MountTable.read();
        Optional<LocalRecord.Outside> outside = records.outside(name);
        if (outside.isPresent()) {
            Shown shown = show(name, outside.get(), table);
            shown.status().put(VolumeStatus.HEALTH, healthOf(name, outside.get()));
            return shown;
        }
        try {
            Volume volume = names.find(name, patience).orElseThrow(() -> noSuch(name));
            Shown shown = show(name, volume, table);
            shown.status().putAll(ofPool(volume, shown.mountpoint()));
            return shown;
        } catch (Fault e) {
            LocalRecord.InPool record = records.inPool(name)
                    .filter(unused -> e.kind() != Fault.Kind.NOT_FOUND)
                    .orElseThrow(() -> e);
            return show(name, record.created(), VolumeStatus.ofSilent(record, e), table);
        }
    }

    /**
     * Where a volume is mounted; empty while it is not.
     *
     * @throws Fault NOT_FOUND when there is no such volume
     */
    Optional<Path> path(String name) {
        VolumeNames.check(name);
        Optional<Path> mounted = mountpoint(name, MountTable.read());
        return mounted.isPresent() ? mounted : one(name).mountpoint();
    }

    private Map<String, Object> ofPool(Volume volume, Optional<Path> mountpoint) {
        try {
            return asks.within(patience, Places.of(volume.id().pool()), () -> status.ofPool(volume, mountpoint));
        } catch (Fault e) {
            return Map.of(VolumeStatus.HEALTH, e.getMessage());
        }
    }

    private String healthOf(String name, LocalRecord.Outside record) {
        try {
            return asks.within(patience, places.of(record.attributes()), () -> status.healthOf(name, record));
        } catch (Fault e) {
            return e.getMessage();
        }
    }

    /** All volumes, at most 10,000, without what they are; of a pool that does not answer those that are known here. */
    List<Shown> all() {
        Map<PoolName, PlaceCalls.Pending<List<VolumeNames.Named>>> asked = new LinkedHashMap<>();
        List<VolumeNames.Named> all = new ArrayList<>();
        Set<PoolName> silent = new HashSet<>();
        for (PoolConfig pool : volumes.pools()) {
            orSilent(
                    pool.name(),
                    silent,
                    () -> asked.put(pool.name(), asks.begin(Places.of(pool.name()), () -> volumes(pool.name()))));
        }
        long end = System.nanoTime() + 2 * patience.toNanos(); // a pool's records are all read
        asked.forEach((pool, answer) -> orSilent(
                pool,
                silent,
                () -> all.addAll(answer.awaitShown(Duration.ofNanos(Math.max(0, end - System.nanoTime()))))));
        MountTable table = MountTable.read();
        Map<String, Shown> shown = new TreeMap<>();
        names.of(all).forEach((name, volume) -> shown.put(name, listed(name, volume.created(), table)));
        records.all().forEach((name, record) -> {
            switch (record) {
                case LocalRecord.Outside outside -> shown.put(name, listed(name, outside.created(), table));
                case LocalRecord.InPool inPool -> {
                    if (silent.contains(inPool.id().pool())) {
                        shown.put(name, listed(name, inPool.created(), table));
                    }
                }
            }
        });
        if (shown.size() > MAX_LIST) {
            LOG.warn("the list is cut at {} volumes; the others can be used by name", MAX_LIST);
        }
        return shown.values().stream().limit(MAX_LIST).toList();
    }

    private static void orSilent(PoolName pool, Set<PoolName> silent, Runnable question) {
        try {
            question.run();
        } catch (Fault e) {
            LOG.warn("pool {} is listed as far as it is known here: {}", pool, e.getMessage());
            silent.add(pool);
        }
    }

    /** One more than are listed, to see that there are more. */
    private List<VolumeNames.Named> volumes(PoolName pool) {
        List<VolumeNames.Named> found = new ArrayList<>();
        Consumer<Volume> add = volume -> {
            if (!volume.ephemeral()) {
                found.add(VolumeNames.Named.of(volume));
            }
        };
        volumes.forFirst(MAX_LIST + 1, pool, add);
        volumes.discovered(MAX_LIST + 1 - found.size(), pool).forEach(add);
        return found;
    }

    private Shown show(String name, Volume volume, MountTable table) {
        return show(name, volume.created(), VolumeStatus.ofRecord(volume), table);
    }

    private Shown show(String name, LocalRecord.Outside record, MountTable table) {
        return show(name, record.created(), VolumeStatus.ofOutside(record), table);
    }

    private Shown show(String name, Instant created, Map<String, Object> known, MountTable table) {
        Map<String, Object> status = new TreeMap<>(known);
        status.put("mountIds", ids.of(name).size());
        return new Shown(name, mountpoint(name, table), created, status);
    }

    private Shown listed(String name, Instant created, MountTable table) {
        return new Shown(name, mountpoint(name, table), created, Map.of());
    }

    private Optional<Path> mountpoint(String name, MountTable table) {
        Path mountpoint = mounts.resolve(VolumeNames.toFile(name));
        return table.at(mountpoint).map(mount -> mountpoint);
    }

    static Fault noSuch(String name) {
        return new Fault(Fault.Kind.NOT_FOUND, "there is no volume " + Fault.quote(name));
    }
}
