/**
 * What a volume is: its id, name, place in a pool and parameters, with the strict grammars that everything from outside
 * passes. Values only, nothing here touches a disk. Begin with {@link io.berth.volume.Volume}.
 */
@NullMarked
package io.berth.volume;

import org.jspecify.annotations.NullMarked;
