package io.berth.settings;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.berth.fault.Fault;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The YAML file with settings: one mapping from names to a value or, where a setting repeats, to a list of values. */
final class SettingsFile {
    private static final int MAX_BYTES = 256 * 1024;

    private SettingsFile() {}

    /**
     * Reads the file; whether its keys and values are allowed is for others to check.
     *
     * @throws Fault INVALID_ARGUMENT when it cannot be read, is longer than 256 KiB, or is no mapping of that kind
     */
    static Map<String, List<String>> read(Path file) {
        JsonNode root = parse(file);
        if (!root.isObject()) {
            throw wrong(file, "write one setting a line, such as node-id: n1");
        }
        Map<String, List<String>> values = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : root.properties()) {
            values.put(entry.getKey(), texts(file, entry.getKey(), entry.getValue()));
        }
        return values;
    }

    private static List<String> texts(Path file, String key, JsonNode node) {
        if (node.isValueNode() && !node.isNull()) {
            return List.of(node.asText());
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode item : node) {
            if (!node.isArray() || !item.isValueNode() || item.isNull()) {
                throw wrong(file, "the value of " + Fault.quote(key) + " is one text or number, or a list of them");
            }
            texts.add(item.asText());
        }
        if (!node.isArray()) {
            throw wrong(file, "the value of " + Fault.quote(key) + " is missing");
        }
        return texts;
    }

    private static JsonNode parse(Path file) {
        YAMLFactory yaml = YAMLFactory.builder()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .build();
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw wrong(file, "is longer than 256 KiB");
            }
            return new ObjectMapper(yaml)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .readTree(bytes);
        } catch (JacksonException e) {
            String where =
                    e.getLocation() == null ? "" : "line " + e.getLocation().getLineNr() + ": ";
            throw new Fault(
                    Fault.Kind.INVALID_ARGUMENT,
                    wrong(
                                    file,
                                    where
                                            + e.getOriginalMessage()
                                                    .lines()
                                                    .findFirst()
                                                    .orElse(""))
                            .getMessage(),
                    e);
        } catch (IOException e) {
            throw new Fault(
                    Fault.Kind.INVALID_ARGUMENT,
                    wrong(file, "cannot be read: " + Fault.reason(e)).getMessage(),
                    e);
        }
    }

    private static Fault wrong(Path file, String what) {
        return Fault.invalid("file", file.toString(), what);
    }
}
