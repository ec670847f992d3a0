package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.fault.Nearest;
import io.berth.mount.MountOption;
import io.berth.volume.ByteSize;
import io.berth.volume.CapacityRange;
import io.berth.volume.PoolName;
import io.berth.volume.VolumeParameters;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The options of {@code docker volume create -o}, read and checked. */
sealed interface CreateOptions {
    /**
     * Those of a volume in a pool.
     *
     * @param pool the pool that was asked for
     * @param capacity at least the size that was asked for, which a format may have to round up, or any
     * @param from the volume or snapshot it is to begin as a copy of, as it was written
     * @param parameters what the core knows by the same names, the pool among them
     */
    record InPool(
            Optional<PoolName> pool, CapacityRange capacity, Optional<String> from, Map<String, String> parameters)
            implements CreateOptions {
        public InPool {
            parameters = Map.copyOf(parameters);
        }
    }

    /**
     * Those of a volume that is in no pool, as Docker's own local driver and others have them.
     *
     * @param attributes as those of an inline volume, or of a PersistentVolume on an export
     * @param makesFolder whether the folder of an export is made when it is missing
     */
    record Outside(Map<String, String> attributes, Set<MountOption> options, boolean makesFolder)
            implements CreateOptions {
        public Outside {
            attributes = Map.copyOf(attributes);
            options = Set.copyOf(options);
        }
    }

    String SIZE = "size";
    String FROM = "from";

    /** What Berth's own option may be called too: in small letters, as others write theirs. */
    Map<String, String> ALIASES = Map.of("subdir", VolumeParameters.SUB_DIR);

    Set<String> OF_POOLS = Set.of(
            SIZE,
            FROM,
            VolumeParameters.POOL,
            VolumeParameters.UID,
            VolumeParameters.GID,
            VolumeParameters.MODE,
            VolumeParameters.ON_DELETE,
            VolumeParameters.FORMAT,
            VolumeParameters.FS_TYPE,
            VolumeParameters.LIMIT,
            VolumeParameters.INODES,
            VolumeParameters.SUB_DIR,
            "subdir");

    /**
     * Reads the options.
     *
     * @param name of the volume, which may say a share
     * @throws Fault INVALID_ARGUMENT naming the first that is not known, and the nearest that is, or whose value is not
     *     allowed
     */
    static CreateOptions parse(String name, Map<String, String> options) {
        Set<String> known = new TreeSet<>(OF_POOLS);
        known.addAll(LocalDriverOptions.KEYS);
        for (String key : new TreeSet<>(options.keySet())) {
            if (!known.contains(key)) {
                throw Fault.invalid("option", key, "unknown; " + Nearest.hint(key, known));
            }
        }
        if (VolumeNames.isShare(name)) {
            return LocalDriverOptions.named(name, options);
        }
        return LocalDriverOptions.KEYS.stream().anyMatch(options::containsKey)
                ? LocalDriverOptions.parse(options)
                : inPool(options);
    }

    private static InPool inPool(Map<String, String> options) {
        Map<String, String> parameters = new TreeMap<>();
        options.forEach((key, value) -> parameters.put(ALIASES.getOrDefault(key, key), value));
        ALIASES.forEach((alias, name) -> {
            if (options.containsKey(alias) && options.containsKey(name)) {
                throw Fault.invalid("option", alias, "given twice, as " + name + " and " + alias);
            }
        });
        CapacityRange capacity = Optional.ofNullable(parameters.remove(SIZE))
                .map(CreateOptions::size)
                .orElse(CapacityRange.ANY);
        Optional<String> from = Optional.ofNullable(parameters.remove(FROM));
        return new InPool(VolumeParameters.parse(parameters).pool(), capacity, from, parameters);
    }

    private static CapacityRange size(String text) {
        long bytes = ByteSize.parseForDocker("option size", text);
        if (bytes == 0) {
            throw Fault.invalid("option size", text, "a size is more than nothing");
        }
        return CapacityRange.atLeast(bytes);
    }
}
