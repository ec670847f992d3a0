package io.berth.service;

import io.berth.catalog.ArchiveName;
import io.berth.catalog.Catalog;
import io.berth.fault.Fault;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.OtherNamespaces;
import io.berth.nfs.NfsOptions;
import io.berth.pool.Pool;
import io.berth.pool.PoolConfig;
import io.berth.pool.PoolKind;
import io.berth.pool.Pools;
import io.berth.pool.VolumeLocks;
import io.berth.volume.CapacityRange;
import io.berth.volume.Format;
import io.berth.volume.OnDelete;
import io.berth.volume.PoolName;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeChange;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes, finds, lists, enlarges and deletes volumes. Every call may be repeated after a crash at any point. Thread-safe;
 * calls for one volume wait for each other, those for different volumes do not.
 */
public final class Volumes {
    private static final Logger LOG = LoggerFactory.getLogger(Volumes.class);

    /** The most volumes on one page of {@link #list}. */
    public static final int MAX_PAGE = 1000;

    /** How long a call waits for a copy, where the caller says nothing else. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private static final Pattern TRAILING_SLASHES = Pattern.compile("/+$");
    private static final Pattern TOKEN = Pattern.compile("([a-z][a-z0-9-]{0,30}):([0-9a-f]{1,16})");

    private final Pools pools;
    private final Clock clock;
    private final boolean attach;
    private final NfsShares shares;

    public Volumes(Pools pools, Clock clock) {
        this(pools, clock, false);
    }

    /**
     * The volumes of these pools.
     *
     * @param attach whether it is kept track of which node has which volume; then one that a node has is in use
     */
    public Volumes(Pools pools, Clock clock, boolean attach) {
        this.pools = pools;
        this.clock = clock;
        this.attach = attach;
        this.shares = new NfsShares(pools);
    }

    /**
     * A volume that is asked for.
     *
     * @param name decides the id, so the same name is the same volume
     * @param multiNode whether it must be reachable from several nodes at once
     * @param block whether its user gets raw blocks
     * @param fsType what an image is to be formatted with; empty: as Berth chooses
     * @param source what it is to begin as a copy of
     */
    public record Wanted(
            String name,
            CapacityRange capacity,
            VolumeParameters parameters,
            boolean multiNode,
            boolean block,
            Optional<String> fsType,
            Optional<Source> source) {
        /** An empty volume that is mounted. */
        public Wanted(String name, CapacityRange capacity, VolumeParameters parameters, boolean multiNode) {
            this(name, capacity, parameters, multiNode, false, Optional.empty(), Optional.empty());
        }

        private Wanted with(VolumeParameters placed) {
            return new Wanted(name, capacity, placed, multiNode, block, fsType, source);
        }
    }

    /**
     * Makes a volume, or finds it when an earlier call made it.
     *
     * @throws Fault INVALID_ARGUMENT when the pool cannot give what is asked, ALREADY_EXISTS when a volume of this name
     *     differs from it, RESOURCE_EXHAUSTED when there is no room
     */
    public Volume create(Wanted wanted) {
        return create(wanted, PATIENCE);
    }

    /**
     * Makes a volume, or finds it when an earlier call made it. A copy of its source that takes longer goes on, and the
     * next such call finds it.
     *
     * @param patience how long to wait for a copy
     * @throws Fault also NOT_FOUND when there is no such source, OUT_OF_RANGE when the volume would be smaller than it,
     *     BUSY while the copy is under way
     */
    public Volume create(Wanted asked, Duration patience) {
        VolumeParameters parameters = asked.parameters();
        Wanted wanted = asked.with(
                poolOfNodePath(parameters).map(parameters::in).orElseGet(() -> shares.place(parameters, asked.name())));
        return wanted.source()
                .map(source -> new FromSource(pools, this, clock).create(wanted, source, patience))
                .orElseGet(() -> create(wanted, false).volume());
    }

    /** A volume, and whether this call made it. */
    record Created(Volume volume, boolean isNew) {}

