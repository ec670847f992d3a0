package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A node's name in the cluster: a Kubernetes label value, so it can be a topology's value, and a file name as it stands.
 */
public record NodeId(String text) implements Comparable<NodeId> {
    private static final Pattern GRAMMAR = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?");

    /**
     * Checks the name.
     *
     * @throws Fault INVALID_ARGUMENT when the text is no label value
     */
    public NodeId {
        if (!GRAMMAR.matcher(text).matches()) {
            throw Fault.invalid(
                    "node id", text, "1 to 63 letters, digits, -, _ or ., beginning and ending with a letter or digit");
        }
    }

    /** The node of this name, or empty when no node can have it. */
    public static Optional<NodeId> parse(String text) {
        return GRAMMAR.matcher(text).matches() ? Optional.of(new NodeId(text)) : Optional.empty();
    }

    @Override
    public int compareTo(NodeId other) {
        return text.compareTo(other.text);
    }

    @Override
    public String toString() {
        return text;
    }
}
