/**
 * The {@code berth} command, one class for each subcommand. Begin with {@link io.berth.command.Berth}.
 */
@NullMarked
package io.berth.command;

import org.jspecify.annotations.NullMarked;
