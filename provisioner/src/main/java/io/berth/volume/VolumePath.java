package io.berth.volume;

import io.berth.fault.Fault;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Where a volume's data lies, relative to its pool's root: one or more plain components, never {@code .}, {@code ..},
 * absolute, or inside the pool's own {@code .berth} folder.
 */
public record VolumePath(List<String> components) {
    /** The folder in a pool's root that holds its records. */
    public static final String RECORDS = ".berth";

    /** How deep a volume may lie. */
    public static final int MAX_COMPONENTS = 16;

    private static final int MAX_COMPONENT_BYTES = 255;

    /**
     * Checks the components.
     *
     * @throws Fault INVALID_ARGUMENT naming the component that is not allowed
     */
    public VolumePath {
        components = List.copyOf(components);
        if (components.isEmpty() || components.size() > MAX_COMPONENTS) {
            throw Fault.invalid(
                    "path", String.join("/", components), "a volume's path has 1 to " + MAX_COMPONENTS + " parts");
        }
        for (String component : components) {
            problem(component).ifPresent(rule -> {
                throw Fault.invalid("path part", component, rule);
            });
        }
        if (components.getFirst().equals(RECORDS)) {
            throw Fault.invalid("path", String.join("/", components), RECORDS + " holds the pool's own records");
        }
    }

    /** The path of a volume whose parameters name none: its id, in the root. */
    public static VolumePath of(VolumeId id) {
        return new VolumePath(List.of(id.toString()));
    }

    /**
     * Reads {@code a/b/c}.
     *
     * @throws Fault INVALID_ARGUMENT when it is absolute, has an empty part or one that is not allowed
     */
    public static VolumePath parse(String text) {
        return new VolumePath(List.of(text.split("/", -1)));
    }

    /**
     * Reads a path as people write it: as {@link #parse}, but slashes before, after and beside others are left out.
     *
     * @throws Fault INVALID_ARGUMENT when nothing is left or a part is not allowed
     */
    public static VolumePath ofLoose(String text) {
        return new VolumePath(Arrays.stream(text.split("/", -1))
                .filter(part -> !part.isEmpty())
                .toList());
    }

    /** Whether these components make a path. */
    public static boolean isPath(List<String> components) {
        return !components.isEmpty()
                && components.size() <= MAX_COMPONENTS
                && components.stream().allMatch(component -> problem(component).isEmpty())
                && !components.getFirst().equals(RECORDS);
    }

    /** What is wrong with one component of a path, if anything. */
    static Optional<String> problem(String component) {
        if (component.isEmpty()) {
            return Optional.of("a path is relative and has no empty part");
        }
        if (component.equals(".") || component.equals("..")) {
            return Optional.of("a path has no . or ..");
        }
        if (component.indexOf('/') >= 0 || component.chars().anyMatch(Character::isISOControl)) {
            return Optional.of("a part of a path has no / and no control characters");
        }
        byte[] bytes = component.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > MAX_COMPONENT_BYTES) {
            return Optional.of("a part of a path has at most " + MAX_COMPONENT_BYTES + " bytes");
        }
        return new String(bytes, StandardCharsets.UTF_8).equals(component)
                ? Optional.empty()
                : Optional.of("a path is valid Unicode");
    }

    /** The last component. */
    public String name() {
        return components.getLast();
    }

    /** The folder that holds it, relative to the root; empty when that is the root itself. */
    public Optional<Path> parent() {
        return Optional.ofNullable(toPath().getParent());
    }

    public Path toPath() {
        return Path.of(toString());
    }

    @Override
    public String toString() {
        return String.join("/", components);
    }
}
