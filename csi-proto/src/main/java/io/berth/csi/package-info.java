/**
 * How CSI is served: begin with {@link io.berth.csi.CsiServer}; {@link io.berth.csi.RegistrationServer} makes the driver
 * known to a kubelet.
 */
@NullMarked
package io.berth.csi;

import org.jspecify.annotations.NullMarked;
