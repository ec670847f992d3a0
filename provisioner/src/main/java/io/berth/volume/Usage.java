package io.berth.volume;

import java.util.Optional;

/**
 * How full a volume is, as the file system it lies in says. Bytes, and files (inodes), which are all 0 where the file system
 * does not count them.
 *
 * @param shared whether the total is that of the whole file system or export, of which others use a part too, for the
 *     volume has no limit of its own
 */
public record Usage(
        long totalBytes,
        long usedBytes,
        long availableBytes,
        long totalInodes,
        long usedInodes,
        long freeInodes,
        boolean shared) {
    /** From here on a volume is nearly full. */
    static final int NEARLY_FULL_PERCENT = 95;

    /** Of a volume that is a file system, or is held to a size. */
    public Usage(
            long totalBytes, long usedBytes, long availableBytes, long totalInodes, long usedInodes, long freeInodes) {
        this(totalBytes, usedBytes, availableBytes, totalInodes, usedInodes, freeInodes, false);
    }

    /** The same, of a volume that has no limit of its own. */
    public Usage asShared() {
        return new Usage(totalBytes, usedBytes, availableBytes, totalInodes, usedInodes, freeInodes, true);
    }

    /** That little room is left, if so. */
    public Optional<HealthProblem> nearlyFull() {
        if (isNearlyFull(usedBytes, availableBytes)) {
            return Optional.of(nearlyFull(availableBytes + " bytes are left of " + totalBytes));
        }
        return isNearlyFull(usedInodes, freeInodes)
                ? Optional.of(nearlyFull(freeInodes + " files are left of " + totalInodes))
                : Optional.empty();
    }

    /** Of what can be used: a file system's reserve for root is neither used nor available. */
    private static boolean isNearlyFull(long used, long available) {
        return used > 0 && (double) used * 100 >= ((double) used + available) * NEARLY_FULL_PERCENT;
    }

    private HealthProblem nearlyFull(String left) {
        return new HealthProblem(
                HealthProblem.Reason.NEARLY_FULL,
                shared ? left + ", which is all of the file system or export and not the volume's alone" : left);
    }
}
