package io.berth.pool;

import io.berth.fault.Fault;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What kind of place a pool is, and so from where its volumes are reachable. */
public enum PoolKind {
    /** A disk of one node: its volumes are reachable there and nowhere else. */
    LOCAL,
    /** A path that every node sees alike: a single node, or a cluster file system mounted everywhere. */
    HOSTPATH,
    /** An export of an NFS server, which every node can mount. */
    NFS;

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
