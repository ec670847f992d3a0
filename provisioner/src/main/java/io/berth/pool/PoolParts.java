package io.berth.pool;

import io.berth.format.Formats;
import io.berth.linux.Directory;

/** What the volumes, snapshots and groups of a pool share. */
record PoolParts(
        PoolFolder folder,
        Directory records,
        VolumeLocks locks,
        SourceClaims claims,
        Trash trash,
        Room room,
        Formats formats,
        Rungs rungs,
        CrashedCopies crashed)
        implements AutoCloseable {
    @Override
    public void close() {
        crashed.close();
        rungs.close();
        claims.close();
        locks.close();
        trash.close();
        records.close();
        folder.root().close();
    }
}
