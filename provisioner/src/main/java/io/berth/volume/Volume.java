package io.berth.volume;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A volume, as its record says.
 *
 * @param requestedName the name it was asked for by; differs from the id's where that is a hash
 * @param path where its data lies in the pool
 * @param capacityBytes what was promised; 0: no size was asked for
 * @param adopted its folder was there before it, so Berth never deletes it
 * @param ephemeral made for one pod by a publish call, gone with its unpublish
 * @param source what it began as a copy of; empty: it began empty
 * @param parameters the strings it was asked for with; never a secret
 */
public record Volume(
        VolumeId id,
        String requestedName,
        VolumePath path,
        Format format,
        long capacityBytes,
        Instant created,
        OnDelete onDelete,
        Ownership ownership,
        boolean adopted,
        boolean ephemeral,
        Optional<Source> source,
        Map<String, String> parameters) {
    public Volume {
        parameters = Map.copyOf(parameters);
    }

    public Volume withCapacity(long bytes) {
        return new Volume(
                id,
                requestedName,
                path,
                format,
                bytes,
                created,
                onDelete,
                ownership,
                adopted,
                ephemeral,
                source,
                parameters);
    }

    public Volume withPath(VolumePath elsewhere) {
        return new Volume(
                id,
                requestedName,
                elsewhere,
                format,
                capacityBytes,
                created,
                onDelete,
                ownership,
                adopted,
                ephemeral,
                source,
                parameters);
    }
}
