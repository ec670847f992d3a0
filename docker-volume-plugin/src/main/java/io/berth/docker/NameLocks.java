package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.service.KeyLocks;
import java.time.Duration;

/** One lock for each name that somebody works on. Thread-safe. */
final class NameLocks {
    private final Duration patience;
    private final KeyLocks<String> locks = new KeyLocks<>();

    /** Locks that are waited for no longer than this. */
    NameLocks(Duration patience) {
        this.patience = patience;
    }

    /**
     * Takes a name's lock. The name is checked before anything is done by it, for it becomes a path.
     *
     * @throws Fault INVALID_ARGUMENT when it is no name, BUSY when another call works on it for too long
     */
    KeyLocks.Held lock(String name) {
        VolumeNames.check(name);
        return locks.lock(name, patience)
                .orElseThrow(() -> new Fault(
                        Fault.Kind.BUSY,
                        "another call has been working on volume " + name + " for too long; try again"));
    }
}