    Created create(Wanted wanted, boolean ephemeral) {
        Pool pool = pool(wanted, wanted.parameters().pool());
        VolumeId id = VolumeId.of(pool.config().name(), wanted.name());
        try (VolumeLocks.Held lock = pool.volumes().lock(id)) {
            Created found = lock.together(() -> findOrPlan(pool, id, wanted, ephemeral));
            Volume volume = found.volume();
            if (found.isNew() && volume.format() instanceof Format.Image) {
                pool.volumes().create(volume); // making a file system takes too long to be one call
            } else if (found.isNew()) {
                lock.last(() -> {
                    pool.volumes().create(volume);
                    return volume;
                });
            }
            return found;
        }
    }

    /** The volume that is there, or the one to make. */
    private Created findOrPlan(Pool pool, VolumeId id, Wanted wanted, boolean ephemeral) {
        Optional<Volume> there = pool.volumes().findSettled(id);
        if (there.isPresent()) {
            Volume same = VolumePlan.requireSame(there.get(), wanted, ephemeral);
            pool.volumes().confirm(id);
            return new Created(same, false);
        }
        return new Created(VolumePlan.of(pool, id, wanted, ephemeral, clock.instant()), true);
    }

    /** The pool for a volume, of this name or the only one. */
    Pool pool(Wanted wanted, Optional<PoolName> named) {
        Pool pool = pool(named);
        PoolConfig config = pool.config();
        if (wanted.multiNode() && config.kind() == PoolKind.LOCAL) {
            throw new Fault(
                    Fault.Kind.INVALID_ARGUMENT,
                    "volume_capability access_mode: pool " + config.name()
                            + " is local, its volumes are reachable from one node; ask for a single-node mode");
        }
        return pool;
    }

    private Pool pool(Optional<PoolName> named) {
        PoolName name = named.or(pools::only)
                .orElseThrow(() -> Fault.invalid(
                        VolumeParameters.POOL, "", "there are several pools, so name one of " + pools.names()));
        return pools.find(name)
                .orElseThrow(() -> Fault.invalid(
                        VolumeParameters.POOL, name.text(), "no such pool here; there are " + pools.names()));
    }

    /** A folder that was found as a volume; see {@link PoolFolder#discovered(VolumeId)}. Empty when there is none. */
    public Optional<Volume> discovered(String id) {
        return VolumeId.parse(id)
                .flatMap(parsed ->
                        pools.find(parsed.pool()).flatMap(pool -> pool.folder().discovered(parsed)));
    }

    /** The folders of a pool that were found as volumes, at most so many. */
    public List<Volume> discovered(int max, PoolName name) {
        return pools.get(name).folder().discovered(max);
    }

    /** Makes a folder that was found a volume, which keeps its data when it is deleted; returns it when it is one. */
    public Volume adopt(VolumeId id) {
        return find(id.toString())
                .orElseGet(() -> create(new Wanted(id.name(), CapacityRange.ANY, ofFound(id), false)));
    }

    private static VolumeParameters ofFound(VolumeId id) {
        return VolumeParameters.parse(Map.of(
                VolumeParameters.POOL,
                id.pool().text(),
                VolumeParameters.SUB_DIR,
                id.name(),
                VolumeParameters.ON_DELETE,
                OnDelete.RETAIN.toString()));
    }

    /** Whether a volume is a folder that was found, used yet or not; one that a claim has taken with its folder is none. */
    public static boolean isFound(Volume volume) {
        return volume.adopted()
                && ofFound(volume.id())
                        .strings()
                        .entrySet()
                        .containsAll(volume.parameters().entrySet());
    }

    /** The volume with this id; empty when there is none, or no volume can have such an id. */
    public Optional<Volume> find(String id) {
        return VolumeId.parse(id)
                .flatMap(parsed ->
                        pools.find(parsed.pool()).flatMap(pool -> pool.volumes().find(parsed)));
    }

    /** The pool that parameters name, by its name, by its folder, or by server and share. */
    public Optional<PoolName> pool(VolumeParameters parameters) {
        return poolOfNodePath(parameters)
                .or(() -> shares.export(parameters)
                        .map(export -> pools.of(export).pool().name()))
                .or(parameters::pool);
    }

