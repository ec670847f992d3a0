/** The driver's parts on disks that lose power, with system calls that fail, and with records that are damaged. */
@NullMarked
package io.berth.faults;

import org.jspecify.annotations.NullMarked;
