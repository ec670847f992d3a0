package io.berth.format;

import io.berth.copy.Copied;
import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.mount.MountPoint;
import io.berth.volume.FileSystemType;
import io.berth.volume.Format;
import io.berth.volume.FormatName;
import io.berth.volume.Limit;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.UUID;
import java.util.function.BiConsumer;

/** The formats of one pool, and which of them a new volume gets. Thread-safe. */
public final class Formats {
    /** What an image is called in its volume's folder. */
    public static final String IMAGE_FILE = Images.FILE;

    private static final UUID NO_POOL = new UUID(0, 0);

    private final DirectoryLimits limits;
    private final DirectoryFormat directory;
    private final Images images;
    private final ImageFormat image;
    private final BlockFormat block;

    /**
     * Of the pool with this root.
     *
     * @param realRoot its path without symbolic links
     * @param pool what tells the pool from every other
     */
    public Formats(Directory root, Path realRoot, UUID pool) {
        this.limits = DirectoryLimits.of(root, pool);
        this.directory = new DirectoryFormat(root, realRoot, limits);
        this.images = new Images(root, pool);
        this.image = new ImageFormat(images);
        this.block = new BlockFormat(images);
    }

    /** What holds this volume. */
    public VolumeFormat of(Volume volume) {
        return of(volume.format());
    }

    /** What holds volumes and snapshots of this format. */
    public VolumeFormat of(Format format) {
        return switch (format) {
            case Format.Directory name -> directory;
            case Format.Image name -> name.fileSystem().isPresent() ? image : block;
        };
    }

    /**
     * Copies what several volumes hold as it was at one moment; durable when it returns. When it throws, what it made so far
     * is left for the caller to remove.
     *
     * @param sources by the names of their copies
     * @param parent where nobody looks for the copies
     * @throws Fault FAILED_PRECONDITION with the reason when these have no moment in common, BUSY when one was written to,
     *     RESOURCE_EXHAUSTED when there is no room
     * @throws java.util.concurrent.CancellationException when it was cancelled
     */
    public Map<String, Copied> copyAtOnce(SortedMap<String, DataSource> sources, Directory parent, Progress progress) {
        return new CopyAtOnce(directory, images, image, parent, progress).copy(sources);
    }

    /** Whether a mount shows an image that Berth attached, of any volume of any pool. */
    public static boolean isImage(MountPoint mount) {
        return Images.shownBy(mount).isPresent();
    }

    /** Whether a mount shows the image of the volume with this id, be there still a volume or not. */
    public boolean isImageOf(VolumeId id, MountPoint mount) {
        return Images.shownBy(mount).filter(device -> images.isOf(id, device)).isPresent();
    }

    /**
     * The format of a new volume. Nothing holds one to a size that it does not have, so without a size it is a plain
     * directory, unless the parameters ask for more.
     *
     * @param sized whether a size is asked for
     * @param limit of volumes that have a size and name no limit
     * @throws Fault INVALID_ARGUMENT or FAILED_PRECONDITION when the pool cannot hold such a volume
     */
    public Format choose(VolumeParameters parameters, boolean sized, Limit limit) {
        Optional<FormatName> named = parameters.format();
        if (named.filter(FormatName.IMAGE::equals).isPresent()) {
            return image(parameters);
        }
        boolean limited = sized || parameters.inodes().isPresent();
        if (parameters.limit().orElse(limited ? limit : Limit.ADVISORY) == Limit.ADVISORY) {
            return new Format.Directory(Limit.ADVISORY, parameters.inodes());
        }
        Optional<String> problem = limits.problem(parameters.inodes().isPresent());
        if (problem.isPresent() && named.isEmpty() && parameters.inodes().isEmpty()) {
            return image(parameters);
        }
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

    /** As {@link #limitLapse()}, of a pool with this root that need not be open. */
    public static Optional<String> limitLapse(Directory root) {
        return DirectoryLimits.of(root, NO_POOL).lapse();
    }

    /** Why limits of directories do not hold now although they are set, with the cure; empty when they do. */
    public Optional<String> limitLapse() {
        return limits.lapse();
    }

    /**
     * Begins to make limits hold again, in the background; costly, so only in a {@link #limitLapse()}, and not often.
     *
     * @return false when that is going on already
     */
    public boolean mendLimits() {
        return limits.mend();
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
     * @return whether something is left that can only be given back later
     */
    public boolean giveBack(BiConsumer<VolumeId, Runnable> underLock) {
        return limits.giveBack(underLock);
    }

    private static Format image(VolumeParameters parameters) {
        if (parameters.inodes().isPresent()) {
            throw Fault.invalid(
                    VolumeParameters.INODES,
                    Long.toString(parameters.inodes().getAsLong()),
                    "an image has as many as its file system made; only a directory can be told");
        }
        return new Format.Image(Optional.of(parameters.fileSystem().orElse(FileSystemType.EXT4)));
    }
}
