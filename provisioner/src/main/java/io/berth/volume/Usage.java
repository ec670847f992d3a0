package io.berth.volume;

import java.util.Optional;

/**
 * How full a volume is, as the file system it lies in says; for a directory without a limit of its own the total is the
 * whole pool's. Bytes, and files (inodes), which are all 0 where the file system does not count them.
 */
public record Usage(
        long totalBytes, long usedBytes, long availableBytes, long totalInodes, long usedInodes, long freeInodes) {
    /** From here on a volume is nearly full. */
    static final int NEARLY_FULL_PERCENT = 95;

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

    private static HealthProblem nearlyFull(String left) {
        return new HealthProblem(HealthProblem.Reason.NEARLY_FULL, left);
    }
}
