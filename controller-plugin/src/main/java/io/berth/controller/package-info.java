/**
 * The Controller service of CSI: it checks a request's form, translates it to {@link io.berth.service.Volumes} and the
 * answer back. No storage logic lives here.
 */
@NullMarked
package io.berth.controller;

import org.jspecify.annotations.NullMarked;
