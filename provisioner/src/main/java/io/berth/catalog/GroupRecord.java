package io.berth.catalog;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.berth.fault.Fault;
import io.berth.volume.GroupSnapshot;
import io.berth.volume.GroupSnapshotId;
import io.berth.volume.VolumeId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** A group snapshot's record. */
final class GroupRecord {
    private GroupRecord() {}

    static byte[] encode(GroupSnapshot group) {
        ObjectNode json = RecordText.begin(group.id(), group.requestedName())
                .put("created", group.created().toString());
        ArrayNode sources = json.putArray("sources");
        group.sources().forEach(source -> sources.add(source.toString()));
        RecordText.put(json, "parameters", group.parameters());
        return RecordText.encode(group.id(), json);
    }

    /**
     * Reads a record.
     *
     * @param id the id its file name gives
     * @throws Fault CORRUPT with the reason when it cannot be trusted; see {@link RecordText#decode}
     */
    static GroupSnapshot decode(GroupSnapshotId id, byte[] bytes) {
        return RecordText.decode(
                id,
                bytes,
                json -> new GroupSnapshot(
                        id,
                        RecordText.text(json, "name"),
                        sources(id, json.path("sources")),
                        Instant.parse(RecordText.text(json, "created")),
                        RecordText.strings(json, "parameters")));
    }

    private static List<VolumeId> sources(GroupSnapshotId id, JsonNode array) {
        List<VolumeId> sources = new ArrayList<>();
        for (JsonNode element : array) {
            sources.add(VolumeId.parse(element.asText())
                    .filter(source -> source.pool().equals(id.pool()))
                    .orElseThrow(() -> Fault.invalid("sources", element.asText(), "the id of a volume of the pool")));
        }
        return sources;
    }
}
