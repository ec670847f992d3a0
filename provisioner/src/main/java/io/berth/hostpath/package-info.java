/**
 * Paths of the host that a PersistentVolume or a pod names itself: which are allowed, and what has to be there. Nothing
 * that is reached this way is ever deleted. Begin with {@link io.berth.hostpath.HostPaths}.
 */
@NullMarked
package io.berth.hostpath;

import org.jspecify.annotations.NullMarked;
