package io.berth.service;

import io.berth.fault.Fault;
import io.berth.pool.Pools;
import io.berth.volume.ByteSize;
import io.berth.volume.PoolName;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Which inline volumes may be made. Whoever may make a pod may ask for one, and no quota of Kubernetes counts it. Immutable.
 *
 * @param pools where those on disk may lie; empty: there are none on disk
 * @param maxSize how large one may be, in bytes; empty: on disk as large as there is room for, in memory as the machine's
 */
public record InlineRules(Set<PoolName> pools, OptionalLong maxSize) {
    /** None on disk, and in memory what the machine can hold. */
    public static final InlineRules DEFAULT = new InlineRules(Set.of(), OptionalLong.empty());

    private static final Path MEMORY = Path.of("/proc/meminfo");
    private static final Pattern TOTAL = Pattern.compile("MemTotal:\\s+([0-9]{1,15}) kB");

    public InlineRules {
        pools = Set.copyOf(pools);
    }

    /**
     * The volume as it may be made: in a pool where inline volumes may lie, the only one if it names none.
     *
     * @throws Fault FAILED_PRECONDITION when its pool is none of those, INVALID_ARGUMENT when it is too large
     */
    InlineVolume.OnDisk allowed(InlineVolume.OnDisk asked, Pools all) {
        VolumeParameters parameters = asked.parameters();
        Optional<PoolName> pool = parameters
                .pool()
                .or(() -> pools.size() == 1 ? Optional.of(pools.iterator().next()) : all.only());
        if (pool.filter(all::hasNone).isPresent()) {
            return asked; // which is told when it is made
        }
        if (pools.isEmpty() || pool.filter(name -> !pools.contains(name)).isPresent()) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "inline volumes on disk are made in " + (pools.isEmpty() ? "no pool" : "pools " + names())
                            + pool.map(name -> ", not in " + name).orElse("")
                            + "; the administrator of this node allows a pool with --inline-pool NAME");
        }
        maxSize.ifPresent(most -> {
            long size = asked.capacity().requiredBytes();
            if (size == 0 || size > most) {
                throw tooLarge(size, "an inline volume has a size of at most " + most(most) + " (--inline-max-size)");
            }
        });
        return new InlineVolume.OnDisk(
                asked.capacity(), pool.map(parameters::in).orElse(parameters));
    }

    /**
     * Checks the size of a volume in memory.
     *
     * @throws Fault INVALID_ARGUMENT when it is too large
     */
    void require(InlineVolume.InMemory memory) {
        maxSize.ifPresent(most -> {
            if (memory.sizeBytes() > most) {
                throw tooLarge(
                        memory.sizeBytes(),
                        "an inline volume has a size of at most " + most(most) + " (--inline-max-size)");
            }
        });
        long machine = machineMemory();
        if (memory.sizeBytes() > machine) {
            throw tooLarge(memory.sizeBytes(), "this machine has " + most(machine) + " of memory");
        }
    }

    private static Fault tooLarge(long size, String rule) {
        return Fault.invalid(InlineVolume.SIZE, size == 0 ? "" : Long.toString(size), rule);
    }

    private static String most(long bytes) {
        return ByteSize.format(bytes);
    }

    private String names() {
        return new TreeSet<>(pools.stream().map(PoolName::text).collect(Collectors.toSet())).toString();
    }

    /** See proc_meminfo(5). */
    private static long machineMemory() {
        try {
            Matcher total = TOTAL.matcher(Files.readString(MEMORY));
            if (total.find()) {
                return Long.parseLong(total.group(1)) * 1024;
            }
            throw new Fault(Fault.Kind.INTERNAL, MEMORY + " does not say how much memory there is");
        } catch (IOException e) {
            throw new Fault(Fault.Kind.UNAVAILABLE, "cannot read " + MEMORY + ": " + Fault.reason(e), e);
        }
    }
}
