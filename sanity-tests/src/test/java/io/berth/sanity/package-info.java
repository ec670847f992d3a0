/**
 * Tests of the built distribution from outside: by its sockets, its command line and its files on disk.
 * {@link io.berth.sanity.Driver} runs it, {@link io.berth.sanity.Client} calls it; begin with
 * {@link io.berth.sanity.LifeTest}.
 */
@NullMarked
package io.berth.sanity;

import org.jspecify.annotations.NullMarked;
