package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Optional;

/**
 * A snapshot's id, in the pool of its source. The name a caller asked for decides it, so a repeated create finds its
 * snapshot in one look.
 */
public record SnapshotId(PoolName pool, String name) implements Id {
    private static final int GROUP_CHARACTERS = 64;
    private static final int SOURCE_DIGITS = 16;

    /**
     * Checks the name.
     *
     * @throws Fault INVALID_ARGUMENT when the name is outside the grammar or the id too long
     */
    public SnapshotId {
        IdGrammar.check("snapshot id", pool, name);
    }

    /** The id in the text, or empty when no snapshot of Berth can have it. */
    public static Optional<SnapshotId> parse(String text) {
        return IdGrammar.parse(text, SnapshotId::new);
    }

    /**
     * The id of the snapshot that was asked for by this name; a hash of the name where that is outside the grammar.
     *
     * @throws Fault INVALID_ARGUMENT for an empty name, one of over 128 bytes, or one with control characters
     */
    public static SnapshotId of(PoolName pool, String requestedName) {
        return new SnapshotId(pool, IdGrammar.name(pool, requestedName));
    }

    /** The id of the snapshot of this volume in a group: the beginning of the group's, and a hash of both. */
    public static SnapshotId ofMember(GroupSnapshotId group, VolumeId source) {
        String beginning = group.name().substring(0, Math.min(group.name().length(), GROUP_CHARACTERS));
        String hash = IdGrammar.hash(group + "/" + source).substring(0, SOURCE_DIGITS);
        return new SnapshotId(group.pool(), beginning + "-" + hash);
    }

    @Override
    public String toString() {
        return pool + "." + name;
    }
}
