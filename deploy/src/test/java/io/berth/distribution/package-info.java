/** The distribution as the build made it, from outside. Runs after it is built, in the phase integration-test. */
@NullMarked
package io.berth.distribution;

import org.jspecify.annotations.NullMarked;
