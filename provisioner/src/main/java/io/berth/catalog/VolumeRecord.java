package io.berth.catalog;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.berth.fault.Fault;
import io.berth.volume.AccessMode;
import io.berth.volume.Attachment;
import io.berth.volume.FileSystemType;
import io.berth.volume.Format;
import io.berth.volume.FormatName;
import io.berth.volume.Limit;
import io.berth.volume.NodeId;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.SnapshotId;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * A volume's record as bytes: JSON for people to read, whose last member is a checksum of all bytes before it. What is
 * read back has passed the same grammars as a request, for a shared disk may hold anything.
 */
final class VolumeRecord {
    /** The format this version writes, and the newest it reads. */
    static final int FORMAT = 1;

    /** No record is larger, in bytes: parameters are at most 4 KiB by the CSI specification. */
    static final int MAX_BYTES = 64 * 1024;

    private static final JsonMapper JSON = new JsonMapper();
    private static final String END = "\"\n}\n";
    private static final String CHECKSUM = ",\n  \"checksum\" : \"crc32c:";

    private VolumeRecord() {}

    static byte[] encode(Volume volume) {
        ObjectNode json = JSON.createObjectNode()
                .put("berth", FORMAT)
                .put("id", volume.id().toString())
                .put("name", volume.requestedName())
                .put("path", volume.path().toString())
                .put("format", volume.format().name().toString())
                .put("capacity", volume.capacityBytes())
                .put("created", volume.created().toString())
                .put("onDelete", volume.onDelete().toString())
                .put("uid", volume.ownership().uid())
                .put("gid", volume.ownership().gid())
                .put("mode", volume.ownership().modeText())
                .put("adopted", volume.adopted())
                .put("ephemeral", volume.ephemeral());
        switch (volume.format()) {
            case Format.Directory directory -> {
                json.put("limit", directory.limit().toString());
                directory.inodes().ifPresent(inodes -> json.put("inodes", inodes));
            }
            case Format.Image image ->
                image.fileSystem().ifPresent(fileSystem -> json.put("fsType", fileSystem.toString()));
        }
        volume.source().ifPresent(source -> {
            switch (source) {
                case Source.OfVolume of -> json.put("sourceVolume", of.id().toString());
                case Source.OfSnapshot of -> json.put("sourceSnapshot", of.id().toString());
            }
        });
        ObjectNode parameters = json.putObject("parameters");
        new TreeMap<>(volume.parameters()).forEach(parameters::put);
        if (!volume.attachments().isEmpty()) {
            ObjectNode attachments = json.putObject("attachments");
            volume.attachments()
                    .forEach((node, how) -> attachments
                            .putObject(node.text())
                            .put("mode", how.mode().name())
                            .put("readOnly", how.readOnly()));
        }
        try {
            String text = JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json);
            String body = text.substring(0, text.length() - "\n}".length());
            byte[] record = (body + CHECKSUM + checksum(body) + END).getBytes(StandardCharsets.UTF_8);
            if (record.length > MAX_BYTES) {
                throw Fault.invalid("volume", volume.id().toString(), "its record is over " + MAX_BYTES + " bytes");
            }
            return record;
        } catch (JsonProcessingException e) {
            throw new Fault(Fault.Kind.INTERNAL, "record of " + volume.id() + ": " + e.getOriginalMessage(), e);
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
     * @throws Fault CORRUPT with the reason when it was cut short, edited, moved, or is of a newer format
     */
    static Volume decode(VolumeId id, byte[] bytes) {
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
            return volume(id, json);
        } catch (DateTimeException e) {
            throw corrupt(id, "has no valid time of creation: " + e.getMessage());
        } catch (Fault e) {
            throw e.kind() == Fault.Kind.CORRUPT ? e : corrupt(id, "holds what is not allowed: " + e.getMessage());
        }
    }

    private static Volume volume(VolumeId id, JsonNode json) {
        Map<String, String> parameters = new TreeMap<>();
        json.path("parameters")
                .properties()
                .forEach(
                        entry -> parameters.put(entry.getKey(), entry.getValue().asText()));
        return new Volume(
                id,
                text(json, "name"),
                VolumePath.parse(text(json, "path")),
                format(json),
                number(json, "capacity"),
                Instant.parse(text(json, "created")),
                OnDelete.parse(text(json, "onDelete")),
                new Ownership(number(json, "uid"), number(json, "gid"), Ownership.parseMode(text(json, "mode"))),
                json.path("adopted").asBoolean(),
                json.path("ephemeral").asBoolean(),
                source(json),
                parameters,
                attachments(json.path("attachments")));
    }

    private static SortedMap<NodeId, Attachment> attachments(JsonNode json) {
        SortedMap<NodeId, Attachment> attachments = new TreeMap<>();
        json.properties()
                .forEach(entry -> attachments.put(
                        new NodeId(entry.getKey()),
                        new Attachment(
                                AccessMode.parse(text(entry.getValue(), "mode")),
                                entry.getValue().path("readOnly").asBoolean())));
        return attachments;
    }

    private static Format format(JsonNode json) {
        return switch (FormatName.parse("format", text(json, "format"))) {
            case DIRECTORY ->
                new Format.Directory(
                        Limit.parse("limit", text(json, "limit")),
                        json.has("inodes") ? OptionalLong.of(number(json, "inodes")) : OptionalLong.empty());
            case IMAGE ->
                new Format.Image(
                        json.has("fsType")
                                ? Optional.of(FileSystemType.parse("fsType", text(json, "fsType")))
                                : Optional.empty());
        };
    }

    private static Optional<Source> source(JsonNode json) {
        if (json.has("sourceVolume")) {
            String id = text(json, "sourceVolume");
            return Optional.of(new Source.OfVolume(
                    VolumeId.parse(id).orElseThrow(() -> Fault.invalid("sourceVolume", id, "no volume's id"))));
        }
        if (json.has("sourceSnapshot")) {
            String id = text(json, "sourceSnapshot");
            return Optional.of(new Source.OfSnapshot(
                    SnapshotId.parse(id).orElseThrow(() -> Fault.invalid("sourceSnapshot", id, "no snapshot's id"))));
        }
        return Optional.empty();
    }

    private static JsonNode parse(VolumeId id, byte[] bytes) {
        try {
            return JSON.readTree(bytes);
        } catch (IOException e) {
            throw corrupt(id, "is cut short or no JSON");
        }
    }

    private static void verify(VolumeId id, String text) {
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

    private static String text(JsonNode json, String member) {
        JsonNode value = json.path(member);
        if (!value.isTextual()) {
            throw Fault.invalid(member, value.toString(), "a text is expected");
        }
        return value.textValue();
    }

    private static long number(JsonNode json, String member) {
        JsonNode value = json.path(member);
        if (!value.canConvertToLong() || !value.isIntegralNumber() || value.longValue() < 0) {
            throw Fault.invalid(member, value.toString(), "a whole number of 0 or more is expected");
        }
        return value.longValue();
    }

    private static Fault corrupt(VolumeId id, String what) {
        return new Fault(Fault.Kind.CORRUPT, "the record of " + id + " " + what);
    }
}
