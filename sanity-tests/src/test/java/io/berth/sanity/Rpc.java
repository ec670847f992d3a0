package io.berth.sanity;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import io.berth.csi.v1.CapacityRange;
import io.berth.csi.v1.ControllerGrpc;
import io.berth.csi.v1.GroupControllerGrpc;
import io.berth.csi.v1.IdentityGrpc;
import io.berth.csi.v1.NodeGrpc;
import io.berth.csi.v1.VolumeCapability.AccessMode.Mode;
import io.grpc.MethodDescriptor;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A call of CSI whose request is filled by the names of its fields, so that a test reaches every call that has a certain
 * field, those that come with a later version of CSI included.
 */
record Rpc(MethodDescriptor<?, ?> method, Descriptor request) {
    /** Every call of CSI that answers once. */
    static Stream<Rpc> all() {
        return Stream.of(
                        IdentityGrpc.getServiceDescriptor(),
                        ControllerGrpc.getServiceDescriptor(),
                        GroupControllerGrpc.getServiceDescriptor(),
                        NodeGrpc.getServiceDescriptor())
                .flatMap(service -> service.getMethods().stream())
                .filter(method -> method.getType() == MethodDescriptor.MethodType.UNARY)
                .map(method -> {
                    if (method.getSchemaDescriptor() instanceof ProtoMethodDescriptorSupplier supplier) {
                        return new Rpc(method, supplier.getMethodDescriptor().getInputType());
                    }
                    throw new AssertionError(method.getFullMethodName() + " has no descriptor");
                });
    }

    /** Every call whose request has a field. */
    static Stream<Rpc> with(String field) {
        return all().filter(rpc -> rpc.has(field));
    }

    boolean has(String field) {
        return request.findFieldByName(field) != null;
    }

    /**
     * Makes the call.
     *
     * @param fields values of the request's fields by their names; those it does not have are left out
     * @throws io.grpc.StatusRuntimeException when it fails
     */
    void call(Client client, Map<String, Object> fields) {
        client.call(method, message(fields));
    }

    /** What every call with a volume needs beside the volume and the paths. */
    static Map<String, Object> usual() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", "v");
        fields.put("volume_capability", Client.capability(Mode.SINGLE_NODE_WRITER));
        fields.put("volume_capabilities", List.of(Client.capability(Mode.SINGLE_NODE_WRITER)));
        fields.put(
                "capacity_range", CapacityRange.newBuilder().setRequiredBytes(1).build());
        fields.put("parameters", Map.of("pool", "fast"));
        return fields;
    }

    private Message message(Map<String, Object> fields) {
        DynamicMessage.Builder message = DynamicMessage.newBuilder(request);
        fields.forEach((name, value) -> {
            FieldDescriptor field = request.findFieldByName(name);
            if (field == null) {
                return;
            }
            switch (value) {
                case Map<?, ?> entries ->
                    entries.forEach((key, entry) -> message.addRepeatedField(field, entry(message, field, key, entry)));
                case List<?> elements -> elements.forEach(element -> message.addRepeatedField(field, element));
                default -> message.setField(field, value);
            }
        });
        return message.build();
    }

    private static Message entry(DynamicMessage.Builder message, FieldDescriptor field, Object key, Object value) {
        Message.Builder entry = message.newBuilderForField(field);
        Descriptor type = field.getMessageType();
        return entry.setField(type.findFieldByName("key"), key)
                .setField(type.findFieldByName("value"), value)
                .build();
    }

    @Override
    public String toString() {
        return String.valueOf(method.getBareMethodName());
    }
}
