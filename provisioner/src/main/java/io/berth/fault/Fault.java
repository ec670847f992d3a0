package io.berth.fault;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Collection;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A call that cannot be done, and why; a failed system call is one too. The message is for the person who reads it: it names
 * the field or path, the value and what is allowed or what to do. It is one line, whatever the values in it hold: what would
 * break the line, or change the order in which it is read, is escaped. Doors map {@link #kind()} to their own codes and
 * never look at the message.
 */
public class Fault extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Why a call cannot be done; the words are those of the CSI specification where it has one. */
    public enum Kind {
        /** The caller's input is malformed or asks for what this driver never does. */
        INVALID_ARGUMENT,
        /** No such pool, volume or path. */
        NOT_FOUND,
        /** The name is taken by something that differs from what is asked. */
        ALREADY_EXISTS,
        /** Another call is working on the same volume; the same call may succeed a moment later. */
        BUSY,
        /** A page token that this driver never gave, or that is too old. */
        BAD_TOKEN,
        /** The state of the volume or of this machine does not allow it; the message says what to change. */
        FAILED_PRECONDITION,
        /** No room: capacity, quota, or a limit on calls. */
        RESOURCE_EXHAUSTED,
        /** A size that cannot be had. */
        OUT_OF_RANGE,
        /** Storage does not answer now; the same call may succeed later. */
        UNAVAILABLE,
        /** A record that cannot be trusted: edited, cut short, or of a newer format. */
        CORRUPT,
        /** A defect of Berth or an answer of the system that was not foreseen. */
        INTERNAL
    }

    private final Kind kind;
    private final String message;

    public Fault(Kind kind, String message) {
        this(kind, null, oneLine(message));
    }

    public Fault(Kind kind, String message, Throwable cause) {
        this(kind, cause, oneLine(message));
    }

    private Fault(Kind kind, @Nullable Throwable cause, String printable) {
        super(printable, cause);
        this.kind = kind;
        this.message = printable;
    }

    /** Several things that are wrong, a line for each. */
    public static Fault ofLines(Kind kind, Collection<String> lines) {
        return new Fault(kind, null, lines.stream().map(Fault::oneLine).collect(Collectors.joining("\n")));
    }

    /** An {@link Kind#INVALID_ARGUMENT} for one field: {@code field "value": rule}. Control characters are escaped. */
    public static Fault invalid(String field, String value, String rule) {
        return new Fault(Kind.INVALID_ARGUMENT, field + " " + quote(value) + ": " + rule);
    }

    public Kind kind() {
        return kind;
    }

    /** What the caller is told; never null, as others' messages may be. */
    @Override
    public String getMessage() {
        return message;
    }

    /** Why a file could not be read, made or removed, in the system's words and without the path. */
    public static String reason(IOException failure) {
        return switch (failure) {
            case NoSuchFileException e -> "there is no such file or folder";
            case FileAlreadyExistsException e -> "something of that name is there";
            case DirectoryNotEmptyException e -> "it is not empty";
            case NotDirectoryException e -> "it is no folder";
            case AccessDeniedException e -> "permission denied";
            case FileSystemException e -> Objects.requireNonNullElse(e.getReason(), "input/output error");
            default -> Objects.requireNonNullElse(failure.getMessage(), "input/output error");
        };
    }

    /** The text between quotes, safe to print on one line as {@link #oneLine} makes it, cut at 200 characters. */
    public static String quote(String text) {
        int end = Math.min(text.length(), 200);
        return "\"" + oneLine(text.substring(0, end)) + (end < text.length() ? "…\"" : "\"");
    }

    /** The text without what breaks a line or changes the order of letters: of these the code stands there instead. */
    public static String oneLine(String text) {
        int plain = 0;
        while (plain < text.length() && !isHidden(text.charAt(plain))) {
            plain++;
        }
        if (plain == text.length()) {
            return text;
        }
        StringBuilder out = new StringBuilder(text.length() + 16).append(text, 0, plain);
        for (int i = plain; i < text.length(); i++) {
            char c = text.charAt(i);
            if (isHidden(c)) {
                out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }

    /** Whether a character is a control, ends a line or a paragraph, or is one of Unicode's formats: bidi controls are. */
    private static boolean isHidden(char c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> true;
            default -> false;
        };
    }
}
