package io.berth.logging;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.StackTraceElementProxy;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The parts of an event as texts, each of bounded length. */
final class EventText {
    private static final int MAX_MESSAGE = 8 * 1024;
    private static final int MAX_VALUE = 1024;
    private static final int MAX_CAUSES = 8;
    private static final int MAX_FRAMES = 32;
    private static final DateTimeFormatter MILLISECONDS =
            new DateTimeFormatterBuilder().appendInstant(3).toFormatter(Locale.ROOT);

    private EventText() {}

    static String time(ILoggingEvent event) {
        return MILLISECONDS.format(Instant.ofEpochMilli(event.getTimeStamp()));
    }

    /** The name of the logging class, without its package. */
    static String logger(ILoggingEvent event) {
        String name = event.getLoggerName();
        return name.substring(name.lastIndexOf('.') + 1);
    }

    /** The id of the request that is being served, if one is. */
    static Optional<String> request(ILoggingEvent event) {
        return Optional.ofNullable(event.getMDCPropertyMap().get("request")).map(EventText::value);
    }

    static String message(ILoggingEvent event) {
        String message = event.getFormattedMessage();
        return message == null ? "null" : cut(message, MAX_MESSAGE);
    }

    static String value(@Nullable Object value) {
        return cut(String.valueOf(value), MAX_VALUE);
    }

    /** What was thrown, its causes and where, a line each. */
    static Optional<String> exception(ILoggingEvent event) {
        IThrowableProxy thrown = event.getThrowableProxy();
        if (thrown == null) {
            return Optional.empty();
        }
        StringBuilder out = new StringBuilder();
        IThrowableProxy cause = thrown;
        for (int depth = 0; cause != null && depth < MAX_CAUSES; depth++) {
            out.append(depth == 0 ? "" : "\ncaused by ").append(cause.getClassName());
            out.append(": ").append(value(cause.getMessage()));
            StackTraceElementProxy[] frames = cause.getStackTraceElementProxyArray();
            int own = Math.min(frames.length - cause.getCommonFrames(), MAX_FRAMES);
            for (int i = 0; i < own; i++) {
                out.append('\n').append(frames[i].getSTEAsString());
            }
            cause = cause.getCause();
        }
        return Optional.of(cut(out.toString(), MAX_MESSAGE));
    }

    private static String cut(String text, int most) {
        if (text.length() <= most) {
            return text;
        }
        int end = Character.isHighSurrogate(text.charAt(most - 1)) ? most - 1 : most;
        return text.substring(0, end) + "…(" + (text.length() - end) + " more)";
    }
}
