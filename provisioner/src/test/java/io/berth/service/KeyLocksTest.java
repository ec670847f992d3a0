package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class KeyLocksTest {
    private final KeyLocks<String> locks = new KeyLocks<>();

    private boolean isFreeForAnother(String key) {
        return CompletableFuture.supplyAsync(() -> {
                    Optional<KeyLocks.Held> held = locks.lock(key, Duration.ZERO);
                    held.ifPresent(KeyLocks.Held::close);
                    return held.isPresent();
                })
                .join();
    }

    @Test
    void aKeyIsOneThreadsAndHoldsUpNoOtherKey() {
        List<KeyLocks.Held> all = new ArrayList<>();
        for (int i = 0; i < 1000; i += 2) {
            all.add(locks.lock("k" + i, Duration.ZERO).orElseThrow());
        }
        for (int i = 0; i < 1000; i++) {
            assertThat(isFreeForAnother("k" + i)).as("k%s", i).isEqualTo(i % 2 == 1);
        }
        all.forEach(KeyLocks.Held::close);
        assertThat(isFreeForAnother("k0")).isTrue();
    }

    @Test
    void whoHoldsALockMayTakeItAgain() {
        try (KeyLocks.Held outer = locks.lock("k", Duration.ZERO).orElseThrow()) {
            locks.lock("k", Duration.ZERO).orElseThrow().close();
            assertThat(isFreeForAnother("k")).isFalse();
        }
        assertThat(isFreeForAnother("k")).isTrue();
    }
}
