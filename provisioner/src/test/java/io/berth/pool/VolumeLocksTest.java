package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import io.berth.linux.Bulkhead;
import io.berth.linux.Directory;
import io.berth.volume.PoolName;
import io.berth.volume.VolumeId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VolumeLocksTest {
    private static final VolumeId A = new VolumeId(new PoolName("fast"), "a");
    private static final VolumeId B = new VolumeId(new PoolName("fast"), "b");

    @TempDir
    Path folder;

    private Directory records;
    private VolumeLocks locks;

    @BeforeEach
    void open() {
        records = Directory.open(folder);
        locks = new VolumeLocks(new PoolName("fast"), records);
    }

    @AfterEach
    void close() {
        locks.close();
        records.close();
    }

    @Test
    void volumesDoNotWaitForEachOther() {
        try (VolumeLocks.Held a = locks.lock(A)) {
            assertThat(locks.tryLock(B)).isPresent();
            assertThat(locks.tryLock(A)).isEmpty();
        }
        assertThat(locks.tryLock(A)).isPresent();
    }

    @Test
    void whoWaitsTooLongIsToldWhoHoldsIt() {
        try (VolumeLocks.Held a = locks.lock(A)) {
            assertThatThrownBy(() -> locks.lock(A))
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.BUSY))
                    .hasMessageContaining(Thread.currentThread().getName())
                    .hasMessageContaining("fast.a");
        }
    }

    @Test
    void whatAnotherProcessHoldsIsBusyAndThenFree() {
        try (VolumeLocks other = new VolumeLocks(new PoolName("fast"), records)) {
            Optional<VolumeLocks.Held> held = other.tryLock(A);
            assertThat(held).isPresent();
            assertThat(locks.tryLock(A)).isEmpty();
            assertThatThrownBy(() -> locks.lock(A)).hasMessageContaining("another process");
            held.orElseThrow().close();
            locks.lock(A).close();
        }
    }

    @Test
    void workThatWasGivenUpKeepsTheLockUntilItIsOver() {
        AtomicBoolean lives = new AtomicBoolean();
        Bulkhead.Patience patience =
                new Bulkhead.Patience(Duration.ofMillis(20), Duration.ofMinutes(1), Duration.ofMinutes(1));
        Bulkhead bulkhead = new Bulkhead("the server", patience, lives::get);
        CountDownLatch stuck = new CountDownLatch(1);
        AtomicInteger made = new AtomicInteger();
        lives.set(true);
        try (Directory silent = Directory.open(folder, Optional.of(bulkhead));
                VolumeLocks ours = new VolumeLocks(new PoolName("fast"), silent)) {
            VolumeLocks.Held lock = ours.lock(A);
            lives.set(false);
            assertThatThrownBy(() -> lock.last(() -> {
                        await(stuck);
                        return made.incrementAndGet();
                    }))
                    .isInstanceOf(Fault.class)
                    .hasMessageContaining("the server does not answer");
            lock.close();
            assertThat(locks.tryLock(A)).as("for another process").isEmpty();
            assertThatThrownBy(() -> ours.lock(A)).hasMessageContaining("the server does not answer");
            lives.set(true);
            stuck.countDown();
            await(() -> locks.tryLock(A).isPresent());
            assertThat(made).hasValue(1);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("a minute is up").isLessThan(deadline);
            LockSupport.parkNanos(Duration.ofMillis(1).toNanos());
        }
    }

    @Test
    void aLockThatWasGivenBackIsNoLongerToWorkWith() {
        VolumeLocks.Held lock = locks.lock(A);
        lock.close();
        assertThatThrownBy(() -> lock.together(() -> 1)).isInstanceOf(IllegalStateException.class);
        assertThat(locks.tryLock(A)).isPresent();
    }

    @Test
    void theLastWorkGivesTheLockBack() {
        try (VolumeLocks.Held lock = locks.lock(A)) {
            assertThat(lock.together(() -> locks.tryLock(A))).isEmpty();
            assertThat(lock.<Integer>last(() -> 1)).isEqualTo(1);
            assertThat(locks.tryLock(A)).isPresent();
        }
    }

    @Test
    void oneAtATimeIsInside() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        CountDownLatch go = new CountDownLatch(1);
        Runnable enter = () -> {
            for (int i = 0; i < 500; i++) {
                try (VolumeLocks.Held held = locks.lock(A)) {
                    assertThat(inside.incrementAndGet()).isOne();
                    inside.decrementAndGet();
                }
            }
        };
        CompletableFuture<?>[] threads = new CompletableFuture<?>[8];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = CompletableFuture.runAsync(() -> {
                try {
                    go.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                enter.run();
            });
        }
        go.countDown();
        CompletableFuture.allOf(threads).get();
    }
}
