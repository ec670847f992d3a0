/**
 * Tests of the Helm chart, the image and the examples, in a Kubernetes of real binaries. All are tagged
 * {@code kubernetes}: {@code sanity-tests/run kubernetes} builds what they need and runs them. Begin with
 * {@link io.berth.kubernetes.ChartTest}.
 */
@NullMarked
package io.berth.kubernetes;

import org.jspecify.annotations.NullMarked;
