package io.berth.format;

import io.berth.linux.Directory;
import io.berth.mount.MountOption;
import io.berth.volume.Volume;
import java.nio.file.Path;
import java.util.Set;

/**
 * How a volume's bytes are held in its pool. Callers hold the volume's lock and have its record on disk, so a call that a
 * crash cut short is repeated, or undone by {@link #undo}.
 *
 * <p>{@code root} is always the pool's root folder; a volume's place in it is {@link Volume#path()}, reached without
 * following a symbolic link. Implementations are thread-safe for different volumes.
 */
public interface VolumeFormat {
    /**
     * Makes the empty data of a new volume, durable when it returns.
     *
     * @return false when something is at its path already, which is left as it is
     */
    boolean create(Directory root, Volume volume);

    /** Removes what a {@link #create} that was cut short left. Anything that may be somebody's data stays. */
    void undo(Directory root, Volume volume);

    /** Makes room for {@code bytes} in all; never shrinks; does nothing when there is room already. */
    void expand(Directory root, Volume volume, long bytes);

    /**
     * Mounts the volume on a folder; the mount appears with its options at once.
     *
     * @throws io.berth.fault.Fault NOT_FOUND when the data is gone
     */
    void mount(Directory root, Volume volume, Path target, Set<MountOption> options);
}
