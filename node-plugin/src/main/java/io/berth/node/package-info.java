/**
 * The Node service of CSI: it checks a request's form, translates it to {@link io.berth.service.NodeVolumes} and the
 * answer back. No storage logic lives here.
 */
@NullMarked
package io.berth.node;

import org.jspecify.annotations.NullMarked;
