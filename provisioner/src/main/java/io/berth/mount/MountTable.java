package io.berth.mount;

import io.berth.fault.Fault;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What is mounted, at one moment, as this process sees it. Paths are absolute and without symbolic links, as the kernel's
 * are. A mount whose path cannot be a {@link Path} (it is not UTF-8) is left out: no path that one can ask for lies on it.
 * Immutable.
 */
public final class MountTable {
    private static final Path MOUNTINFO = Path.of("/proc/self/mountinfo");
    private static final String REMOVED = "//deleted";

    private final List<MountPoint> mounts;
    private final Map<Path, List<MountPoint>> byTarget = new HashMap<>();

    private MountTable(List<MountPoint> mounts) {
        this.mounts = List.copyOf(mounts);
        for (MountPoint mount : mounts) {
            byTarget.computeIfAbsent(mount.target(), target -> new ArrayList<>(1))
                    .add(mount);
        }
    }

    /** Reads the kernel's table. */
    public static MountTable read() {
        try {
            return parse(Files.readAllBytes(MOUNTINFO));
        } catch (IOException e) {
            throw new Fault(Fault.Kind.UNAVAILABLE, "cannot read " + MOUNTINFO + ": " + e.getMessage(), e);
        }
    }

    static MountTable parse(byte[] mountinfo) {
        List<MountPoint> mounts = new ArrayList<>();
        int begin = 0;
        for (int i = 0; i < mountinfo.length; i++) {
            if (mountinfo[i] == '\n') {
                line(ByteBuffer.wrap(mountinfo, begin, i - begin)).ifPresent(mounts::add);
                begin = i + 1;
            }
        }
        return new MountTable(mounts);
    }

    /** All of them, in the kernel's order. */
    public List<MountPoint> mounts() {
        return mounts;
    }

    /** The topmost mount that is exactly there, or empty when none is, or none that a path can reach. */
    public Optional<MountPoint> at(Path target) {
        return byTarget.containsKey(target)
                ? Optional.of(containing(target)).filter(mount -> mount.target().equals(target))
                : Optional.empty();
    }

    /** The mount that one comes to by walking the path, whether or not there is a file at its end. */
    public MountPoint containing(Path path) {
        Path prefix = Path.of("/");
        MountPoint reached = climb(bottom(), prefix);
        for (Path component : path) {
            prefix = prefix.resolve(component);
            reached = climb(reached, prefix);
        }
        return reached;
    }

    /** Where a file or directory of a file system is mounted, everywhere. */
    public List<MountPoint> of(String device, Path root) {
        return mounts.stream()
                .filter(mount -> mount.device().equals(device) && mount.root().equals(root) && !mount.rootRemoved())
                .toList();
    }

    /** The mount at / that lies on none of the others. */
    private MountPoint bottom() {
        List<MountPoint> candidates = byTarget.getOrDefault(Path.of("/"), List.of());
        return candidates.stream()
                .filter(mount -> candidates.stream()
                        .noneMatch(other -> other.id() != mount.id() && other.id() == mount.parentId()))
                .findFirst()
                .orElseThrow(() -> new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        MOUNTINFO + " has no mount at /; run Berth in its own mount namespace, not in a chroot"));
    }

    /** From a mount to the topmost of those that lie on it at one path. */
    private MountPoint climb(MountPoint from, Path target) {
        MountPoint top = from;
        List<MountPoint> layers = byTarget.getOrDefault(target, List.of());
        for (int i = 0; i < layers.size(); i++) {
            int id = top.id();
            Optional<MountPoint> above = layers.stream()
                    .filter(mount -> mount.parentId() == id && mount.id() != id)
                    .findFirst();
            if (above.isEmpty()) {
                return top;
            }
            top = above.get();
        }
        return top;
    }

    /**
     * {@code id parent major:minor root target options [optional fields...] - type source superOptions}; what cannot be a
     * path is left out.
     */
    private static Optional<MountPoint> line(ByteBuffer bytes) {
        try {
            String line = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
            String[] fields = line.split(" ", -1);
            int dash = 6;
            while (!fields[dash].equals("-")) {
                dash++;
            }
            String root = unescape(fields[3]);
            boolean removed = root.endsWith(REMOVED);
            return Optional.of(new MountPoint(
                    Integer.parseInt(fields[0]),
                    Integer.parseInt(fields[1]),
                    fields[2],
                    Path.of(removed ? root.substring(0, root.length() - REMOVED.length()) : root),
                    removed,
                    Path.of(unescape(fields[4])),
                    options(fields[5]),
                    unescape(fields[dash + 1]),
                    unescape(fields[dash + 2]),
                    options(fields[dash + 3])));
        } catch (CharacterCodingException | InvalidPathException e) {
            return Optional.empty();
        }
    }

    private static Set<String> options(String field) {
        return Set.copyOf(List.of(unescape(field).split(",")));
    }

    /** The kernel writes space, tab, newline and backslash as a backslash and three octal digits. */
    private static String unescape(String field) {
        if (field.indexOf('\\') < 0) {
            return field;
        }
        StringBuilder out = new StringBuilder(field.length());
        for (int i = 0; i < field.length(); i++) {
            char c = field.charAt(i);
            if (c == '\\') {
                out.append((char) Integer.parseInt(field.substring(i + 1, i + 4), 8));
                i += 3;
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }
}
