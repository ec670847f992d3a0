package io.berth.csi;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.DescriptorProtos;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import io.berth.csi.v1.ControllerModifyVolumeRequest;
import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.CreateVolumeRequest.MutableParametersEntry;
import io.berth.csi.v1.Csi;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Holds the compiled contract against a table of what CSI 1.13 is on the wire: nothing missing, nothing more. */
class CsiContractTest {
    private static final String PACKAGE = "csi.v1.";

    @Test
    void theContractIsThatOfTheSpecification() throws Exception {
        List<String> facts = new ArrayList<>();
        Csi.getDescriptor().getMessageTypes().forEach(message -> addMessage(message, facts));
        Csi.getDescriptor().getEnumTypes().forEach(type -> addEnum(type, facts));
        Csi.getDescriptor().getServices().forEach(service -> addService(service, facts));
        assertThat(facts).containsExactlyInAnyOrderElementsOf(table());
    }

    @Test
    void theExtensionsHaveTheirNumbers() {
        assertThat(Csi.csiSecret.getNumber()).isEqualTo(1059);
        assertThat(List.of(
                        Csi.alphaField.getNumber(),
                        Csi.alphaEnum.getNumber(),
                        Csi.alphaEnumValue.getNumber(),
                        Csi.alphaMethod.getNumber(),
                        Csi.alphaMessage.getNumber(),
                        Csi.alphaService.getNumber()))
                .containsOnly(1060);
    }

    @Test
    void aListOfEntriesIsAMapOnTheWire() throws Exception {
        byte[] map = ControllerModifyVolumeRequest.newBuilder()
                .putMutableParameters("key", "value")
                .build()
                .toByteArray();
        map[0] = 8 << 3 | 2; // the number of the field, then that it has a length
        assertThat(CreateVolumeRequest.parseFrom(map))
                .isEqualTo(CreateVolumeRequest.newBuilder()
                        .addMutableParameters(MutableParametersEntry.newBuilder()
                                .setKey("key")
                                .setValue("value"))
                        .build());
    }

    private static List<String> table() throws Exception {
        try (InputStream in = Objects.requireNonNull(CsiContractTest.class.getResourceAsStream("csi-1.13.txt"))) {
            return new String(in.readAllBytes(), UTF_8)
                    .lines()
                    .filter(line -> !line.startsWith("#"))
                    .toList();
        }
    }

    private static void addMessage(Descriptor message, List<String> facts) {
        if (isMapEntry(message)) {
            return;
        }
        String name = name(message.getFullName());
        if (message.getFields().isEmpty()) {
            facts.add("message " + name);
        }
        message.getFields().forEach(field -> facts.add("field " + name + " " + field(field)));
        for (DescriptorProtos.DescriptorProto.ReservedRange range :
                message.toProto().getReservedRangeList()) {
            facts.add("reserved " + name + " " + range.getStart());
        }
        message.getNestedTypes().forEach(nested -> addMessage(nested, facts));
        message.getEnumTypes().forEach(type -> addEnum(type, facts));
    }

    /** An entry of a map, or of a list that is one on the wire and for Java's sake none in the file. */
    private static boolean isMapEntry(Descriptor message) {
        return message.getName().equals("MutableParametersEntry")
                || message.getOptions().getMapEntry();
    }

    private static String field(FieldDescriptor field) {
        return field.getNumber()
                + " " + type(field)
                + " " + field.getName()
                + (field.getOptions().getExtension(Csi.csiSecret) ? " secret" : "")
                + (field.getContainingOneof() == null ? "" : " oneof");
    }

    private static String type(FieldDescriptor field) {
        if (field.getType() == FieldDescriptor.Type.MESSAGE && isMapEntry(field.getMessageType())) {
            return "map";
        }
        String type = switch (field.getType()) {
            case MESSAGE -> name(field.getMessageType().getFullName());
            case ENUM -> name(field.getEnumType().getFullName());
            default -> field.getType().name().toLowerCase(Locale.ROOT);
        };
        return field.isRepeated() ? "repeated:" + type : type;
    }

    private static void addEnum(EnumDescriptor type, List<String> facts) {
        String name = name(type.getFullName());
        type.getValues().forEach(value -> facts.add("enum " + name + " " + value.getName() + " " + value.getNumber()));
        type.toProto().getReservedRangeList().forEach(range -> facts.add("reserved " + name + " " + range.getStart()));
    }

    private static void addService(ServiceDescriptor service, List<String> facts) {
        for (MethodDescriptor method : service.getMethods()) {
            assertThat(method.isClientStreaming()).isFalse();
            facts.add("method " + service.getName() + " " + method.getName() + " "
                    + name(method.getInputType().getFullName()) + " "
                    + (method.isServerStreaming() ? "stream:" : "")
                    + name(method.getOutputType().getFullName()));
        }
    }

    private static String name(String fullName) {
        return fullName.startsWith(PACKAGE) ? fullName.substring(PACKAGE.length()) : fullName;
    }
}
