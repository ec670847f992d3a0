/** What a service tells systemd; see {@link io.berth.systemd.ServiceNotifier}. */
@NullMarked
package io.berth.systemd;

import org.jspecify.annotations.NullMarked;
