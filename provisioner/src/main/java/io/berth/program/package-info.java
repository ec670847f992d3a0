/** The programs that Berth starts where no system call does the work: to make and to repair file systems. */
@NullMarked
package io.berth.program;

import org.jspecify.annotations.NullMarked;
