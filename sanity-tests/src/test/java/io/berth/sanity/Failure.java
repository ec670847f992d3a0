package io.berth.sanity;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;

/** How a call failed. */
record Failure(Status.Code code, String message) {
    /** Makes a call that must fail. */
    static Failure of(Runnable call) {
        try {
            call.run();
        } catch (StatusRuntimeException e) {
            return of(e);
        }
        throw new AssertionError("the call succeeded");
    }

    static Failure of(StatusRuntimeException e) {
        String description = e.getStatus().getDescription();
        return new Failure(e.getStatus().getCode(), description == null ? "" : description);
    }

    /** The text on one line, for the name of a test. */
    static String printable(String text) {
        return '"' + text.replaceAll("\\p{Cntrl}", "?") + '"';
    }
}
