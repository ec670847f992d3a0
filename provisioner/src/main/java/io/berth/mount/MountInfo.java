package io.berth.mount;

import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Reads the text of /proc/self/mountinfo. See proc_pid_mountinfo(5). One thread's. */
final class MountInfo {
    private static final String REMOVED = "//deleted";
    private static final String NFS = "nfs"; // and nfs4
    private static final char MALFORMED = '\uFFFD';

    private final byte[] text;
    /** Thousands of mounts have a handful of different options among them. */
    private final Map<String, Set<String>> options = new HashMap<>();

    MountInfo(byte[] text) {
        this.text = text;
    }

    /** All mounts but those whose paths cannot be a {@link Path}. */
    List<MountPoint> read() {
        List<MountPoint> mounts = new ArrayList<>();
        int begin = 0;
        for (int end = 0; end < text.length; end++) {
            if (text[end] == '\n') {
                line(begin, end).flatMap(this::mountPoint).ifPresent(mounts::add);
                begin = end + 1;
            }
        }
        return mounts;
    }

    private Optional<String> line(int begin, int end) {
        String line = new String(text, begin, end - begin, StandardCharsets.UTF_8);
        boolean exact = line.indexOf(MALFORMED) < 0
                || Arrays.equals(line.getBytes(StandardCharsets.UTF_8), Arrays.copyOfRange(text, begin, end));
        return exact ? Optional.of(line) : Optional.empty();
    }

    /** {@code id parent major:minor root target options [optional fields...] - type source superOptions}. */
    private Optional<MountPoint> mountPoint(String line) {
        String[] fields = line.split(" ", -1);
        int dash = 6;
        boolean shared = false;
        while (!fields[dash].equals("-")) {
            shared |= fields[dash].startsWith("shared:");
            dash++;
        }
        String type = unescape(fields[dash + 1]);
        String source = unescape(fields[dash + 2]);
        int colon = type.startsWith(NFS) ? endOfServer(source) : -1;
        String root = colon < 0 ? unescape(fields[3]) : source.substring(colon + 1);
        boolean removed = root.endsWith(REMOVED);
        try {
            return Optional.of(new MountPoint(
                    Integer.parseInt(fields[0]),
                    Integer.parseInt(fields[1]),
                    colon < 0 ? fields[2] : source.substring(0, colon + 1),
                    Path.of(removed ? root.substring(0, root.length() - REMOVED.length()) : root),
                    removed,
                    Path.of(unescape(fields[4])),
                    options(fields[5]),
                    shared,
                    type,
                    source,
                    options(fields[dash + 3])));
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    /** Of NFS the source tells what is mounted, {@code server:/path}, and the root is / always; -1 when it tells not. */
    private static int endOfServer(String source) {
        int colon = source.startsWith("[") ? source.indexOf("]:") + 1 : source.indexOf(':');
        return source.startsWith("/", colon + 1) ? colon : -1;
    }

    private Set<String> options(String field) {
        return options.computeIfAbsent(
                field, text -> Set.copyOf(List.of(unescape(text).split(",", -1))));
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
