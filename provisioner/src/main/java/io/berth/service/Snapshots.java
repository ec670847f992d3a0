package io.berth.service;

import io.berth.catalog.SnapshotCatalog;
import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.pool.ClaimedSource;
import io.berth.pool.Copies;
import io.berth.pool.Pool;
import io.berth.pool.PoolKind;
import io.berth.pool.PoolSnapshots;
import io.berth.pool.Pools;
import io.berth.pool.VolumeLocks;
import io.berth.volume.PoolName;
import io.berth.volume.Snapshot;
import io.berth.volume.SnapshotId;
import io.berth.volume.VolumeId;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes, finds, lists and deletes snapshots. Every call may be repeated after a crash at any point. Thread-safe; calls for
 * one snapshot wait for each other, those for different snapshots do not.
 */
public final class Snapshots {
    private static final Logger LOG = LoggerFactory.getLogger(Snapshots.class);

    /** The most snapshots on one page of {@link #list}. */
    public static final int MAX_PAGE = 1000;

    private static final String NAMESPACE = "csi.storage.k8s.io/volumesnapshot/namespace";

    /** What external-snapshotter adds with --extra-create-metadata. */
    private static final Set<String> PARAMETERS = Set.of(
            "csi.storage.k8s.io/volumesnapshot/name", NAMESPACE, "csi.storage.k8s.io/volumesnapshotcontent/name");

    private final Pools pools;
    private final Clock clock;

    public Snapshots(Pools pools, Clock clock) {
        this.pools = pools;
        this.clock = clock;
    }

    /**
     * A snapshot that is asked for.
     *
     * @param name decides the id, with the source's pool: the same name is the same snapshot
     * @param source the volume's id
     */
    public record Wanted(String name, String source, Map<String, String> parameters) {
        public Wanted {
            parameters = Map.copyOf(parameters);
        }
    }

    /**
     * Makes a snapshot, or finds it when an earlier call made it.
     *
     * @param patience how long to wait for a copy; one that takes longer goes on, and the snapshot is not ready until then
     * @throws Fault INVALID_ARGUMENT for an unknown parameter, NOT_FOUND when there is no such volume, ALREADY_EXISTS when
     *     the name is that of another volume's snapshot, RESOURCE_EXHAUSTED when there is no room
     */
    public Snapshot create(Wanted wanted, Duration patience) {
        for (String key : new TreeMap<>(wanted.parameters()).keySet()) {
            if (!PARAMETERS.contains(key)) {
                throw Fault.invalid("parameter", key, "unknown; a snapshot takes none");
            }
        }
        VolumeId source = VolumeId.parse(wanted.source()).orElseThrow(() -> Volumes.noSuch(wanted.source()));
        Pool pool = pools.find(source.pool()).orElseThrow(() -> Volumes.noSuch(wanted.source()));
        SnapshotId id = SnapshotId.of(source.pool(), wanted.name());
        Copies copies = pools.copies();
        Optional<Copies.Copy> underWay = copies.find(id);
        if (underWay.isEmpty() && pool.snapshots().catalog().ready(id).isPresent()) {
            try (VolumeLocks.Held lock = pool.snapshots().lock(id)) { // whoever makes it has come to an end
                Optional<Snapshot> ready = pool.snapshots().catalog().ready(id);
                if (ready.isPresent()) {
                    Snapshot same = same(ready.get(), wanted, source);
                    pool.snapshots().confirm(id);
                    return same;
                }
            }
        }
        Copies.Copy copy = underWay.orElseGet(() -> copies.start(
                id,
                wanted.parameters().getOrDefault(NAMESPACE, ""),
                pool.snapshots().watch(id),
                progress -> begin(pool, id, source, wanted, progress)));
        boolean ended = copy.await(patience);
        Snapshot made = same(pool.snapshots().find(id).orElseThrow(() -> noLonger(id)), wanted, source);
        return ended ? made : made.unfinished(); // it may be there and wait for the disk
    }

    private static Fault noLonger(SnapshotId id) {
        return new Fault(Fault.Kind.BUSY, id.described() + " was deleted while it was being made");
    }

    private static Snapshot same(Snapshot there, Wanted wanted, VolumeId source) {
        if (!there.source().equals(source) || !there.requestedName().equals(wanted.name())) {
            throw new Fault(
                    Fault.Kind.ALREADY_EXISTS,
                    there.id().described() + " exists, named " + Fault.quote(there.requestedName()) + ", and is of "
                            + there.source().described() + ", which differs from what is asked");
        }
        return there;
    }

