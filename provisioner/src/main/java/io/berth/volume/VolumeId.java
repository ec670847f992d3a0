package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Optional;

/**
 * A volume's id. It is a Docker volume name too, and the name a caller asked for decides it, so a repeated create finds its
 * volume in one look.
 */
public record VolumeId(PoolName pool, String name) implements Id {
    /**
     * Checks the name.
     *
     * @throws Fault INVALID_ARGUMENT when the name is outside the grammar or the id too long
     */
    public VolumeId {
        IdGrammar.check("volume id", pool, name);
    }

    /** The id in the text, or empty when no volume of Berth can have it. */
    public static Optional<VolumeId> parse(String text) {
        return IdGrammar.parse(text, VolumeId::new);
    }

    /**
     * The id of the volume that was asked for by this name; a hash of the name where that is outside the grammar.
     *
     * @throws Fault INVALID_ARGUMENT for an empty name, one of over 128 bytes, or one with control characters
     */
    public static VolumeId of(PoolName pool, String requestedName) {
        return new VolumeId(pool, IdGrammar.name(pool, requestedName));
    }

    @Override
    public String toString() {
        return pool + "." + name;
    }
}
