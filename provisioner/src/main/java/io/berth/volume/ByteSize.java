package io.berth.volume;

import io.berth.fault.Fault;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Sizes in bytes as people write them. Kubernetes' {@code Ki Mi Gi Ti Pi} are powers of 1024 and {@code K M G T P} powers
 * of 1000; Docker's small letters {@code k m g t p} are powers of 1024. A {@code B} may follow.
 */
public final class ByteSize {
    private static final Pattern GRAMMAR =
            Pattern.compile("([0-9]{1,19}(?:\\.[0-9]{1,6})?)(?:([KMGTPkmgtp])(i)?)?([Bb])?");
    private static final String UNITS = "kmgtp";

    private ByteSize() {}

    /**
     * Reads a size.
     *
     * @throws Fault INVALID_ARGUMENT naming the field when the text is no size, or one of 8 EiB or more
     */
    public static long parse(String field, String text) {
        return parse(field, text, false);
    }

    /**
     * Reads a size as Docker does, for which {@code K M G T P} are powers of 1024 too.
     *
     * @throws Fault INVALID_ARGUMENT naming the field when the text is no size, or one of 8 EiB or more
     */
    public static long parseForDocker(String field, String text) {
        return parse(field, text, true);
    }

    private static long parse(String field, String text, boolean binary) {
        Matcher matcher = GRAMMAR.matcher(text);
        if (!matcher.matches()) {
            throw Fault.invalid(
                    field, text, "a size such as 1g, " + (binary ? "500m" : "1Gi, 500M") + " or 1073741824");
        }
        BigDecimal bytes =
                new BigDecimal(matcher.group(1)).multiply(unit(matcher.group(2), binary || matcher.group(3) != null));
        if (bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
            throw Fault.invalid(field, text, "a size is less than 8 EiB");
        }
        return bytes.setScale(0, RoundingMode.CEILING).longValueExact();
    }

    /** The size for people, such as {@code 1.5 GiB}; whole numbers without a fraction. */
    public static String format(long bytes) {
        if (bytes < 1024) {
            return bytes + " B";
        }
        int power = Math.min((63 - Long.numberOfLeadingZeros(bytes)) / 10, UNITS.length());
        double amount = bytes / Math.pow(1024, power);
        String number =
                amount == Math.rint(amount) ? Long.toString((long) amount) : String.format(Locale.ROOT, "%.1f", amount);
        return number + " " + Character.toUpperCase(UNITS.charAt(power - 1)) + "iB";
    }

    private static BigDecimal unit(@org.jspecify.annotations.Nullable String letter, boolean binary) {
        if (letter == null) {
            return BigDecimal.ONE;
        }
        int power = UNITS.indexOf(letter.toLowerCase(Locale.ROOT)) + 1;
        boolean decimal = Character.isUpperCase(letter.charAt(0)) && !binary;
        return BigDecimal.valueOf(decimal ? 1000 : 1024).pow(power);
    }
}
