package io.berth.format;

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
import java.util.Optional;

/** The formats of one pool, and which of them a new volume gets. Thread-safe. */
public final class Formats {
    private final DirectoryFormat directory;
    private final Images images;
    private final ImageFormat image;
    private final BlockFormat block;

    /**
     * Of the pool with this root.
     *
     * @param realRoot its path without symbolic links
     */
    public Formats(Directory root, Path realRoot) {
        this.directory = new DirectoryFormat(root, realRoot);
        this.images = new Images(root);
        this.image = new ImageFormat(images);
        this.block = new BlockFormat(images);
    }

    /** What holds this volume. */
    public VolumeFormat of(Volume volume) {
        return switch (volume.format()) {
            case Format.Directory name -> directory;
            case Format.Image name -> name.fileSystem().isPresent() ? image : block;
        };
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
     * The format of a new volume.
     *
     * @param limit of volumes that name none
     * @param block whether its user is to get raw blocks
     * @param fileSystem what an image is to be formatted with; empty: as the parameters say
     * @throws Fault INVALID_ARGUMENT or FAILED_PRECONDITION when the pool cannot hold such a volume
     */
    public Format choose(VolumeParameters parameters, Limit limit, boolean block, Optional<FileSystemType> fileSystem) {
        Optional<FormatName> named = parameters.format();
        if (block) {
            if (named.filter(FormatName.DIRECTORY::equals).isPresent()) {
                throw Fault.invalid(VolumeParameters.FORMAT, "directory", "raw blocks are those of an image");
            }
            return new Format.Image(Optional.empty());
        }
        boolean enforced = parameters.limit().orElse(limit) == Limit.ENFORCED;
        if (named.filter(FormatName.IMAGE::equals).isPresent() || (enforced && named.isEmpty())) {
            return image(parameters, fileSystem);
        }
        if (enforced) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "limit=enforced: this pool cannot hold a directory to its limit; ask for limit=advisory");
        }
        return new Format.Directory(Limit.ADVISORY, parameters.inodes());
    }

    private static Format image(VolumeParameters parameters, Optional<FileSystemType> fileSystem) {
        if (parameters.inodes().isPresent()) {
            throw Fault.invalid(
                    VolumeParameters.INODES,
                    Long.toString(parameters.inodes().getAsLong()),
                    "an image has as many as its file system made; only a directory can be told");
        }
        Optional<FileSystemType> named = parameters.fileSystem();
        if (named.isPresent() && fileSystem.isPresent() && !named.equals(fileSystem)) {
            throw Fault.invalid(
                    VolumeParameters.FS_TYPE, named.get().toString(), "the volume capability says " + fileSystem.get());
        }
        return new Format.Image(Optional.of(fileSystem.or(() -> named).orElse(FileSystemType.EXT4)));
    }
}
