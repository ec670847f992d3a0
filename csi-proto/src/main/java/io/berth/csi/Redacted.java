package io.berth.csi;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.berth.csi.v1.Csi;
import io.berth.fault.Fault;
import java.util.List;
import java.util.Map;

/** Requests as text that may be logged: what the contract marks as {@code csi_secret} is left out, wherever it is. */
final class Redacted {
    private static final int MAX_LENGTH = 4096;
    private static final String STRIPPED = "***stripped***";

    private Redacted() {}

    /** The message on one line, at most 4096 characters. */
    static String text(Message message) {
        StringBuilder out = new StringBuilder();
        append(out, message);
        return out.length() <= MAX_LENGTH ? out.toString() : out.substring(0, MAX_LENGTH) + "…";
    }

    private static void append(StringBuilder out, Message message) {
        out.append('{');
        for (Map.Entry<FieldDescriptor, Object> field : message.getAllFields().entrySet()) {
            if (out.length() > MAX_LENGTH) {
                return;
            }
            out.append(field.getKey().getName()).append(": ");
            if (field.getKey().getOptions().getExtension(Csi.csiSecret)) {
                out.append(STRIPPED);
            } else {
                appendValue(out, field.getValue());
            }
            out.append(' ');
        }
        out.append('}');
    }

    private static void appendValue(StringBuilder out, Object value) {
        switch (value) {
            case Message nested -> append(out, nested);
            case List<?> list -> list.forEach(element -> appendValue(out, element));
            case String text -> out.append(Fault.quote(text));
            default -> out.append(value);
        }
    }
}
