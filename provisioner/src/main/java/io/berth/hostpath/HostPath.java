package io.berth.hostpath;

import io.berth.fault.Fault;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * A path of the host as the volume attributes of a PersistentVolume or of an inline volume name it.
 *
 * @param path absolute, without {@code .} and {@code ..}
 * @param awaitsMount whether it is used only while it lies on a file system that is mounted, other than the one of {@code /}
 */
public record HostPath(Path path, HostPathType type, boolean awaitsMount) {
    /** The attribute that makes a volume one of the host's paths. */
    public static final String PATH = "path";

    public static final String TYPE = "type";
    public static final String MOUNTED = "mounted";

    /**
     * Reads the attributes; empty when they name no path.
     *
     * @throws Fault INVALID_ARGUMENT naming the attribute that is not allowed
     */
    public static Optional<HostPath> parse(Map<String, String> attributes) {
        return Optional.ofNullable(attributes.get(PATH))
                .map(path -> new HostPath(
                        parsePath(path),
                        HostPathType.parse(attributes.getOrDefault(TYPE, "")),
                        parseMounted(attributes.getOrDefault(MOUNTED, "false"))));
    }

    private static boolean parseMounted(String text) {
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw Fault.invalid(MOUNTED, text, "true or false");
        };
    }

    private static Path parsePath(String text) {
        try {
            Path path = Path.of(text);
            if (!path.isAbsolute() || !path.equals(path.normalize())) {
                throw Fault.invalid(PATH, text, "an absolute path without . and ..");
            }
            return path;
        } catch (InvalidPathException e) {
            throw Fault.invalid(PATH, text, e.getReason());
        }
    }
}
