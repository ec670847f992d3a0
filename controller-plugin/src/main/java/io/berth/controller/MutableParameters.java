package io.berth.controller;

import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.ValidateVolumeCapabilitiesRequest;
import io.berth.csi.v1.ValidateVolumeCapabilitiesResponse.Confirmed;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Mutable parameters as maps; csi.proto says why they are lists of entries there. As in a map, the last entry of a key counts. */
final class MutableParameters {
    private MutableParameters() {}

    static Map<String, String> of(CreateVolumeRequest request) {
        Map<String, String> parameters = new LinkedHashMap<>();
        request.getMutableParametersList().forEach(entry -> parameters.put(entry.getKey(), entry.getValue()));
        return parameters;
    }

    static Map<String, String> of(ValidateVolumeCapabilitiesRequest request) {
        Map<String, String> parameters = new LinkedHashMap<>();
        request.getMutableParametersList().forEach(entry -> parameters.put(entry.getKey(), entry.getValue()));
        return parameters;
    }

    static List<Confirmed.MutableParametersEntry> confirmed(Map<String, String> parameters) {
        return parameters.entrySet().stream()
                .map(entry -> Confirmed.MutableParametersEntry.newBuilder()
                        .setKey(entry.getKey())
                        .setValue(entry.getValue())
                        .build())
                .toList();
    }
}
