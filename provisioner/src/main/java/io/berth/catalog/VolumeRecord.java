package io.berth.catalog;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.berth.fault.Fault;
import io.berth.volume.AccessMode;
import io.berth.volume.Attachment;
import io.berth.volume.NodeId;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.SnapshotId;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.time.Instant;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** A volume's record. */
final class VolumeRecord {
    private VolumeRecord() {}

    static byte[] encode(Volume volume) {
        ObjectNode json = RecordText.begin(volume.id(), volume.requestedName())
                .put("path", volume.path().toString())
                .put("capacity", volume.capacityBytes())
                .put("created", volume.created().toString())
                .put("onDelete", volume.onDelete().toString())
                .put("uid", volume.ownership().uid())
                .put("gid", volume.ownership().gid())
                .put("mode", volume.ownership().modeText())
                .put("adopted", volume.adopted())
                .put("ephemeral", volume.ephemeral());
        FormatRecord.put(json, volume.format());
        volume.source().ifPresent(source -> {
            switch (source) {
                case Source.OfVolume of -> json.put("sourceVolume", of.id().toString());
                case Source.OfSnapshot of -> json.put("sourceSnapshot", of.id().toString());
            }
        });
        RecordText.put(json, "parameters", volume.parameters());
        if (!volume.attachments().isEmpty()) {
            ObjectNode attachments = json.putObject("attachments");
            volume.attachments()
                    .forEach((node, how) -> attachments
                            .putObject(node.text())
                            .put("mode", how.mode().name())
                            .put("readOnly", how.readOnly()));
        }
        return RecordText.encode(volume.id(), json);
    }

    /**
     * Reads a record.
     *
     * @param id the id its file name gives
     * @throws Fault CORRUPT with the reason when it cannot be trusted; see {@link RecordText#decode}
     */
    static Volume decode(VolumeId id, byte[] bytes) {
        return RecordText.decode(id, bytes, json -> volume(id, json));
    }

    private static Volume volume(VolumeId id, JsonNode json) {
        return new Volume(
                id,
                RecordText.text(json, "name"),
                path(id, RecordText.text(json, "path")),
                FormatRecord.read(json),
                RecordText.number(json, "capacity"),
                Instant.parse(RecordText.text(json, "created")),
                OnDelete.parse(RecordText.text(json, "onDelete")),
                new Ownership(
                        RecordText.number(json, "uid"),
                        RecordText.number(json, "gid"),
                        Ownership.parseMode("mode", RecordText.text(json, "mode"))),
                json.path("adopted").asBoolean(),
                json.path("ephemeral").asBoolean(),
                source(json),
                RecordText.strings(json, "parameters"),
                attachments(json.path("attachments")));
    }

    /** Where a volume without a path of its own lies, or an archive, is never the path of another. */
    private static VolumePath path(VolumeId id, String text) {
        VolumePath path = VolumePath.parse(text);
        String first = path.components().getFirst();
        if (!path.equals(VolumePath.of(id))
                && (first.startsWith(id.pool() + ".") || first.startsWith(ArchiveName.PATH_PREFIX))) {
            throw RecordText.corrupt(id, "says that its path is " + Fault.quote(text) + ", which is another's");
        }
        return path;
    }

    private static SortedMap<NodeId, Attachment> attachments(JsonNode json) {
        SortedMap<NodeId, Attachment> attachments = new TreeMap<>();
        json.properties()
                .forEach(entry -> attachments.put(
                        new NodeId(entry.getKey()),
                        new Attachment(
                                AccessMode.parse(RecordText.text(entry.getValue(), "mode")),
                                entry.getValue().path("readOnly").asBoolean())));
        return attachments;
    }

    private static Optional<Source> source(JsonNode json) {
        if (json.has("sourceVolume")) {
            String id = RecordText.text(json, "sourceVolume");
            return Optional.of(new Source.OfVolume(
                    VolumeId.parse(id).orElseThrow(() -> Fault.invalid("sourceVolume", id, "no volume's id"))));
        }
        if (json.has("sourceSnapshot")) {
            String id = RecordText.text(json, "sourceSnapshot");
            return Optional.of(new Source.OfSnapshot(
                    SnapshotId.parse(id).orElseThrow(() -> Fault.invalid("sourceSnapshot", id, "no snapshot's id"))));
        }
        return Optional.empty();
    }
}
