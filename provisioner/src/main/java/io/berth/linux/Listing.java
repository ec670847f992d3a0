package io.berth.linux;

import java.util.List;
import java.util.OptionalLong;

/**
 * A page of a directory, in the directory's own order, without {@code .} and {@code ..}.
 *
 * @param next the cookie of the next page; empty on the last
 */
public record Listing(List<Entry> entries, OptionalLong next) {
    /**
     * A name in a directory.
     *
     * @param name finds the file again whatever bytes it has: one that is not UTF-8 is a lone surrogate
     * @param cookie where the next entry begins, for {@link Directory#list}
     */
    public record Entry(String name, FileType type, long cookie) {}
}
