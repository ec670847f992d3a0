package io.berth.csi;

import io.berth.fault.Fault;
import java.util.regex.Pattern;

/** A driver's name, in domain notation, as the CSI specification has it (GetPluginInfo). */
public record DriverName(String text) {
    private static final Pattern GRAMMAR = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?");

    /**
     * Checks the name.
     *
     * @throws Fault INVALID_ARGUMENT when it is no driver name
     */
    public DriverName {
        if (!GRAMMAR.matcher(text).matches()) {
            throw Fault.invalid(
                    "driver-name",
                    text,
                    "1 to 63 letters, digits, - or ., beginning and ending with a letter or digit");
        }
    }

    @Override
    public String toString() {
        return text;
    }
}
