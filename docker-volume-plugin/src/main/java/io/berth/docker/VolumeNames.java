package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.pool.PoolConfig;
import io.berth.service.Volumes;
import io.berth.volume.PoolName;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What Docker calls a volume, one name for each. A volume made for Docker keeps the name it was made by, whatever pool it
 * lies in; another is called by its name in the default pool, and by its id, {@code pool.name}, elsewhere or where that
 * name is taken. A name that is the id of a pool here is never anything else.
 */
final class VolumeNames {
    /** Marks, among a volume's parameters, that Docker made it by this name. */
    static final String MADE_AS = "docker.name";

    /** Docker's own grammar; Docker does not check it before it asks a plugin. */
    private static final Pattern GRAMMAR = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]*");

    private final Volumes volumes;
    private final List<PoolName> pools;
    private final Optional<PoolName> defaultPool;

    /**
     * Names of the volumes of these pools.
     *
     * @param defaultPool the pool of volumes that are made without saying which; empty: the only one
     * @throws Fault INVALID_ARGUMENT when there is no such pool
     */
    VolumeNames(Volumes volumes, Optional<PoolName> defaultPool) {
        this.volumes = volumes;
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
     * The volume that Docker calls so.
     *
     * @throws Fault INVALID_ARGUMENT when nothing can be called so; that of a pool that cannot be used when no other has it
     */
    Optional<Volume> find(String name) {
        check(name);
        List<Fault> unusable = new ArrayList<>();
        Optional<Volume> found = id(name).isPresent()
                ? find(name, unusable).filter(volume -> nameOf(volume, unusable).equals(name))
                : owner(name, unusable);
        if (found.isEmpty() && !unusable.isEmpty()) {
            throw unusable.getFirst();
        }
        return found;
    }

    private Optional<Volume> find(String id, List<Fault> unusable) {
        try {
            return volumes.find(id).filter(volume -> !volume.ephemeral());
        } catch (Fault e) {
            unusable.add(e);
            return Optional.empty();
        }
    }

    /** The volume that has a name which is no id: the one made by it, else that of the default pool. */
    private Optional<Volume> owner(String name, List<Fault> unusable) {
        Optional<Volume> unmarked = Optional.empty();
        for (PoolName pool : pools) {
            Optional<Volume> volume = find(VolumeId.of(pool, name).toString(), unusable);
            if (volume.filter(VolumeNames::isMadeForDocker).isPresent()) {
                return volume;
            }
            if (defaultPool.filter(pool::equals).isPresent()) {
                unmarked = volume;
            }
        }
        return unmarked;
    }

    private String nameOf(Volume volume, List<Fault> unusable) {
        String name = volume.requestedName();
        return mayHaveOwnName(volume)
                        && owner(name, unusable)
                                .filter(owner -> owner.id().equals(volume.id()))
                                .isPresent()
                ? name
                : volume.id().toString();
    }

    /** The names of all these volumes, which are all there are. */
    Map<String, Volume> of(List<Volume> all) {
        Map<String, Volume> owners = new HashMap<>();
        for (PoolName pool : pools.reversed()) {
            all.stream()
                    .filter(volume -> volume.id().pool().equals(pool) && mayHaveOwnName(volume))
                    .forEach(volume -> owners.merge(
                            volume.requestedName(),
                            volume,
                            (before, now) -> isMadeForDocker(before) && !isMadeForDocker(now) ? before : now));
        }
        Map<String, Volume> names = new HashMap<>();
        for (Volume volume : all) {
            boolean owns = volume.equals(owners.get(volume.requestedName()));
            names.put(owns ? volume.requestedName() : volume.id().toString(), volume);
        }
        return names;
    }

    private boolean mayHaveOwnName(Volume volume) {
        String name = volume.requestedName();
        return (isMadeForDocker(volume)
                        || defaultPool.filter(volume.id().pool()::equals).isPresent())
                && GRAMMAR.matcher(name).matches()
                && id(name).isEmpty();
    }

    private static boolean isMadeForDocker(Volume volume) {
        return volume.requestedName().equals(volume.parameters().get(MADE_AS));
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
        if (name.length() > VolumeId.MAX_BYTES || !GRAMMAR.matcher(name).matches()) {
            throw Fault.invalid(
                    "volume name",
                    name,
                    "1 to " + VolumeId.MAX_BYTES + " letters, digits, _ . or -, beginning with a letter or digit");
        }
    }
}
