package io.berth.pool;

import io.berth.copy.Copied;
import io.berth.copy.Rung;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.PathHandle;
import io.berth.volume.FormatName;
import io.berth.volume.PoolName;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * On which rung of the ladder the last copy in a pool was made, for people: the ladder itself is climbed anew each time.
 * A symbolic link for each format holds the word. Thread-safe.
 */
public final class Rungs implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Rungs.class);

    private final PoolName pool;
    private final Directory folder;
    private final Map<FormatName, Set<Rung>> logged = new EnumMap<>(FormatName.class);

    Rungs(PoolName pool, Directory records) {
        this.pool = pool;
        this.folder = PoolFolder.ofRecords(records, "rungs");
    }

    /** How volumes of this format were copied last; empty when none was yet. */
    public Optional<Rung> last(FormatName format) {
        return PathHandle.open(folder, format.toString()).flatMap(link -> {
            try (link) {
                String word = link.readlink();
                return Arrays.stream(Rung.values())
                        .filter(rung -> rung.toString().equals(word))
                        .findFirst();
            }
        });
    }

    /** Remembers how a copy was made, unless it had no data to tell by. When it cannot, the copy is none the worse. */
    synchronized void remember(FormatName format, Copied copied) {
        if (copied.bytes() == 0 && copied.rung() != Rung.SNAPSHOT) {
            return;
        }
        try {
            if (!last(format).equals(Optional.of(copied.rung()))) {
                folder.unlink(format.toString());
                folder.symlink(copied.rung().toString(), format.toString());
            }
        } catch (Fault e) {
            LOG.warn("pool {}: how copies of format {} are made is not noted: {}", pool, format, e.getMessage());
        }
        if (logged.computeIfAbsent(format, name -> EnumSet.noneOf(Rung.class)).add(copied.rung())) {
            LOG.info("pool {}: a copy of format {} was made by {}", pool, format, copied.rung());
        }
    }

    @Override
    public void close() {
        folder.close();
    }
}
