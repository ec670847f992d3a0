package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Listing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * For whom each volume is mounted: the ids that Docker gave with its Mount calls, and how often. Docker mounts a running
 * container's volume once more, by the container's id, for {@code docker cp}, and takes that back; and when it was killed it
 * mounts by an id that it never took back. So calls are counted, from one activation of the plugin to the next, which each
 * dockerd makes once.
 *
 * <p>Each id is a file named {@code VOLUME@ID}, the volume by {@link VolumeNames#toFile}. It outlives this process and need
 * not outlive the machine, for mounts and containers do not: those of another boot are removed, and nothing is synced.
 * Thread-safe; callers see to it that one volume is worked on by one thread at a time.
 */
final class MountIds implements AutoCloseable {
    /** What tells this boot of the machine from all others. See random(4). */
    static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");

    /** With a volume's name of 128 bytes and the @ it must fit into a file name of 255. */
    private static final Pattern GRAMMAR = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,125}");

    /** How long Docker may take from a Mount until its container has the volume; a busy machine is slow. */
    private static final Duration UNTIL_CONTAINER = Duration.ofMinutes(2);

    private static final Pattern TEXT = Pattern.compile("([0-9]{1,9}) ([0-9]{1,9}) ([0-9a-f-]{36})\n");
    private static final String ACTIVATION = ".activation";
    private static final String UNNAMED = ".new";
    private static final int MAX_BYTES = 100;
    private static final int PAGE = 1000;

    private final Directory folder;
    private final String boot;
    private final LongSupplier clock;
    private final Map<String, Map<String, Held>> ids = new HashMap<>();
    private int activation;

    /**
     * An id.
     *
     * @param count how many Mount calls were not taken back
     * @param activation the one during which they were made
     * @param since when the last of them was made or this process began, in nanoseconds
     */
    private record Held(int count, int activation, long since) {}

    private MountIds(Directory folder, String boot, LongSupplier clock) {
        this.folder = folder;
        this.boot = boot;
        this.clock = clock;
    }

    /** Reads the ids that are kept in a folder, which must be there. Files of other names are left alone. */
    static MountIds open(Path folder) throws IOException {
        return open(folder, thisBoot(), System::nanoTime);
    }

    private static String thisBoot() throws IOException {
        return Files.readString(BOOT_ID).strip();
    }

    /** The ids of a volume in a folder that a running plugin may use. Nothing is changed; those of another boot are none. */
    static Stream<String> read(Directory folder, String volume) {
        String before = file(volume, "");
        String boot;
        try {
            boot = thisBoot();
        } catch (IOException e) {
            throw new Fault(Fault.Kind.FAILED_PRECONDITION, "cannot read " + BOOT_ID + ": " + Fault.reason(e), e);
        }
        List<String> found = new ArrayList<>();
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            Listing page = folder.list(next.getAsLong(), PAGE);
            page.entries().stream()
                    .map(Listing.Entry::name)
                    .filter(file -> file.startsWith(before))
                    .filter(file -> folder.read(file, MAX_BYTES)
                            .filter(bytes -> isOf(boot, TEXT.matcher(new String(bytes, StandardCharsets.US_ASCII))))
                            .isPresent())
                    .forEach(file -> found.add(file.substring(before.length())));
            next = page.next();
        }
        return found.stream();
    }

    private static boolean isOf(String boot, Matcher text) {
        return text.matches() && text.group(3).equals(boot);
    }

    /**
     * As the other.
     *
     * @param boot what stands in {@link #BOOT_ID}
     * @param clock of nanoseconds
     */
    static MountIds open(Path folder, String boot, LongSupplier clock) {
        MountIds all = new MountIds(Directory.open(folder), boot, clock);
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            var page = all.folder.list(next.getAsLong(), PAGE);
            page.entries().forEach(entry -> all.read(entry.name()));
            next = page.next();
        }
        return all;
    }

    private void read(String fileName) {
        int at = fileName.indexOf('@');
        boolean isId = at > 0 && GRAMMAR.matcher(fileName.substring(at + 1)).matches();
        if (!isId && !fileName.equals(ACTIVATION)) {
            return;
        }
        String text = new String(folder.read(fileName, MAX_BYTES).orElse(new byte[0]), StandardCharsets.US_ASCII);
        Matcher matcher = TEXT.matcher(text);
        boolean isText = matcher.matches(); // those of an older Berth are empty
        if (isText && !matcher.group(3).equals(boot)) {
            folder.unlink(fileName);
        } else if (isId) {
            int count = isText ? Integer.parseInt(matcher.group(1)) : 1;
            int of = isText ? Integer.parseInt(matcher.group(2)) : 0;
            remember(
                    VolumeNames.ofFile(fileName.substring(0, at)),
                    fileName.substring(at + 1),
                    new Held(count, of, clock.getAsLong()));
        } else if (isText) {
            activation = Integer.parseInt(matcher.group(2));
        }
    }

    /** A dockerd begins to use the plugin. What another mounted it may have forgotten. */
    synchronized void activated() {
        activation++;
        write(ACTIVATION, 0);
    }

    /**
     * Whether a volume has an id: Docker then calls Unmount even if it is told that Mount failed.
     *
     * @throws Fault INVALID_ARGUMENT when the text is no id
     */
    boolean has(String volume, String id) {
        if (!GRAMMAR.matcher(id).matches()) {
            throw Fault.invalid("ID", id, "1 to 126 letters, digits, _ . or -, beginning with a letter or digit");
        }
        return held(volume, id).count() > 0;
    }

    /**
     * Counts a Mount that is about to be answered: one that a killed process did not answer Docker makes again.
     *
     * @param inUse whether a container has the volume now
     */
    void add(String volume, String id, BooleanSupplier inUse) {
        Held before = held(volume, id);
        boolean counts = before.count() > 0 && (before.activation() == current() || inUse.getAsBoolean());
        set(volume, id, counts ? before.count() + 1 : 1);
    }

    /** Counts an Unmount; does nothing when the volume does not have the id. */
    void remove(String volume, String id) {
        int count = held(volume, id).count();
        if (count > 1) {
            set(volume, id, count - 1);
        } else if (count == 1) {
            forget(volume, id);
        }
    }

    /** Removes all of a volume's ids if they are there without a container: its Unmount was lost. */
    void removeUnused(String volume, BooleanSupplier inUse) {
        long now = clock.getAsLong();
        Map<String, Held> held = heldOf(volume);
        boolean fresh = held.values().stream().anyMatch(id -> now - id.since() < UNTIL_CONTAINER.toNanos());
        if (!held.isEmpty() && !fresh && !inUse.getAsBoolean()) {
            clear(volume);
        }
    }

    /** Removes all of a volume's ids. */
    void clear(String volume) {
        of(volume).forEach(id -> forget(volume, id));
    }

    /** A volume's ids. */
    Set<String> of(String volume) {
        return heldOf(volume).keySet();
    }

    private synchronized int current() {
        return activation;
    }

    private synchronized Map<String, Held> heldOf(String volume) {
        return Map.copyOf(ids.getOrDefault(volume, Map.of()));
    }

    private Held held(String volume, String id) {
        return heldOf(volume).getOrDefault(id, new Held(0, 0, 0));
    }

    private void set(String volume, String id, int count) {
        write(file(volume, id), count);
        remember(volume, id, new Held(count, current(), clock.getAsLong()));
    }

    /** First in memory: what a failing disk keeps must not keep the volume. */
    private void forget(String volume, String id) {
        synchronized (this) {
            ids.computeIfPresent(volume, (unused, held) -> {
                held.remove(id);
                return held.isEmpty() ? null : held;
            });
        }
        folder.unlink(file(volume, id));
    }

    private static String file(String volume, String id) {
        return VolumeNames.toFile(volume) + "@" + id;
    }

    private synchronized void remember(String volume, String id, Held held) {
        ids.computeIfAbsent(volume, unused -> new HashMap<>()).put(id, held);
    }

    private synchronized void write(String fileName, int count) {
        folder.unlink(UNNAMED); // left by a crash
        folder.create(
                UNNAMED, (count + " " + activation + " " + boot + "\n").getBytes(StandardCharsets.US_ASCII), 0600);
        folder.rename(UNNAMED, folder, fileName);
    }

    @Override
    public void close() {
        folder.close();
    }
}
