package io.berth.nfs;

import io.berth.fault.Fault;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Locale;

/**
 * What a server exports, or a folder in that: {@code server:/path}, an IPv6 address in brackets.
 *
 * @param path absolute and normal; {@code /} is the root of all that an NFS 4 server exports
 */
public record Export(NfsServer server, Path path) {
    /** MNTPATHLEN of RFC 1813, which NFS 4 keeps to in practice. */
    private static final int LONGEST_PATH = 1024;

    private static final Path ROOT = Path.of("/");

    /**
     * Checks the path.
     *
     * @throws Fault INVALID_ARGUMENT when no export has such a path
     */
    public Export {
        String text = path.toString();
        if (!path.isAbsolute()
                || !path.equals(path.normalize())
                || text.chars().anyMatch(Character::isISOControl)
                || text.getBytes(StandardCharsets.UTF_8).length > LONGEST_PATH) {
            throw invalidPath(text);
        }
    }

    /**
     * Reads {@code server:/path}.
     *
     * @throws Fault INVALID_ARGUMENT saying which part is wrong
     */
    public static Export parse(String text) {
        int colon = text.startsWith("[") ? text.indexOf("]:") + 1 : text.indexOf(':');
        if (colon <= 0) {
            throw Fault.invalid(
                    "NFS export", text, "write SERVER:/PATH, an IPv6 address in brackets, such as [fd00::5]:/export");
        }
        String server = text.substring(0, colon);
        return of(
                server.startsWith("[") ? server.substring(1, server.length() - 1) : server, text.substring(colon + 1));
    }

    /**
     * Reads the two parts, each by itself.
     *
     * @throws Fault INVALID_ARGUMENT saying which part is wrong
     */
    public static Export of(String server, String path) {
        NfsServer checked = new NfsServer(server);
        try {
            Path parsed = Path.of(path);
            if (!parsed.toString().equals(path)) {
                throw invalidPath(path); // Path drops what is superfluous
            }
            return new Export(checked, parsed);
        } catch (InvalidPathException e) {
            throw invalidPath(path);
        }
    }

    /**
     * Reads the two parts as StorageClasses have them: the server in capital letters or with brackets, slashes after the
     * path.
     *
     * @throws Fault INVALID_ARGUMENT saying which part is wrong
     */
    public static Export ofClass(String server, String share) {
        String name = server.toLowerCase(Locale.ROOT);
        int end = share.length();
        while (end > 1 && share.charAt(end - 1) == '/') {
            end--;
        }
        return of(
                name.startsWith("[") && name.endsWith("]") ? name.substring(1, name.length() - 1) : name,
                share.substring(0, end));
    }

    private static Fault invalidPath(String path) {
        return Fault.invalid(
                "NFS export path",
                path,
                "an absolute path without ., .., empty parts and control characters, of at most " + LONGEST_PATH
                        + " bytes");
    }

    /** Whether this is the other or a folder in it. */
    public boolean isIn(Export other) {
        return server.isSame(other.server) && path.startsWith(other.path);
    }

    /** A folder in it. */
    public Export resolve(Path relative) {
        return new Export(server, path.resolve(relative));
    }

    boolean isRoot() {
        return path.equals(ROOT);
    }

    /** As mount(8) takes it and the mount table shows it. */
    @Override
    public String toString() {
        return server + ":" + path;
    }
}
