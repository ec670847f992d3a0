/**
 * Pools: a folder of the node or of a cluster file system that holds volumes, what may still be promised in it, and the
 * trash. {@link io.berth.pool.Pool} is where every step of a volume's life is done, in the one order that survives a
 * crash; {@link io.berth.pool.Pools} holds all that are configured.
 */
@NullMarked
package io.berth.pool;

import org.jspecify.annotations.NullMarked;
