package io.berth.pool;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.LockFile;
import io.berth.volume.Id;
import java.util.HashMap;
import java.util.Map;

/**
 * Which volumes and snapshots are being copied from, by this process or another, and so must stay. Between processes it is a
 * byte of a file, locked by fcntl(2) along with others, which a killed process gives back. Callers hold the lock
 * ({@link VolumeLocks}) of what they claim or ask about, but need not until the claim ends. Thread-safe.
 */
final class SourceClaims implements AutoCloseable {
    private final LockFile file;
    private final Map<Id, Claim> claims = new HashMap<>();

    private record Claim(int holders, LockFile.Held lock) {}

    SourceClaims(Directory records) {
        file = LockFile.open(records, "sources");
    }

    /** A claim that holds until it is closed. */
    final class Held implements AutoCloseable {
        private final Id id;

        private Held(Id id) {
            this.id = id;
        }

        @Override
        public void close() {
            release(id);
        }
    }

    synchronized Held claim(Id id) {
        Claim there = claims.get(id);
        Claim more = there == null
                ? new Claim(1, file.tryLockShared(VolumeLocks.offset(id)).orElseThrow(() -> busy(id)))
                : new Claim(there.holders() + 1, there.lock());
        claims.put(id, more);
        return new Held(id);
    }

    private static Fault busy(Id id) {
        return new Fault(Fault.Kind.BUSY, id.described() + " is being deleted; try again");
    }

    private synchronized void release(Id id) {
        Claim claim = claims.get(id);
        if (claim != null && claim.holders() > 1) {
            claims.put(id, new Claim(claim.holders() - 1, claim.lock()));
        } else if (claim != null) {
            claims.remove(id);
            claim.lock().close();
        }
    }

    /**
     * Refuses to go on while a copy is made of this.
     *
     * @throws Fault BUSY when one is
     */
    synchronized void requireNone(Id id) {
        if (claims.containsKey(id) || isClaimedElsewhere(id)) {
            throw new Fault(
                    Fault.Kind.BUSY,
                    id.described() + " is being copied to a snapshot or another volume; try again when that is done");
        }
    }

    private boolean isClaimedElsewhere(Id id) {
        var lock = file.tryLock(VolumeLocks.offset(id));
        lock.ifPresent(LockFile.Held::close);
        return lock.isEmpty();
    }

    @Override
    public void close() {
        file.close();
    }
}
