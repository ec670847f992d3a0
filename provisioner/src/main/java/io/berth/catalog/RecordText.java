package io.berth.catalog;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.berth.fault.Fault;
import io.berth.volume.Id;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.zip.CRC32C;

/**
 * A record as bytes: JSON for people to read, whose last member is a checksum of all bytes before it. What is read back has
 * passed the same grammars as a request, for a shared disk may hold anything.
 */
final class RecordText {
    /** The format this version writes, and the newest it reads. */
    static final int FORMAT = 1;

    /** No record is larger, in bytes: parameters are at most 4 KiB by the CSI specification. */
    static final int MAX_BYTES = 64 * 1024;

    private static final JsonMapper JSON = new JsonMapper();
    private static final String END = "\"\n}\n";
    private static final String CHECKSUM = ",\n  \"checksum\" : \"crc32c:";

    private RecordText() {}

    /** The beginning of each record. */
    static ObjectNode begin(Id id, String requestedName) {
        return JSON.createObjectNode()
                .put("berth", FORMAT)
                .put("id", id.toString())
                .put("name", requestedName);
    }

    /** Adds strings, in the order of their keys. */
    static void put(ObjectNode json, String member, Map<String, String> strings) {
        ObjectNode object = json.putObject(member);
        new TreeMap<>(strings).forEach(object::put);
    }

    static byte[] encode(Id id, ObjectNode json) {
        try {
            String text = JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json);
            String body = text.substring(0, text.length() - "\n}".length());
            byte[] record = (body + CHECKSUM + checksum(body) + END).getBytes(StandardCharsets.UTF_8);
            if (record.length > MAX_BYTES) {
                throw Fault.invalid("record of", id.described(), "it is over " + MAX_BYTES + " bytes");
            }
            return record;
        } catch (JsonProcessingException e) {
            throw new Fault(Fault.Kind.INTERNAL, "record of " + id.described() + ": " + e.getOriginalMessage(), e);
        }
    }

    /** Whether the end of a record is missing, as after a crash while it was written. */
    static boolean isCutShort(byte[] bytes) {
        return !new String(bytes, StandardCharsets.UTF_8).endsWith(END);
    }

    /**
     * Reads a record.
     *
     * @param id the id its file name gives
     * @param reader makes the value of the members
     * @throws Fault CORRUPT with the reason when it was cut short, edited, moved, or is of a newer format
     */
    static <T> T decode(Id id, byte[] bytes, Function<JsonNode, T> reader) {
        JsonNode json = parse(id, bytes);
        int format = json.path("berth").asInt(0);
        if (format > FORMAT) {
            throw corrupt(id, "has format " + format + ", this Berth reads up to " + FORMAT + "; upgrade Berth");
        }
        verify(id, new String(bytes, StandardCharsets.UTF_8));
        try {
            if (!text(json, "id").equals(id.toString())) {
                throw corrupt(
                        id, "is that of " + Fault.quote(text(json, "id")) + ", so the file was copied or renamed");
            }
            return reader.apply(json);
        } catch (DateTimeException e) {
            throw corrupt(id, "has no valid time of creation: " + e.getMessage());
        } catch (Fault e) {
            throw e.kind() == Fault.Kind.CORRUPT ? e : corrupt(id, "holds what is not allowed: " + e.getMessage());
        }
    }

    private static JsonNode parse(Id id, byte[] bytes) {
        try {
            return JSON.readTree(bytes);
        } catch (IOException e) {
            throw corrupt(id, "is cut short or no JSON");
        }
    }

    private static void verify(Id id, String text) {
        int at = text.lastIndexOf(CHECKSUM);
        int from = at + CHECKSUM.length();
        String expected = at < 0 ? "" : checksum(text.substring(0, at));
        if (at < 0 || !text.substring(from).equals(expected + END)) {
            throw corrupt(
                    id,
                    "does not match its checksum, so it was edited or damaged (expected crc32c:" + expected
                            + "); see berth volumes check");
        }
    }

    private static String checksum(String body) {
        CRC32C crc = new CRC32C();
        crc.update(body.getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }

    static String text(JsonNode json, String member) {
        JsonNode value = json.path(member);
        if (!value.isTextual()) {
            throw Fault.invalid(member, value.toString(), "a text is expected");
        }
        return value.textValue();
    }

    /** A number of 0 or more. */
    static long number(JsonNode json, String member) {
        JsonNode value = json.path(member);
        if (!value.canConvertToLong() || !value.isIntegralNumber() || value.longValue() < 0) {
            throw Fault.invalid(member, value.toString(), "a whole number of 0 or more is expected");
        }
        return value.longValue();
    }

    static Map<String, String> strings(JsonNode json, String member) {
        Map<String, String> strings = new TreeMap<>();
        json.path(member)
                .properties()
                .forEach(entry -> strings.put(entry.getKey(), entry.getValue().asText()));
        return strings;
    }

    static Fault corrupt(Id id, String what) {
        return new Fault(Fault.Kind.CORRUPT, "the record of " + id.described() + " " + what);
    }
}
