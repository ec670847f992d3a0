/**
 * A pool's records on disk, in the folder {@code .berth} of its root. Begin with {@link io.berth.catalog.Catalog}.
 *
 * <p>The folder a record lies in is its state, so a state changes by one atomic rename and an unfinished record is found
 * without reading the finished ones:
 *
 * <pre>
 * .berth/creating/ID.json   the intent to create: what it describes may be half there
 * .berth/volumes/ID.json    a volume
 * .berth/deleting/ID.json   the intent to delete: what it describes may be half gone
 * .berth/archived/ID@CREATED.json   a deleted volume whose data was kept
 * .berth/paths/A/B          a file that holds the id of the volume whose data lies in A/B
 * .berth/tmp/               records being rewritten
 * </pre>
 */
@NullMarked
package io.berth.catalog;

import org.jspecify.annotations.NullMarked;
