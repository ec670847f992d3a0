package io.berth.csi;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor.JavaType;
import com.google.protobuf.Message;
import io.berth.csi.v1.Csi;
import io.berth.fault.Fault;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Holds every request to the size limits of the CSI specification: strings of 128 bytes, maps and lists of strings of
 * 4 KiB in all, paths of 4096 bytes; and to strings without control characters.
 */
final class RequestForm implements ServerInterceptor {
    private static final int MAX_STRING = 128;
    private static final int MAX_NODE_ID = 256;
    private static final int MAX_PATH = 4096;
    private static final int MAX_COLLECTION = 4096;

    @Override
    public <I, O> ServerCall.Listener<I> interceptCall(
            ServerCall<I, O> call, Metadata headers, ServerCallHandler<I, O> next) {
        return new SimpleForwardingServerCallListener<>(next.startCall(call, headers)) {
            private Optional<Fault> problem = Optional.empty();

            @Override
            public void onMessage(I message) {
                try {
                    check((Message) message);
                } catch (Fault e) {
                    problem = Optional.of(e); // thrown where the call is answered
                }
                super.onMessage(message);
            }

            @Override
            public void onHalfClose() {
                problem.ifPresent(fault -> {
                    throw fault;
                });
                super.onHalfClose();
            }
        };
    }

    /**
     * Checks a message and those in it.
     *
     * @throws Fault INVALID_ARGUMENT naming the field
     */
    static void check(Message message) {
        for (Map.Entry<FieldDescriptor, Object> entry : message.getAllFields().entrySet()) {
            FieldDescriptor field = entry.getKey();
            if (field.isRepeated()) {
                checkAll(field, (List<?>) entry.getValue());
            } else if (field.getJavaType() == JavaType.STRING) {
                checkString(field, (String) entry.getValue());
            } else if (entry.getValue() instanceof Message nested) {
                check(nested);
            }
        }
    }

    private static void checkAll(FieldDescriptor field, List<?> elements) {
        int bytes = 0;
        for (Object element : elements) {
            if (element instanceof String text) {
                bytes += bytes(text);
            } else if (element instanceof Message nested && isMap(field)) {
                bytes += nested.getAllFields().values().stream()
                        .mapToInt(value -> value instanceof String text ? bytes(text) : 0)
                        .sum();
            } else if (element instanceof Message nested) {
                check(nested);
            }
        }
        if (bytes > MAX_COLLECTION) {
            throw new Fault(
                    Fault.Kind.INVALID_ARGUMENT,
                    field.getName() + " has " + bytes + " bytes in all, at most " + MAX_COLLECTION + " are allowed");
        }
    }

    /** The contract holds the maps of mutable parameters as lists of entries; see csi.proto. */
    private static boolean isMap(FieldDescriptor field) {
        return field.isMapField() || field.getMessageType().getName().equals("MutableParametersEntry");
    }

    private static void checkString(FieldDescriptor field, String text) {
        boolean path = field.getName().endsWith("_path");
        int max = path ? MAX_PATH : field.getName().equals("node_id") ? MAX_NODE_ID : MAX_STRING;
        boolean secret = field.getOptions().getExtension(Csi.csiSecret);
        if (bytes(text) > max) {
            throw new Fault(
                    Fault.Kind.INVALID_ARGUMENT,
                    field.getName() + " has " + bytes(text) + " bytes, at most " + max + " are allowed");
        }
        if (!secret && text.chars().anyMatch(c -> path ? c == 0 : Character.isISOControl(c))) {
            throw Fault.invalid(field.getName(), text, "control characters are not allowed");
        }
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }
}
