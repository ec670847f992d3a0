package io.berth.docker;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.berth.fault.Fault;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;

/**
 * What Docker sends with a call: all calls of the VolumeDriver API have these members, or fewer.
 *
 * @param name empty when it is missing; Docker does send an empty one with Get
 * @param id of a mount; empty when it is missing
 * @param options empty when they are missing or null
 */
record ApiRequest(String name, String id, Map<String, String> options) {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    ApiRequest {
        options = Map.copyOf(options);
    }

    /**
     * Reads a request's body. Members of other names are left alone.
     *
     * @throws Fault INVALID_ARGUMENT when it is empty, as in Docker's second attempts, or is no such JSON
     */
    static ApiRequest parse(byte[] body) {
        if (body.length == 0) {
            throw malformed("is empty");
        }
        JsonNode json;
        try {
            json = JSON.readTree(body);
        } catch (JsonProcessingException e) {
            throw malformed("is not JSON: " + e.getOriginalMessage());
        } catch (IOException e) {
            throw malformed("is not JSON: " + e.getMessage());
        }
        if (!json.isObject()) {
            throw malformed("is no JSON object");
        }
        Map<String, String> options = new TreeMap<>();
        JsonNode given = json.path("Opts");
        if (!given.isObject() && !given.isNull() && !given.isMissingNode()) {
            throw malformed("has Opts that are no object");
        }
        given.properties()
                .forEach(option -> options.put(option.getKey(), text("option " + option.getKey(), option.getValue())));
        return new ApiRequest(text("Name", json.path("Name")), text("ID", json.path("ID")), options);
    }

    private static String text(String member, JsonNode value) {
        if (value.isMissingNode() || value.isNull()) {
            return "";
        }
        if (!value.isTextual()) {
            throw malformed("has a " + member + " that is no text");
        }
        return value.textValue();
    }

    private static Fault malformed(String what) {
        return new Fault(Fault.Kind.INVALID_ARGUMENT, "the request's body " + what);
    }
}
