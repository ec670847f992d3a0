package io.berth.logging;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.encoder.EncoderBase;
import io.berth.fault.Fault;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.KeyValuePair;

/**
 * An event as a line for people: {@code time level [request] logger: message key=value | exception}. Control characters
 * are escaped, so that one event is one line and no text can pass for another event.
 */
final class TextEncoder extends EncoderBase<ILoggingEvent> {
    @Override
    public byte[] encode(ILoggingEvent event) {
        StringBuilder line = new StringBuilder(160);
        line.append(EventText.time(event)).append(' ');
        String level = event.getLevel().toString();
        line.append(level).append(" ".repeat(Math.max(1, 6 - level.length())));
        EventText.request(event).ifPresent(id -> escape(line.append('['), id).append("] "));
        line.append(EventText.logger(event)).append(": ");
        escape(line, EventText.message(event));
        List<KeyValuePair> pairs = event.getKeyValuePairs();
        if (pairs != null) {
            pairs.forEach(pair -> escape(line.append(' ').append(pair.key).append('='), EventText.value(pair.value)));
        }
        EventText.exception(event).ifPresent(exception -> escape(line.append(" | "), exception));
        return line.append('\n').toString().getBytes(StandardCharsets.UTF_8);
    }

    private static StringBuilder escape(StringBuilder line, String text) {
        return line.append(Fault.oneLine(text.replace("\n", "\\n")));
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
