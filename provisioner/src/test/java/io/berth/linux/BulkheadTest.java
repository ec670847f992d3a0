package io.berth.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class BulkheadTest {
    private static final Bulkhead.Patience SHORT =
            new Bulkhead.Patience(Duration.ofMillis(20), Duration.ofMillis(60), Duration.ofSeconds(30));

    private final AtomicBoolean lives = new AtomicBoolean(true);
    private final String storage = "server " + System.nanoTime();
    private final Bulkhead bulkhead = new Bulkhead(storage, SHORT, lives::get);
    private final CountDownLatch stuck = new CountDownLatch(1);
    private final AtomicInteger made = new AtomicInteger();

    /** One that gives no call up, however slow the machine is. */
    private Bulkhead patient() {
        return new Bulkhead(storage, Bulkhead.Patience.OF_NETWORK, lives::get);
    }

    private long hang() {
        try {
            stuck.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return made.incrementAndGet();
    }

    private void requireSilent() {
        assertThatThrownBy(() -> bulkhead.call(made::incrementAndGet))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.UNAVAILABLE))
                .hasMessageContaining(storage + " does not answer");
    }

    private boolean answers() {
        try {
            return bulkhead.call(() -> true);
        } catch (Fault e) {
            return false;
        }
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("a minute is up").isLessThan(deadline);
            LockSupport.parkNanos(Duration.ofMillis(1).toNanos());
        }
    }

    @Test
    void aCallIsMadeOnAThreadOfTheBulkheadAndItsAnswerComesBack() {
        assertThat(patient().call(() -> Thread.currentThread().getName())).isEqualTo(storage);
    }

    @Test
    void aCallMadeByACallStaysOnItsThread() {
        Bulkhead bulkhead = patient();
        long inner =
                bulkhead.call(() -> bulkhead.call(() -> Thread.currentThread().threadId()));
        assertThat(inner).isNotEqualTo(Thread.currentThread().threadId());
    }

    @Test
    void whatACallThrowsComesBack() {
        Bulkhead bulkhead = patient();
        assertThatThrownBy(() -> bulkhead.call(() -> {
                    throw new SystemCallException("mkdirat", "a", Errno.ENOSPC);
                }))
                .isInstanceOf(SystemCallException.class);
        assertThat(bulkhead.call(() -> 1)).as("it was an answer").isEqualTo(1);
    }

    @Test
    void aCallThatHangsIsGivenUpAndOthersAreRefusedAtOnceUntilItHasComeBack() {
        List<Long> late = new ArrayList<>();
        assertThatThrownBy(() -> bulkhead.call(this::hang, late::add)).hasMessageContaining("does not answer");
        requireSilent();
        assertThat(made).hasValue(0);
        stuck.countDown();
        await(() -> made.get() == 1);
        await(this::answers);
        assertThat(late).containsExactly(1L);
    }

    @Test
    void aCallThatMovesDataMayTakeLongWhileTheStorageLives() throws Exception {
        CompletableFuture<Long> transfer = CompletableFuture.supplyAsync(() -> bulkhead.transfer(this::hang));
        assertThatThrownBy(() -> transfer.get(200, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
        stuck.countDown();
        assertThat(transfer.get()).isEqualTo(1);
    }

    @Test
    void aCallThatMovesDataIsGivenUpWhenTheStorageIsDead() {
        lives.set(false);
        assertThatThrownBy(() -> bulkhead.transfer(this::hang)).hasMessageContaining("does not answer");
        stuck.countDown();
    }

    @Test
    void onlySoManyCallsHangAndTheOthersAreNeverMade() {
        List<CompletableFuture<Long>> calls = new ArrayList<>();
        for (int i = 0; i < 3 * Bulkhead.THREADS; i++) {
            calls.add(CompletableFuture.supplyAsync(() -> bulkhead.call(this::hang), run -> new Thread(run).start()));
        }
        calls.forEach(call -> assertThatThrownBy(call::join).hasMessageContaining("does not answer"));
        assertThat(threads()).isLessThanOrEqualTo(Bulkhead.THREADS);
        stuck.countDown();
        await(this::answers);
        assertThat(made).hasValueLessThanOrEqualTo(Bulkhead.THREADS);
    }

    private long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals(storage))
                .count();
    }

    @Test
    void whatIsToBeMadeInAnyCaseIsMadeThoughTheStorageIsSilent() {
        assertThatThrownBy(() -> bulkhead.call(this::hang)).hasMessageContaining("does not answer");
        AtomicInteger closed = new AtomicInteger();
        assertThat(bulkhead.nowOrLater(closed::incrementAndGet, 0)).isZero();
        await(() -> closed.get() == 1);
        stuck.countDown();
    }

    @Test
    void whatIsToBeMadeInAnyCaseIsMadeOnceThoughItWasGivenUp() {
        assertThat(bulkhead.nowOrLater(this::hang, 0L)).isZero();
        stuck.countDown();
        await(this::answers);
        assertThat(made).hasValue(1);
    }

    @Test
    void afterSilenceOneCallAloneTriesWhetherTheStorageAnswers() throws InterruptedException {
        assertThatThrownBy(() -> bulkhead.call(this::hang)).hasMessageContaining("does not answer");
        stuck.countDown();
        CountDownLatch trying = new CountDownLatch(1);
        CountDownLatch tried = new CountDownLatch(1);
        CompletableFuture<Void> trial = CompletableFuture.runAsync(() -> await(() -> tryWith(trying, tried)));
        trying.await();
        requireSilent();
        tried.countDown();
        trial.join();
        await(this::answers);
    }

    private boolean tryWith(CountDownLatch trying, CountDownLatch tried) {
        try {
            return bulkhead.transfer(() -> {
                trying.countDown();
                await(() -> tried.getCount() == 0);
                return true;
            });
        } catch (Fault e) {
            return false;
        }
    }

    @Test
    void closingItClosesItsFilesAlsoUnderACallThatHangs(@TempDir Path folder) throws Exception {
        Bulkhead patient = patient();
        Directory idle = Directory.open(folder, Optional.of(patient));
        Directory busy = Directory.open(folder, Optional.of(patient));
        CountDownLatch begun = new CountDownLatch(1);
        CompletableFuture<Long> call = CompletableFuture.supplyAsync(() -> busy.descriptor.call(fd -> {
            begun.countDown();
            return hang();
        }));
        begun.await();
        assertThat(openedAt(folder)).isEqualTo(2);
        patient.close();
        assertThat(openedAt(folder)).isZero();
        assertThatThrownBy(busy::status).hasMessageContaining("closed");
        busy.close();
        idle.close();
        stuck.countDown();
        assertThat(call.get()).isEqualTo(1);
    }

    /** How many descriptors of this process lead there. */
    private static long openedAt(Path folder) throws IOException {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors
                    .filter(descriptor -> {
                        try {
                            return Files.readSymbolicLink(descriptor).equals(folder);
                        } catch (IOException e) {
                            return false; // closed meanwhile
                        }
                    })
                    .count();
        }
    }

    @Test
    void aCallAfterAClosingThatHangsIsRefusedAtOnce(@TempDir Path folder) throws Exception {
        Bulkhead patient = patient();
        Directory busy = Directory.open(folder, Optional.of(patient));
        CountDownLatch begun = new CountDownLatch(1);
        Thread inTheWay = new Thread(() -> {
            synchronized (busy.descriptor) {
                begun.countDown();
                hang();
            }
        });
        inTheWay.start();
        begun.await();
        patient.close();
        assertThatThrownBy(() -> patient.call(made::incrementAndGet)).hasMessageContaining("does not answer");
        stuck.countDown();
        inTheWay.join();
    }
}
