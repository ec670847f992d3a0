package io.berth.catalog;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.berth.volume.FileSystemType;
import io.berth.volume.Format;
import io.berth.volume.FormatName;
import io.berth.volume.Limit;
import java.util.Optional;
import java.util.OptionalLong;

/** The format in the record of a volume or snapshot. */
final class FormatRecord {
    private FormatRecord() {}

    static void put(ObjectNode json, Format format) {
        json.put("format", format.name().toString());
        switch (format) {
            case Format.Directory directory -> {
                json.put("limit", directory.limit().toString());
                directory.inodes().ifPresent(inodes -> json.put("inodes", inodes));
            }
            case Format.Image image ->
                image.fileSystem().ifPresent(fileSystem -> json.put("fsType", fileSystem.toString()));
        }
    }

    static Format read(JsonNode json) {
        return switch (FormatName.parse("format", RecordText.text(json, "format"))) {
            case DIRECTORY ->
                new Format.Directory(
                        Limit.parse("limit", RecordText.text(json, "limit")),
                        json.has("inodes") ? OptionalLong.of(RecordText.number(json, "inodes")) : OptionalLong.empty());
            case IMAGE ->
                new Format.Image(
                        json.has("fsType")
                                ? Optional.of(FileSystemType.parse("fsType", RecordText.text(json, "fsType")))
                                : Optional.empty());
        };
    }
}
