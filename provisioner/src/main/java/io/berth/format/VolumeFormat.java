package io.berth.format;

import io.berth.copy.Copied;
import io.berth.copy.Progress;
import io.berth.linux.Directory;
import io.berth.linux.FileSystemStatus;
import io.berth.linux.PathHandle;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.volume.HealthProblem;
import io.berth.volume.Usage;
import io.berth.volume.Volume;
import io.berth.volume.VolumeChange;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
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

    /**
     * Copies what a volume or snapshot of this format holds, by the highest rung of the ladder; durable when it returns.
     * When it throws, what it made so far is left for the caller to remove.
     *
     * @param parent where nobody looks for the copy
     * @throws io.berth.fault.Fault RESOURCE_EXHAUSTED when there is no room
     * @throws java.util.concurrent.CancellationException when it was cancelled
     */
    Copied copy(DataSource source, Directory parent, String name, Progress progress);

    /**
     * As {@link #create(Volume)}, but of a copy: it is made elsewhere in the pool, named as the volume's id, is given the
     * volume's ownership and limit, and is moved to the volume's place. What it made when it throws or finds the place
     * taken is left for the caller to remove.
     *
     * @param scratch where nobody looks for the copy
     * @return how it was copied; empty when something is at its path already, which is left as it is
     * @throws io.berth.fault.Fault RESOURCE_EXHAUSTED when there is no room
     * @throws java.util.concurrent.CancellationException when it was cancelled
     */
    Optional<Copied> create(Volume volume, DataSource source, Directory scratch, Progress progress);

    /** Removes what a {@link #create(Volume)} that was cut short left. Anything that may be somebody's data stays. */
    void undo(Volume volume);

    /** Makes room for {@code bytes} in all; never shrinks; does nothing when there is room already. */
    void expand(Volume volume, long bytes);

    /** Whether {@link #grow} has to be called where the volume is mounted before its user sees more room. */
    boolean growsOnNode();

    /**
     * Lets a volume that is mounted on this machine use the room it was given; does nothing when it does already.
     *
     * @return false when it is not mounted here
     */
    boolean grow(Volume volume);

    /**
     * Mounts the volume on a folder, or its device on a file when its user gets raw blocks; the mount appears with its
     * options at once. It may be mounted in several places.
     *
     * @throws io.berth.fault.Fault NOT_FOUND when the data is gone
     */
    void mount(Volume volume, Path target, Set<MountOption> options);

    /** The mounts on this node that show this volume, whoever made them; its own place in the pool is not one. */
    List<MountPoint> mounts(Volume volume, MountTable table);

    /** What a mount of the volume shows, in any mount namespace; empty when it is in use nowhere, or has no files. */
    Set<MountTable.Origin> origins(Volume volume, MountTable table);

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

    /**
     * Brings the data in line with the volume's record, in those parts that a change names; the others stay as they are.
     *
     * @throws io.berth.fault.Fault NOT_FOUND when the data is gone, FAILED_PRECONDITION when the pool cannot do it
     */
    void change(Volume volume, VolumeChange change);

    /**
     * What is wrong with the volume's data, its limit, or its mounts on this node; empty when it is well. System calls
     * only, never a walk.
     */
    List<HealthProblem> problems(Volume volume, MountTable table);

    /** How full a file system says it is. */
    static Usage usageOf(FileSystemStatus status) {
        return new Usage(
                status.totalBytes(),
                status.totalBytes() - status.freeBytes(),
                status.availableBytes(),
                status.totalInodes(),
                status.totalInodes() - status.freeInodes(),
                status.freeInodes());
    }
}
