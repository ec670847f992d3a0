package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What becomes of a volume's data when the volume is deleted. */
public enum OnDelete {
    /** It goes to the trash and is reaped. */
    DELETE,
    /** It stays where it is, belonging to no volume; {@code berth volumes restore} makes it one again. */
    RETAIN,
    /** It is renamed to {@code archived-…} in the pool's root; {@code berth volumes restore} brings it back. */
    ARCHIVE;

    /**
     * Reads the word.
     *
     * @throws Fault INVALID_ARGUMENT for any other word
     */
    public static OnDelete parse(String text) {
        return Arrays.stream(values())
                .filter(value -> value.toString().equals(text))
                .findFirst()
                .orElseThrow(() -> Fault.invalid(
                        "onDelete",
                        text,
                        Arrays.stream(values()).map(OnDelete::toString).collect(Collectors.joining(" | "))));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
