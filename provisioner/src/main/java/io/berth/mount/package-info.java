/**
 * Mounting. {@link io.berth.mount.Mounts} mounts and unmounts, {@link io.berth.mount.MountTable} is the truth about what
 * is mounted.
 */
@NullMarked
package io.berth.mount;

import org.jspecify.annotations.NullMarked;
