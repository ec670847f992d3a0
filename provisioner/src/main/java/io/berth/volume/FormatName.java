package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The names of the formats, see {@link Format}. */
public enum FormatName {
    DIRECTORY,
    IMAGE;

    /**
     * Reads the word; {@code auto} is not one of a format, its meaning is that none is named.
     *
     * @throws Fault INVALID_ARGUMENT naming the field, for any other word
     */
    public static FormatName parse(String field, String text) {
        return Arrays.stream(values())
                .filter(value -> value.toString().equals(text))
                .findFirst()
                .orElseThrow(() -> Fault.invalid(
                        field,
                        text,
                        "auto | "
                                + Arrays.stream(values())
                                        .map(FormatName::toString)
                                        .collect(Collectors.joining(" | "))));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
