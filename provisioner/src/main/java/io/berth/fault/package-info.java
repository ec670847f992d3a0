/**
 * The one error type of Berth. Begin with {@link io.berth.fault.Fault}: its kinds are what a door maps to gRPC codes or
 * Docker's Err, in one place.
 */
@NullMarked
package io.berth.fault;

import org.jspecify.annotations.NullMarked;
