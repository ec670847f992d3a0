package io.berth.volume;

import io.berth.fault.Fault;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.regex.Pattern;

/** What every {@link Id} looks like. */
final class IdGrammar {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]*");
    private static final String HASHED = "sha256-";
    private static final Pattern HASHED_NAME = Pattern.compile(HASHED + "[0-9a-f]{40}");

    private IdGrammar() {}

    static void check(String field, PoolName pool, String name) {
        if (!fits(pool, name)) {
            throw Fault.invalid(
                    field,
                    pool + "." + name,
                    "an id is <pool>.<name>, the name letters, digits, _ . or -, beginning with a letter or digit, "
                            + Id.MAX_BYTES + " bytes in all");
        }
    }

    private static boolean fits(PoolName pool, String name) {
        return NAME.matcher(name).matches() && pool.text().length() + 1 + name.length() <= Id.MAX_BYTES;
    }

    static <T extends Id> Optional<T> parse(String text, BiFunction<PoolName, String, T> maker) {
        int dot = text.indexOf('.');
        if (dot < 0 || text.length() > Id.MAX_BYTES) {
            return Optional.empty();
        }
        String name = text.substring(dot + 1);
        return NAME.matcher(name).matches()
                ? PoolName.parse(text.substring(0, dot)).map(pool -> maker.apply(pool, name))
                : Optional.empty();
    }

    /**
     * The name in the id of what was asked for by this name. One outside the grammar (128 bytes of any Unicode but control
     * characters are legal in CSI) or too long for an id becomes a hash of itself.
     *
     * @throws Fault INVALID_ARGUMENT for an empty name, one of over 128 bytes, or one with control characters
     */
    static String name(PoolName pool, String requestedName) {
        int bytes = requestedName.getBytes(StandardCharsets.UTF_8).length;
        if (bytes == 0 || bytes > Id.MAX_BYTES || requestedName.chars().anyMatch(Character::isISOControl)) {
            throw Fault.invalid(
                    "name", requestedName, "a name has 1 to " + Id.MAX_BYTES + " bytes and no control characters");
        }
        return fits(pool, requestedName) && !HASHED_NAME.matcher(requestedName).matches()
                ? requestedName
                : HASHED + hash(requestedName);
    }

    /** 40 digits that another text has about never. */
    static String hash(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 20);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
