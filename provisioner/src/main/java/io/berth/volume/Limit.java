package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Whether a volume's capacity stops its writers. */
public enum Limit {
    /** A write past the capacity fails. */
    ENFORCED,
    /** The capacity is a promise that is counted, not a limit. */
    ADVISORY;

    /**
     * Reads the word.
     *
     * @throws Fault INVALID_ARGUMENT naming the field, for any other word
     */
    public static Limit parse(String field, String text) {
        return Arrays.stream(values())
                .filter(value -> value.toString().equals(text))
                .findFirst()
                .orElseThrow(() -> Fault.invalid(
                        field,
                        text,
                        Arrays.stream(values()).map(Limit::toString).collect(Collectors.joining(" | "))));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
