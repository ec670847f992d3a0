package io.berth.command;

import io.berth.fault.Fault;
import java.util.function.BiFunction;
import picocli.CommandLine.Option;

/** Which page of a list is wanted. */
final class PageOptions {
    @Option(
            names = "--max",
            paramLabel = "COUNT",
            defaultValue = "1000",
            description = "How many at most: ${DEFAULT-VALUE}.")
    private int max;

    @Option(
            names = "--from",
            paramLabel = "TOKEN",
            defaultValue = "",
            description = "Where the page before said that the next begins.")
    private String from = "";

    /**
     * Gets the page.
     *
     * @param list takes where it begins and how many it has at most
     * @throws Fault INVALID_ARGUMENT naming the option that is wrong
     */
    <T> T of(BiFunction<String, Integer, T> list) {
        if (max < 1) {
            throw Fault.invalid("--max", Integer.toString(max), "1 or more");
        }
        try {
            return list.apply(from, max);
        } catch (Fault fault) {
            if (fault.kind() == Fault.Kind.BAD_TOKEN) {
                throw Fault.invalid("--from", from, "none that a page before gave for such a list");
            }
            throw fault;
        }
    }
}
