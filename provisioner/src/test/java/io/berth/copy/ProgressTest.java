package io.berth.copy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ProgressTest {
    @Test
    void whoWatchesIsToldAboutOnceASecondHowFarACopyIs() {
        List<String> told = new ArrayList<>();
        Progress progress = new Progress(Long.MAX_VALUE, Long.MAX_VALUE, copy -> told.add(copy.toString()));
        long begun = System.nanoTime();
        progress.files.increment();
        progress.bytes.add(70);
        while (told.size() < 2) {
            progress.check();
            LockSupport.parkNanos(1_000_000);
        }
        assertThat(told).containsOnly("1 files, 70 bytes");
        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isGreaterThanOrEqualTo(Duration.ofSeconds(2));
    }

    @Test
    void aCopyEndsWhenItHasMoreFilesThanThereAreInodesFor() {
        Progress progress = new Progress(Long.MAX_VALUE, 2, copy -> {});
        progress.files.add(2);
        progress.check();
        progress.files.add(1);
        assertThatThrownBy(progress::check).isInstanceOf(Fault.class).hasMessageContaining("inodes for 2 files");
    }

    @Test
    void aCopyEndsWhenItIsCancelledOrLargerThanItMayBe() {
        Progress progress = new Progress(70, Long.MAX_VALUE, copy -> {});
        progress.bytes.add(70);
        progress.check();
        progress.bytes.add(1);
        assertThatThrownBy(progress::check)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.RESOURCE_EXHAUSTED));
        progress.cancel();
        assertThatThrownBy(progress::check).isInstanceOf(CancellationException.class);
    }
}
