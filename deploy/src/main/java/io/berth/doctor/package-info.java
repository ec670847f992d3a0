/** Whether this machine has what Berth needs. Begin with {@link io.berth.doctor.Doctor}. */
@NullMarked
package io.berth.doctor;

import org.jspecify.annotations.NullMarked;
