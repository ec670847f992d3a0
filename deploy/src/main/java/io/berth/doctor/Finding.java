package io.berth.doctor;

/**
 * What one look at the machine found.
 *
 * @param subject what was looked at
 * @param text what was found and, where it is not well, how to mend it
 */
public record Finding(String subject, State state, String text) {
    /** How it is. */
    public enum State {
        OK,
        /** Works, with a limit that may matter. */
        NOTE,
        /** Berth does not work before this is mended. */
        BROKEN
    }

    static Finding ok(String subject, String text) {
        return new Finding(subject, State.OK, text);
    }

    static Finding note(String subject, String text) {
        return new Finding(subject, State.NOTE, text);
    }

    static Finding broken(String subject, String text) {
        return new Finding(subject, State.BROKEN, text);
    }
}
