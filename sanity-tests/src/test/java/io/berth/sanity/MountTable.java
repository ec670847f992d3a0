package io.berth.sanity;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What the kernel says is mounted; see proc_pid_mountinfo(5). */
final class MountTable {
    private static final Pattern ESCAPE = Pattern.compile("\\\\([0-7]{3})");

    private MountTable() {}

    /**
     * One mount.
     *
     * @param options of this mount, not of its file system
     * @param superOptions of its file system
     */
    record Mount(Path target, Set<String> options, Set<String> superOptions) {}

    /** The mounts at or below a folder, in the order in which they were made. */
    static List<Mount> below(Path folder) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/mountinfo"))) {
            return lines.map(line -> line.split(" ", -1))
                    .map(fields -> new Mount(
                            Path.of(unescape(fields[4])), options(fields[5]), options(fields[fields.length - 1])))
                    .filter(mount -> mount.target().startsWith(folder))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Set<String> options(String text) {
        return Set.copyOf(List.of(text.split(",")));
    }

    private static String unescape(String text) {
        return ESCAPE.matcher(text)
                .replaceAll(match ->
                        Matcher.quoteReplacement(Character.toString((char) Integer.parseInt(match.group(1), 8))));
    }
}
