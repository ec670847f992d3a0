package io.berth.catalog;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.berth.fault.Fault;
import io.berth.volume.GroupSnapshotId;
import io.berth.volume.Snapshot;
import io.berth.volume.SnapshotId;
import io.berth.volume.VolumeId;
import java.time.Instant;
import java.util.Optional;

/** A snapshot's record. */
final class SnapshotRecord {
    private SnapshotRecord() {}

    static byte[] encode(Snapshot snapshot) {
        ObjectNode json = RecordText.begin(snapshot.id(), snapshot.requestedName())
                .put("source", snapshot.source().toString())
                .put("capacity", snapshot.capacityBytes())
                .put("used", snapshot.usedBytes())
                .put("created", snapshot.created().toString());
        snapshot.group().ifPresent(group -> json.put("group", group.toString()));
        FormatRecord.put(json, snapshot.format());
        RecordText.put(json, "parameters", snapshot.parameters());
        return RecordText.encode(snapshot.id(), json);
    }

    /**
     * Reads a record.
     *
     * @param id the id its file name gives
     * @param ready as the folder says that it lies in
     * @throws Fault CORRUPT with the reason when it cannot be trusted; see {@link RecordText#decode}
     */
    static Snapshot decode(SnapshotId id, byte[] bytes, boolean ready) {
        return RecordText.decode(id, bytes, json -> snapshot(id, json, ready));
    }

    private static Snapshot snapshot(SnapshotId id, JsonNode json, boolean ready) {
        String source = RecordText.text(json, "source");
        return new Snapshot(
                id,
                RecordText.text(json, "name"),
                VolumeId.parse(source).orElseThrow(() -> Fault.invalid("source", source, "the id of a volume")),
                FormatRecord.read(json),
                RecordText.number(json, "capacity"),
                RecordText.number(json, "used"),
                Instant.parse(RecordText.text(json, "created")),
                ready,
                json.has("group") ? Optional.of(group(RecordText.text(json, "group"))) : Optional.empty(),
                RecordText.strings(json, "parameters"));
    }

    private static GroupSnapshotId group(String text) {
        return GroupSnapshotId.parse(text)
                .orElseThrow(() -> Fault.invalid("group", text, "the id of a group snapshot"));
    }
}
