package io.berth.command;

import io.berth.fault.Fault;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the status of the process means; scripts rely on it. */
final class ExitCode {
    /** Done. */
    static final int OK = 0;
    /** Not done; the message says why. */
    static final int FAILED = 1;
    /** The command line, a setting or an argument is wrong; nothing was done. */
    static final int USAGE = 2;
    /** What the command names does not exist. */
    static final int NOT_FOUND = 3;

    /** For help texts. */
    static final Map<String, String> MEANINGS = meanings();

    private ExitCode() {}

    static int of(Fault fault) {
        return switch (fault.kind()) {
            case INVALID_ARGUMENT -> USAGE;
            case NOT_FOUND -> NOT_FOUND;
            default -> FAILED;
        };
    }

    private static Map<String, String> meanings() {
        Map<String, String> meanings = new LinkedHashMap<>();
        meanings.put("" + OK, "done");
        meanings.put("" + FAILED, "not done; the message says why");
        meanings.put("" + USAGE, "the command line or a setting is wrong; nothing was done");
        meanings.put("" + NOT_FOUND, "what the command names does not exist");
        return meanings;
    }
}
