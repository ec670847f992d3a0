package io.berth.volume;

import io.berth.fault.Fault;
import io.berth.fault.Nearest;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What is to change in a volume that is there, read from the mutable parameters of a VolumeAttributesClass. What is empty
 * stays as it is.
 *
 * @param uid the owner of the root folder
 * @param gid its group
 * @param mode its permission bits
 * @param inodes how many files and directories it may hold
 */
public record VolumeChange(
        Optional<OnDelete> onDelete,
        Optional<Long> uid,
        Optional<Long> gid,
        Optional<Integer> mode,
        Optional<Long> inodes) {
    /** All that may change, in alphabetical order. */
    public static final SortedSet<String> KEYS = Collections.unmodifiableSortedSet(new TreeSet<>(Set.of(
            VolumeParameters.ON_DELETE,
            VolumeParameters.UID,
            VolumeParameters.GID,
            VolumeParameters.MODE,
            VolumeParameters.INODES)));

    /**
     * Reads the change.
     *
     * @throws Fault INVALID_ARGUMENT naming the first key or value that is not allowed
     */
    public static VolumeChange parse(Map<String, String> strings) {
        new TreeMap<>(strings).keySet().forEach(VolumeChange::requireMutable);
        return new VolumeChange(
                Optional.ofNullable(strings.get(VolumeParameters.ON_DELETE)).map(OnDelete::parse),
                Optional.ofNullable(strings.get(VolumeParameters.UID))
                        .map(text -> Ownership.parseId(VolumeParameters.UID, text)),
                Optional.ofNullable(strings.get(VolumeParameters.GID))
                        .map(text -> Ownership.parseId(VolumeParameters.GID, text)),
                Optional.ofNullable(strings.get(VolumeParameters.MODE))
                        .map(text -> Ownership.parseMode(VolumeParameters.MODE, text)),
                Optional.ofNullable(strings.get(VolumeParameters.INODES)).map(VolumeParameters::parseInodes));
    }

    private static void requireMutable(String key) {
        if (VolumeParameters.KEYS.contains(key) && !KEYS.contains(key)) {
            throw Fault.invalid(
                    "mutable parameter",
                    key,
                    "is decided when a volume is made; " + String.join(", ", KEYS) + " can change");
        }
        if (!KEYS.contains(key)) {
            throw Fault.invalid(
                    "mutable parameter",
                    key,
                    "unknown, " + Nearest.hint(key, KEYS) + "; " + String.join(", ", KEYS) + " can change");
        }
    }

    /**
     * Checks that a volume can change in this way.
     *
     * @throws Fault INVALID_ARGUMENT when it cannot
     */
    void requireFor(Volume volume) {
        if (volume.adopted()
                && (isOfRoot()
                        || onDelete.filter(fate -> fate != OnDelete.RETAIN).isPresent())) {
            throw Fault.invalid(
                    "volume",
                    volume.id().toString(),
                    "its folder was there before it, so Berth neither deletes it nor changes its owner or mode");
        }
        if (volume.format() instanceof Format.Image && (isOfRoot() || inodes.isPresent())) {
            throw Fault.invalid(
                    "volume",
                    volume.id().toString(),
                    "it is an image, whose inodes and root folder are its file system's; onDelete can change");
        }
    }

    /** Whether the owner or the mode of the volume's root is to change. */
    public boolean isOfRoot() {
        return uid.isPresent() || gid.isPresent() || mode.isPresent();
    }
}