    private Optional<PoolName> poolOfNodePath(VolumeParameters parameters) {
        return parameters.nodePath().map(path -> {
            if (parameters.pool().isPresent() || shares.export(parameters).isPresent()) {
                throw Fault.invalid(
                        VolumeParameters.NODE_PATH,
                        path,
                        "say where the volume lies by nodePath, by pool, or by server and share, not by two of them");
            }
            return pools.configs().stream()
                    .filter(config -> config.nfs().isEmpty()
                            && config.root()
                                    .toString()
                                    .equals(TRAILING_SLASHES.matcher(path).replaceFirst("")))
                    .findFirst()
                    .map(PoolConfig::name)
                    .orElseThrow(() -> Fault.invalid(
                            VolumeParameters.NODE_PATH,
                            path,
                            "the folder of no pool here; there are " + pools.configs() + "; --pool NAME=local:PATH"
                                    + " adds one"));
        });
    }

    /**
     * Refuses mount options that could not be had of a volume's pool, before the volume is made.
     *
     * @param named empty: the only one
     * @throws Fault INVALID_ARGUMENT naming the option and what to do
     */
    public void requireMountable(Optional<PoolName> named, NfsOptions options) {
        config(named).ifPresent(config -> config.requireMountable(options));
    }

    /** The settings of the pool of this name, or of the only one; empty when there is none. */
    private Optional<PoolConfig> config(Optional<PoolName> named) {
        return named.or(pools::only)
                .flatMap(name -> pools.configs().stream()
                        .filter(config -> config.name().equals(name))
                        .findFirst());
    }

    /**
     * The volume with this id.
     *
     * @throws Fault NOT_FOUND when there is none
     */
    public Volume get(String id) {
        return find(id).orElseThrow(() -> noSuch(id));
    }

    /**
     * Refuses what can be no volume's id here, for a person who mistyped it; callers of CSI are told that it is gone.
     *
     * @throws Fault INVALID_ARGUMENT when nothing has such ids, NOT_FOUND when there is no such pool
     */
    public void requireId(String text) {
        if (shares.named(text).isPresent()) {
            return;
        }
        VolumeId id = VolumeId.parse(text)
                .orElseThrow(() -> Fault.invalid(
                        "volume id", text, "no volume has such an id; 'berth volumes list' shows theirs"));
        pools.get(id.pool());
    }

    static Fault noSuch(String id) {
        return new Fault(Fault.Kind.NOT_FOUND, "there is no volume " + Fault.quote(id));
    }

    /**
     * Deletes a volume; what becomes of its data is its {@link OnDelete}. Constant time. Does nothing when there is none.
     *
     * @throws Fault FAILED_PRECONDITION when it is mounted on this node, or a node has it
     */
    public void delete(String text) {
        shares.named(text).ifPresent(shares::delete);
        VolumeId.parse(text)
                .ifPresent(id -> pools.find(id.pool()).ifPresent(pool -> {
                    pools.copies().cancel(id);
                    try (VolumeLocks.Held lock = pool.volumes().lock(id)) {
                        boolean unused = lock.last(() -> {
                            pool.evenWhenFull(() -> {
                                pool.volumes().settle(id);
                                pool.crashed().forget(id);
                                pool.volumes()
                                        .find(id)
                                        .ifPresentOrElse(
                                                volume -> deleteUnused(pool, volume),
                                                () -> pool.volumes().confirmGone(id));
                            });
                            return true;
                        });
                    }
                }));
    }

    /** Carries through a delete that was begun and failed; does nothing when there is none. */
    public void finishDelete(VolumeId id) {
        pools.find(id.pool())
                .filter(pool -> pool.volumes().catalog().deleting(id).isPresent())
                .ifPresent(pool -> {
                    try (VolumeLocks.Held lock = pool.volumes().lock(id)) {
                        pool.evenWhenFull(() -> pool.volumes().settle(id));
                    }
                });
    }

