package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.fault.Nearest;
import io.berth.volume.ByteSize;
import io.berth.volume.CapacityRange;
import io.berth.volume.PoolName;
import io.berth.volume.VolumeParameters;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The options of {@code docker volume create -o}, read and checked.
 *
 * @param pool the pool that was asked for
 * @param capacity exactly the size that was asked for, or any
 * @param parameters what the core knows by the same names, the pool among them
 */
record CreateOptions(Optional<PoolName> pool, CapacityRange capacity, Map<String, String> parameters) {
    static final String SIZE = "size";

    /** What Berth's own option is called elsewhere. */
    private static final Map<String, String> ALIASES = Map.of("subdir", VolumeParameters.SUB_DIR);

    private static final Set<String> KNOWN = new TreeSet<>(Set.of(
            SIZE,
            VolumeParameters.POOL,
            VolumeParameters.UID,
            VolumeParameters.GID,
            VolumeParameters.MODE,
            VolumeParameters.ON_DELETE,
            VolumeParameters.FORMAT,
            VolumeParameters.LIMIT,
            VolumeParameters.INODES,
            "subdir"));

    CreateOptions {
        parameters = Map.copyOf(parameters);
    }

    /**
     * Reads the options.
     *
     * @throws Fault INVALID_ARGUMENT naming the first that is not known, and the nearest that is, or whose value is not
     *     allowed
     */
    static CreateOptions parse(Map<String, String> options) {
        Map<String, String> parameters = new TreeMap<>();
        new TreeMap<>(options).forEach((key, value) -> {
            if (!KNOWN.contains(key)) {
                throw Fault.invalid(
                        "option",
                        key,
                        "unknown; the nearest is " + Nearest.to(key, KNOWN) + ", known are "
                                + String.join(", ", KNOWN));
            }
            parameters.put(ALIASES.getOrDefault(key, key), value);
        });
        CapacityRange capacity = Optional.ofNullable(parameters.remove(SIZE))
                .map(CreateOptions::size)
                .orElse(CapacityRange.ANY);
        return new CreateOptions(VolumeParameters.parse(parameters).pool(), capacity, parameters);
    }

    private static CapacityRange size(String text) {
        long bytes = ByteSize.parse("option size", text);
        if (bytes == 0) {
            throw Fault.invalid("option size", text, "a size is more than nothing");
        }
        return CapacityRange.exactly(bytes);
    }
}
