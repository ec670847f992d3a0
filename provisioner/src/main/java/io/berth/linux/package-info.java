/**
 * Linux system calls, one method per call and named after it. Begin with {@link io.berth.linux.Directory}: everything
 * below a pool is reached through an open directory, one name at a time and never through a symbolic link.
 *
 * <p>An error that a caller can expect is the method's result (false, or an empty Optional); every other is a
 * {@link io.berth.linux.SystemCallException}. A call that a signal interrupted is made again. The native library is
 * loaded by the first call, not before. Linux 5.12 or newer is needed.
 */
@NullMarked
package io.berth.linux;

import org.jspecify.annotations.NullMarked;
