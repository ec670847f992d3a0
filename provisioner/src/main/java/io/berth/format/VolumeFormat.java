package io.berth.format;

import io.berth.linux.PathHandle;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.volume.Volume;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * How the volumes of one pool are held that have one format. Callers hold the volume's lock and have its record on disk,
 * so a call that a crash cut short is repeated, or undone by {@link #undo}.
 *
 * <p>A volume's place in the pool is {@link Volume#path()}, reached without following a symbolic link. Implementations are
 * thread-safe for different volumes.
 */
public interface VolumeFormat {
    /**
     * Makes the empty data of a new volume, durable when it returns.
     *
     * @return false when something is at its path already, which is left as it is
     */
    boolean create(Volume volume);

    /** Removes what a {@link #create} that was cut short left. Anything that may be somebody's data stays. */
    void undo(Volume volume);

    /** Makes room for {@code bytes} in all; never shrinks; does nothing when there is room already. */
    void expand(Volume volume, long bytes);

    /** Whether {@link #grow} has to be called where the volume is mounted before its user sees more room. */
    boolean growsOnNode();

    /**
     * Lets a mounted volume use the room it was given; does nothing when it does already.
     *
     * @throws io.berth.fault.Fault FAILED_PRECONDITION when it is not mounted
     */
    void grow(Volume volume);

    /**
     * Mounts the volume on a folder, or its device on a file when its user gets raw blocks; the mount appears with its
     * options at once. It may be mounted in several places.
     *
     * @throws io.berth.fault.Fault NOT_FOUND when the data is gone
     */
    void mount(Volume volume, Path target, Set<MountOption> options);

    /** The mounts on this node that show this volume, whoever made them; its own place in the pool is not one. */
    List<MountPoint> mounts(Volume volume, MountTable table);

    /** Whether this is the volume's root, or its device. */
    boolean isAt(Volume volume, PathHandle at);

    /** Gives back what this node holds for the volume when nothing mounts it any more; does nothing when something does. */
    void release(Volume volume);

    /** Puts right what a process that was killed left of the volume on this node. */
    void settle(Volume volume);

    /**
     * How full the volume is; system calls only, never a walk.
     *
     * @param at what {@link #isAt} knows
     */
    Usage usage(Volume volume, PathHandle at);
}
