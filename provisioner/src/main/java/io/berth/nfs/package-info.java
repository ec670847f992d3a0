/**
 * NFS: what an export is called, by which options it may be mounted, and mounting it without a program. Begin with
 * {@link io.berth.nfs.NfsMount}: all that is done on a mounted export goes through its
 * {@link io.berth.linux.Bulkhead}, so that a server that does not answer holds nobody up.
 */
@NullMarked
package io.berth.nfs;

import org.jspecify.annotations.NullMarked;