    private void deleteUnused(Pool pool, Volume volume) {
        if (attach && !volume.attachments().isEmpty()) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume " + volume.id() + " is in use: published to node "
                            + volume.attachments().firstKey());
        }
        MountTable table = MountTable.read();
        List<MountPoint> mounts = pool.format(volume).mounts(volume, table);
        if (!mounts.isEmpty()) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume " + volume.id() + " is in use: mounted at "
                            + mounts.getFirst().target());
        }
        OtherNamespaces.container(pool.format(volume).origins(volume, table)).ifPresent(pid -> {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume " + volume.id() + " is in use: process " + pid + " has it mounted in its container");
        });
        pool.format(volume).release(volume);
        pool.volumes().delete(volume);
    }

    /**
     * Makes a volume larger; returns it as it is when it is large enough.
     *
     * @throws Fault NOT_FOUND, OUT_OF_RANGE when it is larger than the limit already, RESOURCE_EXHAUSTED when there is no
     *     room
     */
    public Volume expand(String text, CapacityRange range) {
        VolumeId id = VolumeId.parse(text).orElseThrow(() -> noSuch(text));
        Pool pool = pools.find(id.pool()).orElseThrow(() -> noSuch(text));
        try (VolumeLocks.Held lock = pool.volumes().lock(id)) {
            Volume volume = pool.volumes().find(id).orElseThrow(() -> noSuch(text));
            if (range.limitBytes() > 0 && volume.capacityBytes() > range.limitBytes()) {
                throw new Fault(
                        Fault.Kind.OUT_OF_RANGE,
                        "volume " + id + " has " + volume.capacityBytes() + " bytes, more than limit_bytes "
                                + range.limitBytes() + "; a volume never shrinks");
            }
            return pool.volumes()
                    .expand(
                            volume,
                            range.requiredBytes() <= volume.capacityBytes()
                                    ? volume.capacityBytes()
                                    : volume.format().capacity(range));
        }
    }

    /**
     * Lets those who use a volume on this machine have all of its room, which an image must be told; does nothing when they
     * do already. A kubelet asks for that by itself after {@link #expand}; Docker does not.
     *
     * @return false when nobody uses it here
     */
    public boolean grow(Volume volume) {
        Pool pool = pools.get(volume.id().pool());
        if (!pool.format(volume).growsOnNode()) {
            return true;
        }
        try (VolumeLocks.Held lock = pool.volumes().lock(volume.id())) {
            return pool.format(volume).grow(volume);
        }
    }

    /**
     * Changes a volume: all of it, or nothing.
     *
     * @throws Fault NOT_FOUND, INVALID_ARGUMENT when this volume cannot change in this way
     */
    public Volume modify(String text, VolumeChange change) {
        VolumeId id = VolumeId.parse(text).orElseThrow(() -> noSuch(text));
        Pool pool = pools.find(id.pool()).orElseThrow(() -> noSuch(text));
        try (VolumeLocks.Held lock = pool.volumes().lock(id)) {
            return pool.volumes().modify(pool.volumes().find(id).orElseThrow(() -> noSuch(text)), change);
        }
    }

    /**
     * Makes a deleted volume that was archived or retained a volume again.
     *
     * @throws Fault see {@link io.berth.pool.Archives#restore}
     */
    public Volume restore(String archive) {
        ArchiveName name = ArchiveName.parse(archive)
                .orElseThrow(() -> Fault.invalid(
                        "archive",
                        archive,
                        "the name of an archive is ID@TIME, as berth volumes list --archived shows"));
        Pool pool = pools.get(name.id().pool());
        try (VolumeLocks.Held lock = pool.volumes().lock(name.id())) {
            pool.volumes().settle(name.id());
            return pool.volumes().archives().restore(name);
        }
    }

    /**
     * A page of volumes.
     *
     * @param unreadable volumes that are there too, but whose records cannot be trusted, and why
     * @param next the token of the next page; empty on the last
     */
    public record Page(List<Volume> volumes, Map<VolumeId, Fault> unreadable, Optional<String> next) {}

    /**
     * Lists volumes, pool by pool. A page costs the same wherever it begins. Records that cannot be trusted are left out
     * and logged; {@code berth volumes check} shows them.
     *
     * @param token empty for the first page, else {@link Page#next} of the one before
     * @param max 0 or more than {@link #MAX_PAGE}: that many
     * @throws Fault BAD_TOKEN for a token that no page gave
     */
    public Page list(String token, int max) {
        int size = max == 0 ? MAX_PAGE : Math.min(max, MAX_PAGE);
        List<PoolName> names = pools.configs().stream().map(PoolConfig::name).toList();
        Cursor cursor = cursor(token, names);
        List<Volume> volumes = new ArrayList<>();
        Map<VolumeId, Fault> unreadable = new LinkedHashMap<>();
        while (cursor.pool() < names.size() && volumes.size() < size) {
            Pool pool = pools.get(names.get(cursor.pool()));
            Catalog.Page page = pool.volumes().catalog().list(cursor.cookie(), size - volumes.size());
            page.unreadable().values().forEach(fault -> LOG.warn("left out of the list: {}", fault.getMessage()));
            unreadable.putAll(page.unreadable());
            volumes.addAll(page.volumes());
            cursor = page.next().isPresent()
                    ? new Cursor(cursor.pool(), page.next().getAsLong())
                    : new Cursor(cursor.pool() + 1, 0);
        }
        return new Page(
                volumes,
                unreadable,
                cursor.pool() < names.size()
                        ? Optional.of(names.get(cursor.pool()) + ":" + Long.toHexString(cursor.cookie()))
                        : Optional.empty());
    }

    /** Hands over the first volumes of one pool, at most so many, a page in memory at a time; see {@link #list}. */
    public void forFirst(int max, PoolName name, Consumer<Volume> action) {
        Catalog catalog = pools.get(name).volumes().catalog();
        OptionalLong next = OptionalLong.of(0);
        for (int left = max; next.isPresent() && left > 0; ) {
            Catalog.Page page = catalog.list(next.getAsLong(), Math.min(MAX_PAGE, left));
            page.unreadable().values().forEach(fault -> LOG.warn("left out of the list: {}", fault.getMessage()));
            page.volumes().forEach(action);
            left -= page.volumes().size();
            next = page.next();
        }
    }

    /** Where a page begins: the how many-th pool, and a position in its folder of records. */
    private record Cursor(int pool, long cookie) {}

    private static Cursor cursor(String token, List<PoolName> names) {
        if (token.isEmpty()) {
            return new Cursor(0, 0);
        }
        var matcher = TOKEN.matcher(token);
        int pool = matcher.matches() ? names.indexOf(new PoolName(matcher.group(1))) : -1;
        if (pool < 0) {
            throw new Fault(Fault.Kind.BAD_TOKEN, "starting_token " + Fault.quote(token) + " is none that a page gave");
        }
        return new Cursor(pool, HexFormat.fromHexDigitsToLong(matcher.group(2)));
    }

    /** Bytes one more volume could have, in the pool or in all pools together; see {@link Pool#availableBytes}. */
    public long availableBytes(Optional<PoolName> pool, boolean multiNode) {
        List<PoolConfig> wanted = pools.configs().stream()
                .filter(config -> pool.isEmpty() || pool.get().equals(config.name()))
                .filter(config -> !multiNode || config.kind() != PoolKind.LOCAL)
                .toList();
        if (wanted.isEmpty() && pool.isPresent()) {
            pool(pool); // names an unknown pool
        }
        return wanted.stream()
                .mapToLong(config -> pools.get(config.name()).availableBytes())
                .sum();
    }

    /**
     * The largest size of one volume, where that is less than the room there is: an image is a file, and ext4 has no larger
     * ones than just under 16 TiB.
     *
     * @param named the pool; empty: the only one
     * @param block whether raw blocks are asked for
     */
    public OptionalLong largestBytes(VolumeParameters parameters, Optional<PoolName> named, boolean block) {
        return named.or(pools::only)
                .map(pools::get)
                .map(pool -> block
                        ? pool.largest(new Format.Image(Optional.empty()))
                        : pool.largest(pool.chooseFormat(parameters, true)))
                .orElse(OptionalLong.empty());
    }

    /** Whether a volume with these parameters' pool would be reachable from this node only. */
    public boolean isLocal(Optional<PoolName> named) {
        return config(named).filter(found -> found.kind() == PoolKind.LOCAL).isPresent();
    }

    /** The pools that volumes can be in. */
    public List<PoolConfig> pools() {
        return pools.configs();
    }

    /** The kind of pool a volume lies in. */
    public PoolKind kind(Volume volume) {
        return pools.get(volume.id().pool()).config().kind();
    }

    /** Whether an expanded volume has to be grown on the node too; see {@link NodeVolumes#expand}. */
    public boolean growsOnNode(Volume volume) {
        return pools.get(volume.id().pool()).format(volume).growsOnNode();
    }

    /** Where a volume is mounted on this machine. */
    public List<Path> mountedAt(Volume volume) {
        return pools.get(volume.id().pool()).format(volume).mounts(volume, MountTable.read()).stream()
                .map(MountPoint::target)
                .toList();
    }

    /** Where a volume's data lies on this machine, for people. */
    public Path location(Volume volume) {
        return pools.get(volume.id().pool())
                .config()
                .root()
                .resolve(volume.path().toPath());
    }
}
