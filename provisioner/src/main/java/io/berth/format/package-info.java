/**
 * How a volume's bytes are held. {@link io.berth.format.VolumeFormat} is the port; every format passes its contract
 * suite. {@link io.berth.format.DirectoryFormat} is a plain folder, which {@link io.berth.format.DirectoryLimits} hold to
 * its capacity where the file system has quotas; {@link io.berth.format.ImageFormat} is a file system in a file, and
 * {@link io.berth.format.BlockFormat} a file that its user sees as a block device.
 */
@NullMarked
package io.berth.format;

import org.jspecify.annotations.NullMarked;
