package io.berth.pool;

import io.berth.fault.Fault;
import io.berth.volume.Limit;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What kind of place a pool is, and so from where its volumes are reachable. */
public enum PoolKind {
    /** A disk of one node: its volumes are reachable there and nowhere else. */
    LOCAL(Limit.ENFORCED),
    /** A path that every node sees alike: a single node, or a cluster file system mounted everywhere. */
    HOSTPATH(Limit.ADVISORY),
    /** An export of an NFS server, which every node can mount. */
    NFS(Limit.ADVISORY);

    private final Limit limit;

    PoolKind(Limit limit) {
        this.limit = limit;
    }

    /** Whether volumes that have a size are held to it where neither they nor their pool say so. */
    public Limit limit() {
        return limit;
    }

    /**
     * Reads the word.
     *
     * @throws Fault INVALID_ARGUMENT for any other word
     */
    public static PoolKind parse(String text) {
        return Arrays.stream(values())
                .filter(kind -> kind.toString().equals(text))
                .findFirst()
                .orElseThrow(() -> Fault.invalid(
                        "pool kind",
                        text,
                        Arrays.stream(values()).map(PoolKind::toString).collect(Collectors.joining(" | "))));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
