package io.berth.socket;

import io.berth.fault.Fault;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * Where a door is served: a Unix socket, written {@code unix:///path}, {@code unix:/path} or as the bare path.
 *
 * @param socket absolute
 */
public record Endpoint(Path socket) {
    /** What fits into {@code sun_path} with its NUL (unix(7)), in bytes. */
    private static final int MAX_BYTES = 107;

    private static final String RULE = "unix:///PATH, unix:/PATH or /PATH of a socket, without . and ..";
    private static final String SCHEME = "unix:";

    /**
     * Reads an endpoint.
     *
     * @throws Fault INVALID_ARGUMENT for another scheme, a relative path or one that is too long for a socket
     */
    public static Endpoint parse(String text) {
        String rest = text.startsWith(SCHEME) ? text.substring(SCHEME.length()) : text;
        String path = rest.startsWith("//") ? rest.substring(2) : rest;
        if (!path.startsWith("/") || path.endsWith("/")) {
            throw Fault.invalid("endpoint", text, RULE);
        }
        int bytes = path.getBytes(StandardCharsets.UTF_8).length;
        if (bytes > MAX_BYTES) {
            throw Fault.invalid(
                    "endpoint", text, "its path has " + bytes + " bytes, a Unix socket's at most " + MAX_BYTES);
        }
        try {
            Path socket = Path.of(path);
            if (!socket.equals(socket.normalize())) {
                throw Fault.invalid("endpoint", text, RULE);
            }
            return new Endpoint(socket);
        } catch (InvalidPathException e) {
            throw Fault.invalid("endpoint", text, String.valueOf(e.getReason()));
        }
    }

    @Override
    public String toString() {
        return "unix://" + socket;
    }
}
