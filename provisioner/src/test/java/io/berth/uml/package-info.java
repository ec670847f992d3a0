/** Tests on another kernel than this machine's. Begin with {@link io.berth.uml.UserModeLinux}. */
@NullMarked
package io.berth.uml;

import org.jspecify.annotations.NullMarked;
