/**
 * What the distribution costs, measured from outside and printed as a table. Begin with
 * {@link io.berth.sanity.benchmark.Benchmarks}; {@code sanity-tests/run benchmark} runs it.
 */
@NullMarked
package io.berth.sanity.benchmark;

import org.jspecify.annotations.NullMarked;
