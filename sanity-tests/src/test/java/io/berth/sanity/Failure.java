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
            String description = e.getStatus().getDescription();
            return new Failure(e.getStatus().getCode(), description == null ? "" : description);
        }
        throw new AssertionError("the call succeeded");
    }
}
