package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A pool's name: {@code [a-z][a-z0-9-]{0,30}}. It begins the id of each of the pool's volumes. */
public record PoolName(String text) implements Comparable<PoolName> {
    private static final Pattern GRAMMAR = Pattern.compile("[a-z][a-z0-9-]{0,30}");

    /**
     * Checks the name.
     *
     * @throws Fault INVALID_ARGUMENT when the text is no pool name
     */
    public PoolName {
        if (!GRAMMAR.matcher(text).matches()) {
            throw Fault.invalid(
                    "pool", text, "a pool's name is a small letter, then at most 30 small letters, digits or -");
        }
    }

    /** The pool's name, or empty when the text cannot be one. */
    public static Optional<PoolName> parse(String text) {
        return GRAMMAR.matcher(text).matches() ? Optional.of(new PoolName(text)) : Optional.empty();
    }

    /** Written out: what a record has by itself is built at its first use, which takes 4 ms of every start. */
    @Override
    public int hashCode() {
        return text.hashCode();
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof PoolName name && text.equals(name.text);
    }

    @Override
    public int compareTo(PoolName other) {
        return text.compareTo(other.text);
    }

    @Override
    public String toString() {
        return text;
    }
}
