/**
 * Copies of directory trees, with as little copying as the file system needs. Begin with
 * {@link io.berth.copy.TreeCopy}; {@link io.berth.copy.Rung} is the ladder of ways it tries.
 *
 * <p>A {@link io.berth.copy.TreeWalk} hands out {@link io.berth.copy.Batch}es of files to the threads that copy them, and keeps the
 * directories on the way to it as {@link io.berth.copy.Level}s. No memory grows with the tree: {@link io.berth.copy.Trail} and
 * {@link io.berth.copy.HardLinks} say how.
 */
@NullMarked
package io.berth.copy;

import org.jspecify.annotations.NullMarked;
