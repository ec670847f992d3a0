package io.berth.volume;

import io.berth.fault.Fault;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A volume's id, {@code <pool>.<name>}, at most 128 bytes. It is a file name and a Docker volume name as it stands, and
 * the name a caller asked for decides it, so a repeated create finds its volume in one look.
 */
public record VolumeId(PoolName pool, String name) {
    /** The CSI specification's limit on names and ids, in bytes of UTF-8. */
    public static final int MAX_BYTES = 128;

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]*");
    private static final String HASHED = "sha256-";
    private static final Pattern HASHED_NAME = Pattern.compile(HASHED + "[0-9a-f]{40}");

    /**
     * Checks the name.
     *
     * @throws Fault INVALID_ARGUMENT when the name is outside the grammar or the id too long
     */
    public VolumeId {
        if (!NAME.matcher(name).matches() || pool.text().length() + 1 + name.length() > MAX_BYTES) {
            throw Fault.invalid(
                    "volume id",
                    pool + "." + name,
                    "an id is <pool>.<name>, the name letters, digits, _ . or -, beginning with a letter or digit, "
                            + MAX_BYTES + " bytes in all");
        }
    }

    /** The id in the text, or empty when no volume of Berth can have it. */
    public static Optional<VolumeId> parse(String text) {
        int dot = text.indexOf('.');
        if (dot < 0 || text.length() > MAX_BYTES) {
            return Optional.empty();
        }
        String name = text.substring(dot + 1);
        return NAME.matcher(name).matches()
                ? PoolName.parse(text.substring(0, dot)).map(pool -> new VolumeId(pool, name))
                : Optional.empty();
    }

    /**
     * The id of the volume that was asked for by this name. A name outside the grammar (128 bytes of any Unicode but
     * control characters are legal in CSI) or too long for an id becomes a hash of itself.
     *
     * @throws Fault INVALID_ARGUMENT for an empty name, one of over 128 bytes, or one with control characters
     */
    public static VolumeId of(PoolName pool, String requestedName) {
        int bytes = requestedName.getBytes(StandardCharsets.UTF_8).length;
        if (bytes == 0 || bytes > MAX_BYTES || requestedName.chars().anyMatch(Character::isISOControl)) {
            throw Fault.invalid(
                    "name", requestedName, "a name has 1 to " + MAX_BYTES + " bytes and no control characters");
        }
        boolean fits = NAME.matcher(requestedName).matches()
                && !HASHED_NAME.matcher(requestedName).matches()
                && pool.text().length() + 1 + bytes <= MAX_BYTES;
        return new VolumeId(pool, fits ? requestedName : HASHED + hash(requestedName));
    }

    private static String hash(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 20);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }

    @Override
    public String toString() {
        return pool + "." + name;
    }
}
