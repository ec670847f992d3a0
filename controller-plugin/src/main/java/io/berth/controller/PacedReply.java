package io.berth.controller;

import io.berth.fault.Fault;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * A stream of answers that goes no faster than the caller reads: what it has not read yet is bounded. Made and used by the
 * call's own thread, before the handler returns.
 */
final class PacedReply<T> {
    /** A caller that reads nothing for so long has no need of the call's thread. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** However the wait ends, it is looked why. */
    private static final Duration LOOK = Duration.ofMillis(100);

    private final ServerCallStreamObserver<T> observer;
    private final Semaphore events = new Semaphore(0);

    PacedReply(StreamObserver<T> observer) {
        this.observer = (ServerCallStreamObserver<T>) observer;
        this.observer.setOnReadyHandler(events::release);
        this.observer.setOnCancelHandler(events::release);
    }

    /** Whether the caller is still there. */
    boolean isWanted() {
        return !observer.isCancelled();
    }

    /**
     * Sends an answer when the caller is ready for it; does nothing when it hung up.
     *
     * @throws Fault UNAVAILABLE when it read nothing for a minute
     */
    void send(T answer) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (isWanted() && !observer.isReady()) {
            if (System.nanoTime() >= deadline) {
                throw new Fault(
                        Fault.Kind.UNAVAILABLE,
                        "nothing was read for " + PATIENCE.toSeconds()
                                + " s; call again with the starting_offset after what was received");
            }
            await();
        }
        if (isWanted()) {
            observer.onNext(answer);
        }
    }

    private void await() {
        try {
            if (events.tryAcquire(LOOK.toMillis(), TimeUnit.MILLISECONDS)) {
                events.drainPermits();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Fault(Fault.Kind.UNAVAILABLE, "this process is stopping; call again", e);
        }
    }

    /** Ends the stream, all answers sent; does nothing when the caller hung up. */
    void end() {
        if (isWanted()) {
            observer.onCompleted();
        }
    }
}
