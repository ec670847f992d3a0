package io.berth.socket;

import java.time.Duration;

/**
 * A call that a door has answered, for whoever counts calls. Each part but the time is one of few texts, whatever callers
 * send.
 *
 * @param service the door's own name of what was called, such as {@code csi.v1.Node}
 * @param method its method
 * @param code OK, or the kind of the error in the door's words
 * @param took from the request's arrival to the answer
 */
public record EndedCall(String service, String method, String code, Duration took) {}