    /** Takes the locks and begins the snapshot, unless another call has made it meanwhile. */
    private Copies.Work begin(Pool pool, SnapshotId id, VolumeId of, Wanted wanted, Progress progress) {
        ClaimedSource source = pool.volumes().claim(of);
        try {
            VolumeLocks.Held lock = pool.snapshots().lock(id);
            try {
                Optional<Snapshot> begun = begin(pool, plan(id, of, source, wanted));
                return new Copies.Work() {
                    @Override
                    public void run() {
                        begun.ifPresent(snapshot -> pool.snapshots().make(snapshot, source, progress));
                    }

                    @Override
                    public void close() {
                        lock.close();
                        source.close();
                    }
                };
            } catch (RuntimeException | Error e) {
                lock.close();
                throw e;
            }
        } catch (RuntimeException | Error e) {
            source.close();
            throw e;
        }
    }

    private Optional<Snapshot> begin(Pool pool, Snapshot snapshot) {
        PoolSnapshots snapshots = pool.snapshots();
        snapshots.settle(snapshot.id());
        if (snapshots.find(snapshot.id()).isPresent()) {
            snapshots.confirm(snapshot.id());
            return Optional.empty();
        }
        pools.requireFewCrashes(pool, snapshot.id());
        snapshots.begin(snapshot);
        return Optional.of(snapshot);
    }

    private Snapshot plan(SnapshotId id, VolumeId of, ClaimedSource source, Wanted wanted) {
        return new Snapshot(
                id,
                wanted.name(),
                of,
                source.format(),
                source.capacityBytes(),
                0,
                Instant.now(clock),
                false,
                Optional.empty(),
                wanted.parameters());
    }

    /** The snapshot with this id, ready or being made; empty when there is none, or no snapshot can have such an id. */
    public Optional<Snapshot> find(String id) {
        return SnapshotId.parse(id)
                .flatMap(parsed -> pools.find(parsed.pool())
                        .flatMap(pool -> pool.snapshots().find(parsed)));
    }

    /**
     * The snapshot with this id.
     *
     * @throws Fault NOT_FOUND when there is none
     */
    public Snapshot get(String id) {
        return find(id).orElseThrow(() -> new Fault(Fault.Kind.NOT_FOUND, "there is no snapshot " + Fault.quote(id)));
    }

    /** How far the copy of a snapshot is that is not ready; empty when that is not known yet, or any more. */
    public Optional<String> progress(Snapshot snapshot) {
        return pools.get(snapshot.id().pool()).snapshots().progress(snapshot.id());
    }

    /**
     * Deletes a snapshot. Constant time. Does nothing when there is none; cancels its copy when this process is making it.
     *
     * @throws Fault INVALID_ARGUMENT when it is part of a group, BUSY while a volume is made of it, or another process is making it
     */
    public void delete(String text) {
        SnapshotId.parse(text)
                .ifPresent(id -> pools.find(id.pool()).ifPresent(pool -> {
                    pools.copies().cancel(id);
                    try (VolumeLocks.Held lock = pool.snapshots().lock(id)) {
                        pool.evenWhenFull(() -> {
                            pool.snapshots().settle(id);
                            pool.crashed().forget(id);
                            pool.snapshots()
                                    .find(id)
                                    .ifPresentOrElse(
                                            snapshot -> {
                                                requireAlone(pool, snapshot);
                                                pool.snapshots().delete(snapshot);
                                            },
                                            () -> pool.snapshots().confirm(id));
                        });
                    }
                }));
    }

    private static void requireAlone(Pool pool, Snapshot snapshot) {
        snapshot.group().flatMap(pool.groups()::find).ifPresent(group -> {
            throw Fault.invalid(
                    "snapshot_id",
                    snapshot.id().toString(),
                    "it is part of " + group.id().described() + " and goes with that, not alone");
        });
    }

    /**
     * A page of snapshots.
     *
     * @param next the token of the next page; empty on the last
     */
    public record Page(List<Snapshot> snapshots, Optional<String> next) {}

    /**
     * Lists snapshots, ready and being made, pool by pool. A page costs the same wherever it begins; one that becomes ready
     * between two pages may be on both. Records that cannot be trusted are left out and logged.
     *
     * @param source only those of the volume with this id; empty: all
     * @param token empty for the first page, else {@link Page#next} of the one before, with the same source
     * @param max 0 or more than {@link #MAX_PAGE}: that many
     * @throws Fault BAD_TOKEN for a token that no page gave
     */
    public Page list(Optional<String> source, String token, int max) {
        int size = max == 0 ? MAX_PAGE : Math.min(max, MAX_PAGE);
        return source.isEmpty()
                ? list(token, size)
                : VolumeId.parse(source.get())
                        .flatMap(of -> pools.find(of.pool()).map(pool -> listOf(pool, of, token, size)))
                        .orElseGet(() -> new Page(List.of(), Optional.empty()));
    }

