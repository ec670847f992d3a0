package io.berth.logging;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.encoder.EncoderBase;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.CharacterEscapes;
import com.fasterxml.jackson.core.io.SerializedString;
import io.berth.fault.Fault;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.KeyValuePair;

/**
 * An event as a line with one JSON object: time, level, request, logger, message, the event's own keys under
 * {@code fields}, exception.
 */
final class JsonEncoder extends EncoderBase<ILoggingEvent> {
    private static final JsonFactory JSON = new JsonFactory().setCharacterEscapes(new Hidden());

    /** People read these lines too, so what {@link Fault#oneLine} escapes is escaped here, though JSON may hold it. */
    private static final class Hidden extends CharacterEscapes {
        private static final long serialVersionUID = 1L;
        private static final char DELETE = 0x7f;

        @Override
        public int[] getEscapeCodesForAscii() {
            int[] codes = standardAsciiEscapesForJSON();
            codes[DELETE] = ESCAPE_STANDARD;
            return codes;
        }

        @Override
        public @Nullable SerializableString getEscapeSequence(int character) {
            String text = Character.toString(character);
            String shown = Fault.oneLine(text);
            return shown.equals(text) ? null : new SerializedString(shown);
        }
    }

    @Override
    public byte[] encode(ILoggingEvent event) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(512);
        try (JsonGenerator json = JSON.createGenerator(out)) {
            json.writeStartObject();
            json.writeStringField("time", EventText.time(event));
            json.writeStringField("level", event.getLevel().toString());
            write(json, "request", EventText.request(event));
            json.writeStringField("logger", EventText.logger(event));
            json.writeStringField("message", EventText.message(event));
            List<KeyValuePair> pairs = event.getKeyValuePairs();
            if (pairs != null && !pairs.isEmpty()) {
                json.writeObjectFieldStart("fields");
                for (KeyValuePair pair : pairs) {
                    write(json, pair.key, pair.value);
                }
                json.writeEndObject();
            }
            write(json, "exception", EventText.exception(event));
            json.writeEndObject();
            json.writeRaw('\n');
        } catch (IOException e) {
            throw new UncheckedIOException("JSON that is written to memory", e);
        }
        return out.toByteArray();
    }

    private static void write(JsonGenerator json, String key, Optional<String> text) throws IOException {
        if (text.isPresent()) {
            json.writeStringField(key, text.get());
        }
    }

    private static void write(JsonGenerator json, String key, @Nullable Object value) throws IOException {
        switch (value == null ? "null" : value) {
            case Integer number -> json.writeNumberField(key, number);
            case Long number -> json.writeNumberField(key, number);
            case Boolean flag -> json.writeBooleanField(key, flag);
            default -> json.writeStringField(key, EventText.value(value));
        }
    }

    @Override
    public byte @Nullable [] headerBytes() {
        return null;
    }

    @Override
    public byte @Nullable [] footerBytes() {
        return null;
    }
}
