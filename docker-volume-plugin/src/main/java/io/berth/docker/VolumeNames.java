package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.pool.PoolConfig;
import io.berth.service.Snapshots;
import io.berth.service.Volumes;
import io.berth.volume.PoolName;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What Docker calls a volume, one name for each. A volume made for Docker keeps the name it was made by, whatever pool it
 * lies in; another is called by its name in the default pool, and by its id, {@code pool.name}, elsewhere or where that
 * name is taken. A name that is the id of a pool here is never anything else.
 */
final class VolumeNames {
    /** Tells, among a volume's parameters, that Docker made it and by which name. */
    static final String MADE_AS = "docker.name";

    /** Docker's own grammar; Docker does not check it before it asks a plugin. */
    private static final Pattern GRAMMAR = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]*");

    /** A server and a path. Docker hands on whatever stands before the colon of {@code -v}. */
    private static final Pattern SHARE =
            Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9.-]*(/(?!\\.{1,2}(/|$))[a-zA-Z0-9_.-]+)+");

    /** What stands in a file's name for the slash; in no name. */
    private static final char IN_FILE = '+';

    private final Volumes volumes;
    private final LocalRecords records;
    private final PlaceCalls asks;
    private final List<PoolName> pools;
    private final Optional<PoolName> defaultPool;

    /**
     * Names of the volumes of these pools.
     *
     * @param records names of volumes that are in no pool, which no other volume has
     * @param asks by which pools are asked
     * @param defaultPool the pool of volumes that are made without saying which; empty: the only one
     * @throws Fault INVALID_ARGUMENT when there is no such pool
     */
    VolumeNames(Volumes volumes, LocalRecords records, PlaceCalls asks, Optional<PoolName> defaultPool) {
        this.volumes = volumes;
        this.records = records;
        this.asks = asks;
        List<PoolName> all = volumes.pools().stream().map(PoolConfig::name).toList();
        defaultPool.filter(name -> !all.contains(name)).ifPresent(name -> {
            throw Fault.invalid("default pool", name.text(), "no such pool here; there are " + all);
        });
        this.defaultPool = defaultPool.or(() -> all.size() == 1 ? Optional.of(all.getFirst()) : Optional.empty());
        this.pools = Stream.concat(this.defaultPool.stream(), all.stream())
                .distinct()
                .toList();
    }

    /** Where a new volume is to be, and what it is called there. */
    record Place(PoolName pool, String name) {}

    /**
     * Where a new volume of this name belongs.
     *
     * @param wanted the pool that was asked for
     * @throws Fault INVALID_ARGUMENT when the name says another pool, or nothing says which
     */
    Place place(String name, Optional<PoolName> wanted) {
        check(name);
        Optional<VolumeId> id = id(name);
        if (id.isEmpty()) {
            return new Place(
                    wanted.or(() -> defaultPool)
                            .orElseThrow(() -> Fault.invalid(
                                    "option pool", "", "there are several pools, so name one of " + pools)),
                    name);
        }
        PoolName pool = id.get().pool();
        if (defaultPool.filter(pool::equals).isPresent()) {
            throw Fault.invalid(
                    "volume name",
                    name,
                    "pool " + pool + " is the default, so call it " + id.get().name());
        }
        if (wanted.filter(other -> !other.equals(pool)).isPresent()) {
            throw Fault.invalid("option pool", wanted.get().text(), "the name " + name + " says pool " + pool);
        }
        if (!VolumeId.of(pool, id.get().name()).equals(id.get())) {
            throw Fault.invalid("volume name", name, "names of this form are Berth's own");
        }
        return new Place(pool, id.get().name());
    }

    /**
     * Checks that a volume that is in no pool can be called so.
     *
     * @throws Fault INVALID_ARGUMENT when the name says a pool
     */
    void checkOutside(String name) {
        id(name).ifPresent(id -> {
            throw Fault.invalid("volume name", name, "it says pool " + id.pool() + ", and the volume is to be in none");
        });
    }

    /**
     * The volume of a pool that Docker calls so, a folder that was found as one included.
     *
     * @param patience how long to wait for each pool
     * @throws Fault INVALID_ARGUMENT when nothing can be called so; that of a pool that cannot be used when no other has it,
     *     or that pool had it when it was last used here
     */
    Optional<Volume> find(String name, Duration patience) {
        return find(name, pool -> true, patience);
    }

    /** As {@link #find(String, Duration)}; of the pools that cannot be used only these stand in the way of an answer. */
    Optional<Volume> find(String name, Predicate<PoolName> needed, Duration patience) {
        Search search = new Search(patience);
        Optional<Volume> found = search.find(name);
        if (found.isEmpty()) {
            search.unusable.entrySet().stream()
                    .filter(pool -> needed.test(pool.getKey()))
                    .findFirst()
                    .map(Map.Entry::getValue)
                    .ifPresent(fault -> {
                        throw new Fault(
                                fault.kind(),
                                "it is not known whether there is a volume " + Fault.quote(name) + ": "
                                        + fault.getMessage(),
                                fault);
                    });
        }
        return found;
    }

    /** One look at the pools; those that cannot be used are asked once. */
    private final class Search {
        private final Duration patience;
        private final Map<PoolName, Fault> unusable = new LinkedHashMap<>();

        Search(Duration patience) {
            this.patience = patience;
        }

        Optional<Volume> find(String name) {
            check(name);
            if (records.outside(name).isPresent() || isShare(name)) {
                return Optional.empty();
            }
            return id(name).isPresent()
                    ? find(id(name).get()).filter(volume -> nameOf(volume).equals(name))
                    : usedHere(name).or(() -> owner(name));
        }

        /** What this machine last used by this name, if it is there still: it stays the same whatever else comes to be. */
        private Optional<Volume> usedHere(String name) {
            Optional<VolumeId> known = records.inPool(name).map(LocalRecord.InPool::id);
            Optional<Volume> found = known.flatMap(this::find)
                    .filter(volume -> volume.requestedName().equals(name) && mayHaveOwnName(Named.of(volume)));
            known.map(id -> unusable.get(id.pool())).ifPresent(fault -> {
                throw fault;
            });
            return found;
        }

        private Optional<Volume> find(VolumeId id) {
            if (unusable.containsKey(id.pool())) {
                return Optional.empty();
            }
            try {
                return asks.within(
                        patience,
                        Places.of(id.pool()),
                        () -> volumes.find(id.toString())
                                .or(() -> volumes.discovered(id.toString()))
                                .filter(volume -> !volume.ephemeral()));
            } catch (Fault e) {
                unusable.put(id.pool(), e);
                return Optional.empty();
            }
        }

        /** The volume that has a name which is no id: the one made by it, else that of the default pool. */
        private Optional<Volume> owner(String name) {
            Optional<Volume> unmarked = Optional.empty();
            for (PoolName pool : pools) {
                Optional<Volume> volume = find(VolumeId.of(pool, name));
                if (volume.map(Named::of).filter(Named::madeForDocker).isPresent()) {
                    return volume;
                }
                if (defaultPool.filter(pool::equals).isPresent()) {
                    unmarked = volume;
                }
            }
            return unmarked;
        }

        private String nameOf(Volume volume) {
            String name = volume.requestedName();
            return mayHaveOwnName(Named.of(volume))
                            && find(name)
                                    .filter(owner -> owner.id().equals(volume.id()))
                                    .isPresent()
                    ? name
                    : volume.id().toString();
        }
    }

    /** What of a volume decides about its name, and is listed; a list of all volumes is in memory at once. */
    record Named(VolumeId id, String requestedName, boolean madeForDocker, Instant created) {
        static Named of(Volume volume) {
            String name = volume.requestedName();
            return new Named(volume.id(), name, name.equals(volume.parameters().get(MADE_AS)), volume.created());
        }
    }

    /** The names of all these volumes, which are all there are. */
    Map<String, Named> of(List<Named> all) {
        Map<String, Named> owners = new HashMap<>();
        for (PoolName pool : pools.reversed()) {
            all.stream()
                    .filter(volume -> volume.id().pool().equals(pool) && mayHaveOwnName(volume))
                    .forEach(volume -> owners.merge(
                            volume.requestedName(), volume, (before, now) -> rank(before) > rank(now) ? before : now));
        }
        Map<String, Named> names = new HashMap<>();
        for (Named volume : all) {
            boolean owns = volume.equals(owners.get(volume.requestedName()));
            names.put(owns ? volume.requestedName() : volume.id().toString(), volume);
        }
        return names;
    }

    /** Which of several volumes that might have a name has it. */
    private int rank(Named volume) {
        if (records.inPool(volume.requestedName())
                .filter(known -> known.id().equals(volume.id()))
                .isPresent()) {
            return 2;
        }
        return volume.madeForDocker() ? 1 : 0;
    }

    private boolean mayHaveOwnName(Named volume) {
        String name = volume.requestedName();
        return (volume.madeForDocker()
                        || defaultPool.filter(volume.id().pool()::equals).isPresent())
                && GRAMMAR.matcher(name).matches()
                && records.outside(name).isEmpty()
                && id(name).isEmpty();
    }

    /** Whether Docker made the volume, by this name or by its id. */
    static boolean isMadeByDocker(Volume volume) {
        return volume.parameters().containsKey(MADE_AS);
    }

    /** Every volume that may have had this name. */
    Set<VolumeId> mayHaveBeen(String name) {
        if (isShare(name)) {
            return Set.of();
        }
        Set<VolumeId> ids = new LinkedHashSet<>();
        records.inPool(name)
                .map(LocalRecord.InPool::id)
                .filter(id -> pools.contains(id.pool()))
                .ifPresent(ids::add);
        id(name).ifPresentOrElse(ids::add, () -> pools.forEach(pool -> ids.add(VolumeId.of(pool, name))));
        return ids;
    }

    /**
     * What a new volume is to begin as a copy of: {@code volume:NAME} as Docker calls it, {@code snapshot:ID}, where the id
     * may lack the default pool, or either without the word before it.
     *
     * @throws Fault NOT_FOUND when there is none, INVALID_ARGUMENT when there are both
     */
    Source source(String text, Snapshots snapshots, Duration patience) {
        int colon = text.indexOf(':');
        String word = text.substring(0, Math.max(colon, 0));
        String name = text.substring(colon + 1);
        if (!Set.of("", "volume", "snapshot").contains(word)) {
            throw Fault.invalid("option from", text, "volume:NAME, snapshot:ID, or a name alone");
        }
        Optional<Source> volume = word.equals("snapshot")
                ? Optional.empty()
                : find(name, patience).map(found -> new Source.OfVolume(found.id()));
        Optional<Source> snapshot = word.equals("volume")
                ? Optional.empty()
                : id(name).or(() -> defaultPool.flatMap(pool -> VolumeId.parse(pool + "." + name)))
                        .flatMap(id -> asks.within(patience, Places.of(id.pool()), () -> snapshots.find(id.toString())))
                        .map(found -> new Source.OfSnapshot(found.id()));
        if (volume.isPresent() && snapshot.isPresent()) {
            throw Fault.invalid("option from", text, "there are both: write volume:" + name + " or snapshot:" + name);
        }
        return volume.or(() -> snapshot)
                .orElseThrow(() -> new Fault(
                        Fault.Kind.NOT_FOUND,
                        "option from " + Fault.quote(text) + ": there is no such "
                                + (word.isEmpty() ? "volume or snapshot" : word)));
    }

    /** The id in a name, where it is that of a pool here. */
    private Optional<VolumeId> id(String name) {
        return VolumeId.parse(name).filter(id -> pools.contains(id.pool()));
    }

    /**
     * Checks that nothing but a name is in the text.
     *
     * @throws Fault INVALID_ARGUMENT when it is no name
     */
    static void check(String name) {
        if (!isName(name)) {
            throw Fault.invalid(
                    "volume name",
                    name,
                    "1 to " + VolumeId.MAX_BYTES + " letters, digits, _ . or -, beginning with a letter or digit; or"
                            + " SERVER/a/path, a folder of an export");
        }
    }

    private static boolean isName(String name) {
        return name.length() <= VolumeId.MAX_BYTES && (GRAMMAR.matcher(name).matches() || isShare(name));
    }

    /** What Docker may call a volume of a pool, wherever its plugin has which default pool. */
    static Set<String> mayBe(Volume volume) {
        Set<String> names = new LinkedHashSet<>();
        names.add(volume.requestedName());
        names.add(volume.id().toString());
        names.removeIf(name -> !isName(name));
        return names;
    }

    /** Whether a name says a server and a folder of its export, {@code SERVER/a/path}, as with netshare. */
    static boolean isShare(String name) {
        return name.indexOf('/') > 0 && SHARE.matcher(name).matches();
    }

    /** A name as that of a file or folder. */
    static String toFile(String name) {
        return name.replace('/', IN_FILE);
    }

    /** The name that was made that of a file. */
    static String ofFile(String fileName) {
        return fileName.replace(IN_FILE, '/');
    }
}
