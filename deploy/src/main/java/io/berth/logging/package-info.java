/**
 * How events are written: one line each, to stdout by a running driver and to stderr by other commands. Begin with
 * {@link io.berth.logging.Logging}. Code elsewhere logs through SLF4J alone.
 */
@NullMarked
package io.berth.logging;

import org.jspecify.annotations.NullMarked;
