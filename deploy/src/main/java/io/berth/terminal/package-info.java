/**
 * What commands print: a {@link io.berth.terminal.Table} for people, {@link io.berth.terminal.Json} for machines. Sizes
 * are written by {@link io.berth.volume.ByteSize}.
 */
@NullMarked
package io.berth.terminal;

import org.jspecify.annotations.NullMarked;
