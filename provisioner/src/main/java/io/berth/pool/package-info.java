/**
 * Pools: a folder of the node or of a cluster file system that holds volumes, what may still be promised in it, and the
 * trash. {@link io.berth.pool.PoolVolumes} is where every step of a volume's life is done, in the one order that survives
 * a crash, and {@link io.berth.pool.PoolSnapshots} where those of a snapshot's are; {@link io.berth.pool.Pools} holds all
 * pools that are configured.
 */
@NullMarked
package io.berth.pool;

import org.jspecify.annotations.NullMarked;
