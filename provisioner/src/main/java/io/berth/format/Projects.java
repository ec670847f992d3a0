package io.berth.format;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.PathHandle;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiConsumer;
import java.util.function.LongPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Which volume of a pool has which project. Each claim is a symbolic link in {@code .berth/projects}, from the project's
 * number to the volume's id: it appears whole, and only once.
 *
 * <p>The first number to try is a hash, so that pools on one file system do not try the same ones.
 */
final class Projects {
    private static final String FOLDER = "projects";
    private static final Pattern NUMBER = Pattern.compile("[1-9][0-9]{0,9}");
    private static final int ATTEMPTS = 10_000;

    /** Numbers that people and other software use begin with 1. */
    private static final long FIRST = 1L << 30;

    private static final long COUNT = 1L << 30;

    /** Where the projects of xfs_quota(8) have their numbers. See projects(5). */
    private static final Path NAMED = Path.of("/etc/projects");

    private static final Pattern NAMED_PROJECT = Pattern.compile("\\s*([0-9]+)\\s*:.*");

    private final Directory root;
    private final UUID pool;

    /** Those of a pool. */
    Projects(Directory root, UUID pool) {
        this.root = root;
        this.pool = pool;
    }

    /**
     * Claims a project for a volume, durably.
     *
     * @param isFree whether nobody else uses a number on this file system
     */
    long claim(VolumeId id, LongPredicate isFree) {
        Set<Long> named = named();
        try (Directory claims = make()) {
            long first = hash(id);
            for (int i = 0; i < ATTEMPTS; i++) {
                long number = FIRST + (first + i) % COUNT;
                if (named.contains(number) || !isFree.test(number)) {
                    continue;
                }
                if (claims.symlink(id.toString(), Long.toString(number))) {
                    claims.fsync();
                    return number;
                }
                if (isClaimed(claims, number, id)) {
                    return number; // a crash came between this and its use
                }
            }
        }
        throw new Fault(
                Fault.Kind.RESOURCE_EXHAUSTED,
                "volume " + id + ": the " + ATTEMPTS + " project numbers from " + (FIRST + hash(id)) + " on are taken");
    }

    /** FNV-1a over the pool and the volume. */
    private long hash(VolumeId id) {
        long hash = 0xcbf29ce484222325L;
        for (byte b : (pool + " " + id).getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
        }
        return Math.floorMod(hash, COUNT);
    }

    private static Set<Long> named() {
        Set<Long> numbers = new HashSet<>();
        try (Stream<String> lines = Files.lines(NAMED, StandardCharsets.ISO_8859_1)) {
            lines.map(NAMED_PROJECT::matcher)
                    .filter(Matcher::matches)
                    .filter(line -> NUMBER.matcher(line.group(1)).matches())
                    .forEach(line -> numbers.add(Long.parseLong(line.group(1))));
        } catch (NoSuchFileException e) {
            return Set.of();
        } catch (IOException | UncheckedIOException e) {
            throw new Fault(Fault.Kind.FAILED_PRECONDITION, NAMED + " cannot be read: " + e.getMessage(), e);
        }
        return numbers;
    }

    /** Whether this project is this volume's. */
    boolean isClaimed(long number, VolumeId id) {
        Optional<Directory> found = find();
        if (found.isEmpty()) {
            return false;
        }
        try (Directory claims = found.get()) {
            return isClaimed(claims, number, id);
        }
    }

    private static boolean isClaimed(Directory claims, long number, VolumeId id) {
        return owner(claims, Long.toString(number)).filter(id::equals).isPresent();
    }

    private static Optional<VolumeId> owner(Directory claims, String name) {
        return PathHandle.open(claims, name).flatMap(link -> {
            try (link) {
                return VolumeId.parse(link.readlink());
            }
        });
    }

    /** Hands over every claim. */
    void forEach(BiConsumer<Long, VolumeId> action) {
        Optional<Directory> found = find();
        if (found.isEmpty()) {
            return;
        }
        try (Directory claims = found.get()) {
            claims.forEachEntry(entry -> {
                String name = entry.name();
                if (NUMBER.matcher(name).matches()) {
                    owner(claims, name).ifPresent(id -> action.accept(Long.valueOf(name), id));
                }
            });
        }
    }

    /** Gives a project back; does nothing when it is given back already. */
    void release(long number) {
        find().ifPresent(claims -> {
            try (claims) {
                claims.unlink(Long.toString(number));
            }
        });
    }

    private Optional<Directory> find() {
        return root.openBeneath(Path.of(VolumePath.RECORDS, FOLDER));
    }

    private Directory make() {
        try (Directory records = root.openDirectory(VolumePath.RECORDS).orElseThrow()) {
            if (records.mkdir(FOLDER, 0700)) {
                records.fsync();
            }
            return records.openDirectory(FOLDER).orElseThrow();
        }
    }
}
