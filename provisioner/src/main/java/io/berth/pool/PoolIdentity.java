package io.berth.pool;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.volume.PoolName;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.UUID;

/**
 * What {@code pool.json} says: whose pool this folder is. Written once, when the pool is first opened.
 *
 * @param name the name its volumes' ids begin with
 */
public record PoolIdentity(UUID uuid, PoolName name) {
    private static final String FILE = "pool.json";
    private static final int FORMAT = 1;
    private static final int MAX_BYTES = 4096;
    private static final JsonMapper JSON = new JsonMapper();

    /**
     * Reads the identity of the pool in a records' folder, or writes one.
     *
     * @throws Fault FAILED_PRECONDITION when the folder belongs to a pool of another name or a newer Berth
     */
    static PoolIdentity of(Directory records, PoolName name) {
        Optional<byte[]> there = records.readOurs(FILE, MAX_BYTES);
        if (there.isEmpty()) {
            write(records, new PoolIdentity(UUID.randomUUID(), name));
            there = records.readOurs(FILE, MAX_BYTES);
        }
        String where = records.path().resolve(FILE).toString();
        PoolIdentity identity = decode(where, there.orElse(new byte[0]));
        if (!identity.name().equals(name)) {
            throw refused(where + " says this is pool " + identity.name() + ", the settings call it " + name
                    + "; ids of its volumes begin with its name, so use that");
        }
        return identity;
    }

    /** Where two processes open a new pool at once, one of them names its file; nobody sees one half written. */
    private static void write(Directory records, PoolIdentity identity) {
        String unnamed = FILE + "." + identity.uuid();
        records.create(unnamed, encode(identity), 0600);
        records.link(unnamed, records, FILE);
        records.unlink(unnamed);
        records.fsync();
    }

    private static byte[] encode(PoolIdentity identity) {
        return JSON.createObjectNode()
                .put("berth", FORMAT)
                .put("pool", identity.name().text())
                .put("uuid", identity.uuid().toString())
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
            throw refused(where + " is damaged; if the pool is that of the settings, remove the file");
        } catch (Fault e) {
            throw e.kind() == Fault.Kind.INVALID_ARGUMENT ? refused(where + ": " + e.getMessage()) : e;
        }
    }

    private static Fault refused(String why) {
        return new Fault(Fault.Kind.FAILED_PRECONDITION, why);
    }
}
