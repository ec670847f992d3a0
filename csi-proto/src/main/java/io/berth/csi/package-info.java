/** How CSI is served. */
@NullMarked
package io.berth.csi;

import org.jspecify.annotations.NullMarked;
