/** A whole CSI driver put together: {@link io.berth.driver.CsiDriver} is the one place where its parts are made. */
@NullMarked
package io.berth.driver;

import org.jspecify.annotations.NullMarked;
