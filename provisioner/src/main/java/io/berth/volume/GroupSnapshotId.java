package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Optional;

/**
 * A group snapshot's id, in the pool of its sources. The name a caller asked for decides it, so a repeated create finds its
 * group in one look.
 */
public record GroupSnapshotId(PoolName pool, String name) implements Id {
    /**
     * Checks the name.
     *
     * @throws Fault INVALID_ARGUMENT when the name is outside the grammar or the id too long
     */
    public GroupSnapshotId {
        IdGrammar.check("group snapshot id", pool, name);
    }

    /** The id in the text, or empty when no group snapshot of Berth can have it. */
    public static Optional<GroupSnapshotId> parse(String text) {
        return IdGrammar.parse(text, GroupSnapshotId::new);
    }

    /**
     * The id of the group snapshot that was asked for by this name; a hash of the name where that is outside the grammar.
     *
     * @throws Fault INVALID_ARGUMENT for an empty name, one of over 128 bytes, or one with control characters
     */
    public static GroupSnapshotId of(PoolName pool, String requestedName) {
        return new GroupSnapshotId(pool, IdGrammar.name(pool, requestedName));
    }

    @Override
    public String toString() {
        return pool + "." + name;
    }
}
