/**
 * What a door calls: {@link io.berth.service.Volumes} makes, finds, lists, enlarges and deletes volumes,
 * {@link io.berth.service.NodeVolumes} mounts them on this node. A service decides and takes the volume's lock; the steps
 * themselves are those of {@link io.berth.pool.PoolVolumes} and {@link io.berth.pool.PoolSnapshots}.
 */
@NullMarked
package io.berth.service;

import org.jspecify.annotations.NullMarked;
