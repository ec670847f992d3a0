/** A volume's whole life to look at. Begin with {@link io.berth.demo.Demo}. */
@NullMarked
package io.berth.demo;

import org.jspecify.annotations.NullMarked;
