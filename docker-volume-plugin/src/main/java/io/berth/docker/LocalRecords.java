package io.berth.docker;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.mount.MountOption;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The {@link LocalRecord} of each of Docker's volumes that has one: a file {@code NAME.json} each, the name by
 * {@link VolumeNames#toFile}, durable when the method returns, and all of them in memory. Thread-safe; callers see to it
 * that one volume is worked on by one thread at a time.
 */
final class LocalRecords implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LocalRecords.class);
    private static final JsonMapper JSON = new JsonMapper();
    private static final String SUFFIX = ".json";
    private static final int MAX_BYTES = 64 << 10;
    private static final int PAGE = 1000;
    private static final int VERSION = 1;

    private final Directory folder;
    private final Map<String, LocalRecord> records = new ConcurrentSkipListMap<>();

    private LocalRecords(Directory folder) {
        this.folder = folder;
    }

    /** Reads the records that are kept in a folder, which must be there. One that cannot be read is left out and logged. */
    static LocalRecords open(Path folder) {
        LocalRecords all = new LocalRecords(Directory.open(folder));
        all.folder.fsync(); // who changed it last may have been killed before that
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            var page = all.folder.list(next.getAsLong(), PAGE);
            page.entries().stream()
                    .filter(entry -> entry.name().endsWith(SUFFIX))
                    .forEach(entry -> all.read(entry.name()));
            next = page.next();
        }
        return all;
    }

    private void read(String file) {
        String name = VolumeNames.ofFile(file.substring(0, file.length() - SUFFIX.length()));
        try {
            VolumeNames.check(name);
            read(folder, name).ifPresent(record -> records.put(name, record));
        } catch (Fault e) {
            LOG.warn("left out: {} in {}: {}", Fault.quote(file), folder.path(), e.getMessage());
        }
    }

    /** A volume's record in a folder that a running plugin may use. */
    static Optional<LocalRecord> read(Directory folder, String name) {
        return folder.read(VolumeNames.toFile(name) + SUFFIX, MAX_BYTES).map(LocalRecords::parse);
    }

    /** A volume's record. */
    Optional<LocalRecord> find(String name) {
        return Optional.ofNullable(records.get(name));
    }

    /** A volume's record, if it is in no pool. */
    Optional<LocalRecord.Outside> outside(String name) {
        return find(name)
                .flatMap(record ->
                        record instanceof LocalRecord.Outside outside ? Optional.of(outside) : Optional.empty());
    }

    /** A volume's record, if it is in a pool. */
    Optional<LocalRecord.InPool> inPool(String name) {
        return find(name)
                .flatMap(
                        record -> record instanceof LocalRecord.InPool inPool ? Optional.of(inPool) : Optional.empty());
    }

    /** All of them, by name. */
    Map<String, LocalRecord> all() {
        return new TreeMap<>(records);
    }

    /** Keeps a record, in place of the one before; writes nothing when that is the same. */
    void put(String name, LocalRecord record) {
        if (record.equals(records.get(name))) {
            return;
        }
        String file = VolumeNames.toFile(name);
        String unnamed = "." + file; // without the suffix, so that a start takes it for no record
        folder.unlink(unnamed); // left by a crash
        folder.create(unnamed, text(record).getBytes(StandardCharsets.UTF_8), 0600);
        folder.rename(unnamed, folder, file + SUFFIX);
        folder.fsync();
        records.put(name, record);
    }

    /**
     * Keeps which volume of a pool this machine knows by a name.
     *
     * @param isNew whether Docker has made it here and not unmounted it yet
     */
    void remember(String name, Volume volume, boolean isNew) {
        put(name, new LocalRecord.InPool(volume.created(), volume.id(), isNew));
    }

    /** Whether Docker has made a volume here and not unmounted it yet. */
    boolean isNew(String name) {
        return inPool(name).filter(LocalRecord.InPool::isNew).isPresent();
    }

    /** Forgets a volume; does nothing when it has no record. */
    void remove(String name) {
        if (records.containsKey(name)) {
            folder.unlink(VolumeNames.toFile(name) + SUFFIX);
            folder.fsync();
            records.remove(name);
        }
    }

    private static String text(LocalRecord record) {
        ObjectNode json = JSON.createObjectNode()
                .put("version", VERSION)
                .put("created", record.created().toString());
        switch (record) {
            case LocalRecord.InPool inPool -> {
                json.put("volume", inPool.id().toString());
                if (inPool.isNew()) {
                    json.put("new", true);
                }
            }
            case LocalRecord.Outside outside -> {
                ObjectNode attributes = json.putObject("attributes");
                new TreeMap<>(outside.attributes()).forEach(attributes::put);
                var options = json.putArray("options");
                outside.options().stream().sorted().forEach(option -> options.add(option.toString()));
            }
        }
        return json.toPrettyString() + "\n";
    }

    private static LocalRecord parse(byte[] bytes) {
        try {
            JsonNode json = JSON.readTree(bytes);
            if (json.path("version").asInt() != VERSION) {
                throw corrupt("its version is not " + VERSION);
            }
            Instant created = Instant.parse(json.path("created").asText());
            if (json.has("volume")) {
                return new LocalRecord.InPool(
                        created,
                        VolumeId.parse(json.path("volume").asText()).orElseThrow(() -> corrupt("it names no volume")),
                        json.path("new").asBoolean());
            }
            Map<String, String> attributes = new TreeMap<>();
            json.path("attributes")
                    .properties()
                    .forEach(attribute -> attributes.put(
                            attribute.getKey(), attribute.getValue().asText()));
            List<String> options = new ArrayList<>();
            json.path("options").forEach(option -> options.add(option.asText()));
            return new LocalRecord.Outside(created, attributes, MountOption.parse(options));
        } catch (JsonProcessingException | DateTimeException e) {
            throw new Fault(Fault.Kind.CORRUPT, "the record cannot be read: " + e.getMessage(), e);
        } catch (IOException e) {
            throw new Fault(Fault.Kind.CORRUPT, "the record cannot be read: " + Fault.reason(e), e);
        }
    }

    private static Fault corrupt(String why) {
        return new Fault(Fault.Kind.CORRUPT, "the record cannot be trusted: " + why);
    }

    @Override
    public void close() {
        folder.close();
    }
}
