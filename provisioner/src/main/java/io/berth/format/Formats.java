package io.berth.format;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.volume.Format;
import io.berth.volume.FormatName;
import io.berth.volume.Limit;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.function.BiConsumer;

/** The formats of one pool, and which of them a new volume gets. Thread-safe. */
public final class Formats {
    private static final UUID NO_POOL = new UUID(0, 0);

    private final DirectoryLimits limits;
    private final DirectoryFormat directory;

    /**
     * Of the pool with this root.
     *
     * @param realRoot its path without symbolic links
     * @param pool what tells the pool from every other
     */
    public Formats(Directory root, Path realRoot, UUID pool) {
        this.limits = DirectoryLimits.of(root, pool);
        this.directory = new DirectoryFormat(root, realRoot, limits);
    }

    /** What holds this volume. */
    public VolumeFormat of(Volume volume) {
        return of(volume.format());
    }

    /** What holds volumes and snapshots of this format. */
    public VolumeFormat of(Format format) {
        return switch (format) {
            case Format.Directory name -> directory;
            case Format.Image image -> throw noImages();
        };
    }

    /**
     * The format of a new volume.
     *
     * @param limit of volumes that name none
     * @throws Fault INVALID_ARGUMENT or FAILED_PRECONDITION when the pool cannot hold such a volume
     */
    public Format choose(VolumeParameters parameters, Limit limit) {
        if (parameters.format().filter(FormatName.IMAGE::equals).isPresent()) {
            throw noImages();
        }
        if (parameters.limit().orElse(limit) == Limit.ADVISORY) {
            return new Format.Directory(Limit.ADVISORY, parameters.inodes());
        }
        Optional<String> problem = limits.problem(parameters.inodes().isPresent());
        if (problem.isPresent()) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "limit=enforced: this pool cannot hold a directory to its limit: " + problem.get()
                            + "; or ask for limit=advisory");
        }
        return new Format.Directory(Limit.ENFORCED, parameters.inodes());
    }

    /** As {@link #limitProblem()}, of a pool with this root that need not be open. */
    public static Optional<String> limitProblem(Directory root) {
        return DirectoryLimits.of(root, NO_POOL).problem(false);
    }

    /** By what directories are held to their size, for people. */
    public String limitedBy() {
        return limits.name();
    }

    /** Why directories cannot be held to their size, with the cure; empty when they can. */
    public Optional<String> limitProblem() {
        return limits.problem(false);
    }

    /**
     * Whether the volume is held to what its record says.
     *
     * @throws Fault NOT_FOUND when its data is gone
     */
    public boolean isHeldToLimit(Volume volume) {
        return switch (volume.format()) {
            case Format.Directory name -> directory.isHeldToLimit(volume);
            case Format.Image image -> true;
        };
    }

    /**
     * How many bytes of the pool a volume takes, at once; empty when that takes a look at its files.
     *
     * @throws Fault NOT_FOUND when its data is gone
     */
    public OptionalLong usedBytes(Volume volume) {
        return switch (volume.format()) {
            case Format.Directory name -> directory.usedBytes(volume);
            case Format.Image image -> OptionalLong.empty();
        };
    }

    /**
     * Holds the volume to what its record says; does nothing when it is.
     *
     * @throws Fault NOT_FOUND when its data is gone, FAILED_PRECONDITION with reason and cure when the file system cannot
     */
    public void holdToLimit(Volume volume) {
        if (!isHeldToLimit(volume)) {
            directory.holdToLimit(volume);
        }
    }

    /**
     * Gives back what was taken to limit directories that are gone by now.
     *
     * @param underLock runs an action under the volume's lock, or not at all when somebody else has that
     */
    public void giveBack(BiConsumer<VolumeId, Runnable> underLock) {
        limits.giveBack(underLock);
    }

    private static Fault noImages() {
        return Fault.invalid(VolumeParameters.FORMAT, "image", "this pool holds directories");
    }
}
