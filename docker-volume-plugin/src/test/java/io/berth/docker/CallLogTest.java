package io.berth.docker;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.fault.Fault;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CallLogTest {
    private static final Duration SLOW = Duration.ofMinutes(1);

    /** As dockerd asks for a volume before it creates it, whose "failed" in a journal would alarm people. */
    @Test
    void thatAVolumeIsAskedForAndNotThereIsUsual() {
        try (CallLog log = new CallLog(SLOW, Optional.empty())) {
            assertThat(isUsual(log, "VolumeDriver.Get", true, Optional.empty())).isTrue();
            assertThat(isUsual(log, "VolumeDriver.Get", true, Optional.of(Fault.Kind.NOT_FOUND)))
                    .isTrue();
            assertThat(isUsual(log, "VolumeDriver.Get", true, Optional.of(Fault.Kind.UNAVAILABLE)))
                    .isFalse();
            assertThat(isUsual(log, "VolumeDriver.Mount", false, Optional.of(Fault.Kind.NOT_FOUND)))
                    .isFalse();
            assertThat(isUsual(log, "VolumeDriver.Create", false, Optional.empty()))
                    .isFalse();
        }
    }

    private static boolean isUsual(CallLog log, String method, boolean quiet, Optional<Fault.Kind> failure) {
        try (CallLog.Entry entry = log.begin(method, "c1", quiet)) {
            failure.ifPresent(kind -> entry.failed(kind, "why"));
            return entry.isUsual();
        }
    }
}
