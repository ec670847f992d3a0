/**
 * How a volume's bytes are held. {@link io.berth.format.VolumeFormat} is the port; every format passes its contract
 * suite. {@link io.berth.format.DirectoryFormat} is a plain folder, {@link io.berth.format.ImageFormat} a file
 * system in a file, {@link io.berth.format.BlockFormat} a file that its user sees as a block device.
 */
@NullMarked
package io.berth.format;

import org.jspecify.annotations.NullMarked;
