/**
 * How a volume's bytes are held. {@link io.berth.format.VolumeFormat} is the port; every format passes its contract
 * suite. {@link io.berth.format.DirectoryFormat} is a plain folder.
 */
@NullMarked
package io.berth.format;

import org.jspecify.annotations.NullMarked;
