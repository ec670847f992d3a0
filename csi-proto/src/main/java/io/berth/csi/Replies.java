package io.berth.csi;

import io.grpc.stub.StreamObserver;

/** Answers of unary calls. */
public final class Replies {
    private Replies() {}

    /** Answers a call and ends it. */
    public static <T> void reply(StreamObserver<T> observer, T answer) {
        observer.onNext(answer);
        observer.onCompleted();
    }
}
