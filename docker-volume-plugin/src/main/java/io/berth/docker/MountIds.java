package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * For whom each volume is mounted: the ids that Docker gave with its Mount calls and has not taken back. A set for each
 * volume, not a count, for Docker mounts twice with one id and unmounts once after it was killed. Each id is an empty file
 * named {@code VOLUME@ID}, durable when the method returns. Thread-safe; callers see to it that one volume is worked on by
 * one thread at a time.
 */
final class MountIds implements AutoCloseable {
    /** With a volume's name of 128 bytes and the @ it must fit into a file name of 255. */
    private static final Pattern GRAMMAR = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,125}");

    private static final int PAGE = 1000;

    private final Directory folder;
    private final Map<String, Set<String>> ids = new HashMap<>();

    private MountIds(Directory folder) {
        this.folder = folder;
    }

    /** Reads the ids that are kept in a folder, which must be there. Files of other names are left alone. */
    static MountIds open(Path folder) {
        MountIds all = new MountIds(Directory.open(folder));
        all.folder.fsync(); // who changed it last may have been killed before that
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            var page = all.folder.list(next.getAsLong(), PAGE);
            page.entries().forEach(entry -> all.remember(entry.name()));
            next = page.next();
        }
        return all;
    }

    private synchronized void remember(String fileName) {
        int at = fileName.indexOf('@');
        if (at > 0 && GRAMMAR.matcher(fileName.substring(at + 1)).matches()) {
            ids.computeIfAbsent(fileName.substring(0, at), unused -> new HashSet<>())
                    .add(fileName.substring(at + 1));
        }
    }

    /**
     * Adds an id.
     *
     * @return false when the volume has it already
     * @throws Fault INVALID_ARGUMENT when the text is no id
     */
    boolean add(String volume, String id) {
        if (!GRAMMAR.matcher(id).matches()) {
            throw Fault.invalid("ID", id, "1 to 126 letters, digits, _ . or -, beginning with a letter or digit");
        }
        if (of(volume).contains(id)) {
            return false;
        }
        folder.create(volume + "@" + id, new byte[0], 0600);
        folder.fsync();
        remember(volume + "@" + id);
        return true;
    }

    /** Removes an id; does nothing when the volume does not have it. */
    void remove(String volume, String id) {
        if (!of(volume).contains(id)) {
            return;
        }
        folder.unlink(volume + "@" + id);
        folder.fsync();
        forget(volume, id);
    }

    private synchronized void forget(String volume, String id) {
        ids.computeIfPresent(volume, (unused, set) -> {
            set.remove(id);
            return set.isEmpty() ? null : set;
        });
    }

    /** Removes all of a volume's ids. */
    void clear(String volume) {
        of(volume).forEach(id -> remove(volume, id));
    }

    /** A volume's ids. */
    synchronized Set<String> of(String volume) {
        return Set.copyOf(ids.getOrDefault(volume, Set.of()));
    }

    @Override
    public void close() {
        folder.close();
    }
}
