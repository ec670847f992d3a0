package io.berth.docker;

import java.time.Duration;

/**
 * How long each step of a call may take. Docker gives up Create and Mount after 120 s and the other calls after 60 s; the
 * steps of a call, added up, are less.
 */
final class Patience {
    static final Duration FOR_LOCK = Duration.ofSeconds(20);
    static final Duration FOR_FINDING = Duration.ofSeconds(5);
    static final Duration FOR_MAKING = Duration.ofSeconds(75);
    static final Duration FOR_TAKING_AWAY = Duration.ofSeconds(20);

    private Patience() {}
}
