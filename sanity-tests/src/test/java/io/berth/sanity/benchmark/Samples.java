package io.berth.sanity.benchmark;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** How long something took, many times. */
final class Samples {
    private static final double NANOS_PER_MILLI = 1e6;

    private final List<Long> nanos = new ArrayList<>();

    /** Something that is measured. */
    interface Work {
        /** Does it for the how many-th time. */
        void run(int index) throws Exception;
    }

    /** Times the work, one after the other. */
    static Samples of(int count, Work work) throws Exception {
        Samples samples = new Samples();
        for (int i = 0; i < count; i++) {
            samples.add(time(work, i));
        }
        return samples;
    }

    /** Times the work, with so many threads at once. */
    static Samples of(int threads, int count, Work work) throws InterruptedException, ExecutionException {
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            List<Future<Long>> times = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                int index = i;
                times.add(pool.submit(() -> time(work, index)));
            }
            Samples samples = new Samples();
            for (Future<Long> time : times) {
                samples.add(time.get());
            }
            return samples;
        }
    }

    /** Times one run, in nanoseconds. */
    static long time(Work work, int index) throws Exception {
        long start = System.nanoTime();
        work.run(index);
        return System.nanoTime() - start;
    }

    void add(long duration) {
        nanos.add(duration);
    }

    /** All of them, in the order in which they were taken. */
    List<Long> nanos() {
        return Collections.unmodifiableList(nanos);
    }

    double medianMillis() {
        return millis(50);
    }

    private double millis(double percentile) {
        int rank = (int) Math.ceil(percentile / 100 * nanos.size());
        return nanos.stream().sorted().toList().get(rank - 1) / NANOS_PER_MILLI;
    }

    @Override
    public String toString() {
        return String.format("%.2f ms (p99 %.2f ms)", medianMillis(), millis(99));
    }
}