    private static Page listOf(Pool pool, VolumeId source, String token, int size) {
        Cursor cursor = Cursor.parse(token).orElse(new Cursor(source.pool(), Cursor.OF_SOURCE, 0));
        if (!cursor.pool().equals(source.pool()) || cursor.part() != Cursor.OF_SOURCE) {
            throw Cursor.bad(token);
        }
        SnapshotCatalog.Page page = pool.snapshots().catalog().list(source, cursor.cookie(), size);
        return new Page(
                readable(page),
                page.next().stream()
                        .mapToObj(cookie -> new Cursor(source.pool(), Cursor.OF_SOURCE, cookie).toString())
                        .findFirst());
    }

    private Page list(String token, int size) {
        List<Cursor> parts = pools.configs().stream()
                .flatMap(config -> Arrays.stream(SnapshotCatalog.Part.values())
                        .map(part -> new Cursor(config.name(), Cursor.letter(part), 0)))
                .toList();
        Optional<Cursor> from = Cursor.parse(token);
        int at = from.map(cursor -> parts.indexOf(cursor.beginning())).orElse(0);
        if (at < 0) {
            throw Cursor.bad(token);
        }
        long cookie = from.map(Cursor::cookie).orElse(0L);
        List<Snapshot> found = new ArrayList<>();
        for (; at < parts.size() && found.size() < size; at++) {
            Cursor part = parts.get(at);
            SnapshotCatalog.Page page =
                    pools.get(part.pool()).snapshots().catalog().list(part.ofAll(), cookie, size - found.size());
            found.addAll(readable(page));
            if (page.next().isPresent()) {
                return new Page(
                        found, Optional.of(part.at(page.next().getAsLong()).toString()));
            }
            cookie = 0;
        }
        return new Page(found, at < parts.size() ? Optional.of(parts.get(at).toString()) : Optional.empty());
    }

    private static List<Snapshot> readable(SnapshotCatalog.Page page) {
        page.unreadable().forEach(fault -> LOG.warn("left out of the list: {}", fault.getMessage()));
        return page.snapshots();
    }

    /** Where a page begins: a pool, a part of its snapshots, and a position in that folder. */
    private record Cursor(PoolName pool, char part, long cookie) {
        static final char OF_SOURCE = 's';
        private static final Pattern GRAMMAR = Pattern.compile("([a-z][a-z0-9-]{0,30}):([crs]):([0-9a-f]{1,16})");

        /** Empty for an empty token. */
        static Optional<Cursor> parse(String token) {
            if (token.isEmpty()) {
                return Optional.empty();
            }
            Matcher matcher = GRAMMAR.matcher(token);
            if (!matcher.matches()) {
                throw bad(token);
            }
            return Optional.of(new Cursor(
                    new PoolName(matcher.group(1)),
                    matcher.group(2).charAt(0),
                    HexFormat.fromHexDigitsToLong(matcher.group(3))));
        }

        static Fault bad(String token) {
            return new Fault(
                    Fault.Kind.BAD_TOKEN, "starting_token " + Fault.quote(token) + " is none that a page gave");
        }

        static char letter(SnapshotCatalog.Part part) {
            return switch (part) {
                case CREATING -> 'c';
                case READY -> 'r';
            };
        }

        SnapshotCatalog.Part ofAll() {
            return part == 'c' ? SnapshotCatalog.Part.CREATING : SnapshotCatalog.Part.READY;
        }

        Cursor beginning() {
            return at(0);
        }

        Cursor at(long position) {
            return new Cursor(pool, part, position);
        }

        @Override
        public String toString() {
            return pool + ":" + part + ":" + Long.toHexString(cookie);
        }
    }

    /** Whether snapshots of the volume with this id are reachable from this node only; false for what is no volume's id. */
    public boolean isLocal(String source) {
        return VolumeId.parse(source)
                .flatMap(id -> pools.configs().stream()
                        .filter(config -> config.name().equals(id.pool()))
                        .findFirst())
                .filter(config -> config.kind() == PoolKind.LOCAL)
                .isPresent();
    }

    /** Whether a snapshot is of a local pool, so that volumes made of it are reachable from this node only. */
    public boolean isLocal(Snapshot snapshot) {
        return pools.get(snapshot.id().pool()).config().kind() == PoolKind.LOCAL;
    }
}
