/**
 * Tests of the Helm chart, the image and the examples, in a Kubernetes of real binaries. All are tagged
 * {@code kubernetes} or {@code kubernetes-nfs}: {@code sanity-tests/run} with that word builds what they need and runs
 * them. Begin with {@link io.berth.kubernetes.ChartTest}.
 */
@NullMarked
package io.berth.kubernetes;

import org.jspecify.annotations.NullMarked;
