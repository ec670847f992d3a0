/** A whole driver put together: {@link io.berth.driver.Driver} is the one place where its parts are made. */
@NullMarked
package io.berth.driver;

import org.jspecify.annotations.NullMarked;
