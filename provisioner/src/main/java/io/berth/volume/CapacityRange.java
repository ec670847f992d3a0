package io.berth.volume;

import io.berth.fault.Fault;
import java.util.OptionalLong;

/**
 * How large a volume must be and may be, in bytes, as CSI says it.
 *
 * @param requiredBytes 0: no lower bound
 * @param limitBytes 0: no upper bound
 */
public record CapacityRange(long requiredBytes, long limitBytes) {
    /** Any size will do. */
    public static final CapacityRange ANY = new CapacityRange(0, 0);

    /**
     * Checks the bounds.
     *
     * @throws Fault INVALID_ARGUMENT for a negative number, OUT_OF_RANGE when no size fits
     */
    public CapacityRange {
        if (requiredBytes < 0 || limitBytes < 0) {
            throw Fault.invalid(
                    "capacity_range",
                    requiredBytes + ".." + limitBytes,
                    "required_bytes and limit_bytes are 0 or more");
        }
        if (limitBytes > 0 && requiredBytes > limitBytes) {
            throw new Fault(
                    Fault.Kind.OUT_OF_RANGE,
                    "capacity_range: required_bytes " + requiredBytes + " is more than limit_bytes " + limitBytes);
        }
    }

    public static CapacityRange exactly(long bytes) {
        return new CapacityRange(bytes, bytes);
    }

    public static CapacityRange atLeast(long bytes) {
        return new CapacityRange(bytes, 0);
    }

    public boolean contains(long bytes) {
        return bytes >= requiredBytes && (limitBytes == 0 || bytes <= limitBytes);
    }

    /** Whether the caller names a largest size and no smallest. */
    public boolean isLimitAlone() {
        return requiredBytes == 0 && limitBytes > 0;
    }

    /** The size to give: what is required, else the limit, else empty: no size was asked for. */
    public OptionalLong wanted() {
        long bytes = requiredBytes > 0 ? requiredBytes : limitBytes;
        return bytes > 0 ? OptionalLong.of(bytes) : OptionalLong.empty();
    }
}
