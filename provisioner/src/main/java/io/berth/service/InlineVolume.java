package io.berth.service;

import io.berth.fault.Fault;
import io.berth.hostpath.HostPath;
import io.berth.volume.ByteSize;
import io.berth.volume.CapacityRange;
import io.berth.volume.Ownership;
import io.berth.volume.VolumeParameters;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** A volume that a pod describes itself, in the attributes of its {@code csi} volume; it lives as long as the pod. */
sealed interface InlineVolume {
    /** A path of the host. */
    record OfHost(HostPath path) implements InlineVolume {}

    /** A folder of its own in a pool. */
    record OnDisk(CapacityRange capacity, VolumeParameters parameters) implements InlineVolume {}

    /** A tmpfs of its own. */
    record InMemory(long sizeBytes, Ownership ownership) implements InlineVolume {}

    /** The attribute that Kubernetes adds for an inline volume. */
    String EPHEMERAL = "csi.storage.k8s.io/ephemeral";

    String SIZE = "size";
    String MEDIUM = "medium";

    /** What a volume's context may say beside what Kubernetes adds to it. */
    Set<String> KEYS = Set.of(
            HostPath.PATH,
            HostPath.TYPE,
            HostPath.MOUNTED,
            SIZE,
            MEDIUM,
            VolumeParameters.POOL,
            VolumeParameters.UID,
            VolumeParameters.GID,
            VolumeParameters.MODE);

    /** Attributes under these prefixes are Kubernetes' own. */
    Set<String> KUBERNETES = Set.of("csi.storage.k8s.io/", "storage.kubernetes.io/");

    static boolean isInline(Map<String, String> context) {
        return "true".equals(context.get(EPHEMERAL));
    }

    /**
     * Reads the attributes.
     *
     * @throws Fault INVALID_ARGUMENT naming the first attribute that is not allowed
     */
    static InlineVolume parse(Map<String, String> context) {
        Map<String, String> own = own(context);
        Optional<HostPath> path = HostPath.parse(own);
        if (path.isPresent()) {
            only(own, Set.of(HostPath.PATH, HostPath.TYPE, HostPath.MOUNTED), "a host path");
            return new OfHost(path.get());
        }
        String medium = own.getOrDefault(MEDIUM, "");
        Optional<Long> size = Optional.ofNullable(own.get(SIZE)).map(text -> size(text));
        return switch (medium) {
            case "Memory" -> {
                only(own, Set.of(MEDIUM, SIZE, "uid", "gid", "mode"), "a volume in memory");
                yield new InMemory(
                        size.orElseThrow(
                                () -> Fault.invalid(SIZE, "", "a volume in memory needs a size, such as 64Mi")),
                        VolumeParameters.parse(without(own, MEDIUM, SIZE)).ownership());
            }
            case "" -> {
                only(own, Set.of(MEDIUM, SIZE, "pool", "uid", "gid", "mode"), "a volume on disk");
                yield new OnDisk(
                        size.map(CapacityRange::exactly).orElse(CapacityRange.ANY),
                        VolumeParameters.parse(without(own, MEDIUM, SIZE)));
            }
            default -> throw Fault.invalid(MEDIUM, medium, "Memory, or nothing for a volume on disk");
        };
    }

    /** The attributes that are not Kubernetes' own. */
    static Map<String, String> own(Map<String, String> context) {
        Map<String, String> own = new TreeMap<>(context);
        own.keySet().removeIf(key -> KUBERNETES.stream().anyMatch(key::startsWith));
        return own;
    }

    private static long size(String text) {
        long bytes = ByteSize.parse(SIZE, text);
        if (bytes == 0) {
            throw Fault.invalid(SIZE, text, "a size is more than nothing");
        }
        return bytes;
    }

    private static void only(Map<String, String> own, Set<String> allowed, String what) {
        for (String key : own.keySet()) {
            if (!allowed.contains(key)) {
                throw Fault.invalid(
                        "volume attribute",
                        key,
                        (KEYS.contains(key) ? "not for " + what : "unknown") + "; " + what + " has "
                                + String.join(", ", new TreeSet<>(allowed)));
            }
        }
    }

    private static Map<String, String> without(Map<String, String> own, String... keys) {
        Map<String, String> rest = new TreeMap<>(own);
        for (String key : keys) {
            rest.remove(key);
        }
        return rest;
    }
}
