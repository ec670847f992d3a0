/**
 * How a volume's bytes are held. {@link io.berth.format.VolumeFormat} is the port; every format passes its contract
 * suite. {@link io.berth.format.DirectoryFormat} is a plain folder, which {@link io.berth.format.DirectoryLimits} hold to
 * its capacity where the file system has quotas.
 */
@NullMarked
package io.berth.format;

import org.jspecify.annotations.NullMarked;
