package io.berth.pool;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.volume.PoolName;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * What {@code pool.json} says: whose pool this folder is. Written once, when the pool is first opened, with a copy beside
 * it: the names of loop devices are made of the uuid, so with another one Berth would not know what it mounted.
 *
 * @param name the name its volumes' ids begin with
 */
public record PoolIdentity(UUID uuid, PoolName name) {
    private static final String FILE = "pool.json";
    private static final String COPY = "pool.json.old";
    private static final int FORMAT = 1;
    private static final int MAX_BYTES = 4096;
    private static final JsonMapper JSON = new JsonMapper();

    /**
     * Reads the identity of the pool in a records' folder, or writes one where there are no volumes.
     *
     * @throws Fault FAILED_PRECONDITION when the folder belongs to a pool of another name or a newer Berth, or when the
     *     identity is lost
     */
    static PoolIdentity of(Directory records, PoolName name) {
        Optional<PoolIdentity> there = read(records, FILE).or(() -> read(records, COPY));
        if (there.isEmpty() && records.status(FILE).isPresent()) {
            throw refused(records.path().resolve(FILE) + " is damaged; remove it, and the next start says what to do");
        }
        if (there.isEmpty()) {
            PoolIdentity made = new PoolIdentity(UUID.randomUUID(), name);
            if (hasVolumes(records)) {
                throw refused(records.path().resolve(FILE)
                        + " is lost; bring it back from a backup, or when no volume of the pool is mounted anywhere, write "
                        + new String(made.encode(), StandardCharsets.UTF_8).replaceAll("\\s+", "") + " to it");
            }
            made.write(records);
            there = read(records, FILE);
        }
        PoolIdentity identity = there.orElseThrow();
        if (!identity.name().equals(name)) {
            throw refused(records.path().resolve(FILE) + " says this is pool " + identity.name()
                    + ", the settings call it " + name + "; ids of its volumes begin with its name, so use that");
        }
        return identity;
    }

    private static boolean hasVolumes(Directory records) {
        return records.openDirectory("volumes")
                .filter(volumes -> {
                    try (volumes) {
                        return !volumes.list(0, 1).entries().isEmpty();
                    }
                })
                .isPresent();
    }

    /** What a file says; empty when it is missing or damaged. */
    private static Optional<PoolIdentity> read(Directory records, String file) {
        try {
            return records.readOurs(file, MAX_BYTES)
                    .map(bytes -> decode(records.path().resolve(file).toString(), bytes));
        } catch (Fault e) {
            if (e.kind() == Fault.Kind.CORRUPT) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** Whether the file and its copy both say this. */
    boolean isKept(Directory records) {
        return isIn(records, FILE) && isIn(records, COPY);
    }

    private boolean isIn(Directory records, String file) {
        return read(records, file).equals(Optional.of(this));
    }

    /** Writes the file and its copy where they are missing, damaged or say something else. */
    void keep(Directory records) {
        for (String file : List.of(FILE, COPY)) {
            if (!isIn(records, file)) {
                String unnamed = unnamed();
                records.create(unnamed, encode(), 0600);
                records.rename(unnamed, records, file);
                records.fsync();
            }
        }
    }

    private static String unnamed() {
        return FILE + "." + UUID.randomUUID();
    }

    /** Where two processes open a new pool at once, one of them names its file; nobody sees one half written. */
    private void write(Directory records) {
        String unnamed = unnamed();
        records.create(unnamed, encode(), 0600);
        records.link(unnamed, records, FILE);
        records.unlink(unnamed);
        records.fsync();
    }

    private byte[] encode() {
        return JSON.createObjectNode()
                .put("berth", FORMAT)
                .put("pool", name.text())
                .put("uuid", uuid.toString())
                .toPrettyString()
                .concat("\n")
                .getBytes(StandardCharsets.UTF_8);
    }

    private static PoolIdentity decode(String where, byte[] bytes) {
        try {
            JsonNode json = JSON.readTree(bytes);
            if (json.path("berth").asInt(0) > FORMAT) {
                throw refused(where + " is of a newer format; upgrade Berth");
            }
            return new PoolIdentity(
                    UUID.fromString(json.path("uuid").asText()),
                    new PoolName(json.path("pool").asText()));
        } catch (IOException | IllegalArgumentException e) {
            throw new Fault(Fault.Kind.CORRUPT, where + " is damaged", e);
        } catch (Fault e) {
            throw e.kind() == Fault.Kind.INVALID_ARGUMENT ? refused(where + ": " + e.getMessage()) : e;
        }
    }

    private static Fault refused(String why) {
        return new Fault(Fault.Kind.FAILED_PRECONDITION, why);
    }
}
