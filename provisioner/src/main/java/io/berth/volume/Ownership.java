package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Who owns a new volume's root folder, and its mode.
 *
 * @param uid 0 to 4294967294
 * @param gid 0 to 4294967294
 * @param mode the permission bits, 0 to 07777
 */
public record Ownership(long uid, long gid, int mode) {
    /** As a fresh file system has it: {@code root:root 0755}. */
    public static final Ownership ROOT = new Ownership(0, 0, 0755);

    private static final long MAX_ID = 0xFFFF_FFFEL;
    private static final Pattern DECIMAL = Pattern.compile("[0-9]{1,10}");
    private static final Pattern OCTAL = Pattern.compile("0?[0-7]{3,4}");
    /** What a YAML file makes of a mode without quotes: 0770 is read as octal, and 504 is what arrives. */
    private static final Pattern UNQUOTED = Pattern.compile("[1-9][0-9]{2}");

    private static final int OWNERS_ALL = 0700;

    /**
     * Checks the numbers.
     *
     * @throws Fault INVALID_ARGUMENT when a number is out of range
     */
    public Ownership {
        inRange("uid", uid);
        inRange("gid", gid);
        if (mode < 0 || mode > 07777) {
            throw Fault.invalid("mode", Integer.toOctalString(mode), "permission bits are 0 to 7777, octal");
        }
    }

    /** This in the parts that parameters of these names gave, in the others the other. */
    public Ownership over(Ownership other, Set<String> named) {
        return new Ownership(
                named.contains(VolumeParameters.UID) ? uid : other.uid,
                named.contains(VolumeParameters.GID) ? gid : other.gid,
                named.contains(VolumeParameters.MODE) ? mode : other.mode);
    }

    /**
     * Reads a user or group id.
     *
     * @throws Fault INVALID_ARGUMENT naming the field when the text is no user or group id
     */
    public static long parseId(String field, String text) {
        if (!DECIMAL.matcher(text).matches()) {
            throw Fault.invalid(field, text, "a number from 0 to " + MAX_ID);
        }
        return inRange(field, Long.parseLong(text));
    }

    /**
     * Reads permission bits.
     *
     * @throws Fault INVALID_ARGUMENT naming the field when the text is not three or four octal digits, or rather what a YAML
     *     file makes of a mode that is not in quotes
     */
    public static int parseMode(String field, String text) {
        if (UNQUOTED.matcher(text).matches() && isMode(Integer.parseInt(text)) && !isMode(octal(text))) {
            throw Fault.invalid(
                    field,
                    text,
                    "it is the number that YAML makes of " + modeText(Integer.parseInt(text))
                            + " without quotes; write \"" + modeText(Integer.parseInt(text))
                            + "\" in quotes, or if it is meant so, 0" + text);
        }
        if (!OCTAL.matcher(text).matches()) {
            throw Fault.invalid(field, text, "three or four octal digits such as 0770");
        }
        return Integer.parseInt(text, 8);
    }

    /** Whether a person gives a folder this mode: its owner may do all, and nobody more than those before. */
    private static boolean isMode(int bits) {
        int group = bits >> 3 & 7;
        int others = bits & 7;
        return (bits & ~0777) == 0 && (bits & OWNERS_ALL) == OWNERS_ALL && (group | others) == group;
    }

    /** The digits as octal; 0 when they are not. */
    private static int octal(String digits) {
        return OCTAL.matcher(digits).matches() ? Integer.parseInt(digits, 8) : 0;
    }

    /** The mode as four octal digits. */
    public String modeText() {
        return modeText(mode);
    }

    private static String modeText(int bits) {
        return String.format(Locale.ROOT, "%04o", bits);
    }

    private static long inRange(String field, long id) {
        if (id < 0 || id > MAX_ID) {
            throw Fault.invalid(field, Long.toString(id), "a number from 0 to " + MAX_ID);
        }
        return id;
    }
}
