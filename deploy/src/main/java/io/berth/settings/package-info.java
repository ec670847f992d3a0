/**
 * The settings of a running driver: flags, {@code BERTH_} variables and a YAML file. Begin with
 * {@link io.berth.settings.Settings}, where every setting is defined once; {@link io.berth.settings.Setting} says what a
 * definition holds.
 */
@NullMarked
package io.berth.settings;

import org.jspecify.annotations.NullMarked;
