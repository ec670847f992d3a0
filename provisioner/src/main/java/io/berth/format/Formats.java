package io.berth.format;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.volume.Format;
import io.berth.volume.FormatName;
import io.berth.volume.Limit;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import java.nio.file.Path;

/** The formats of one pool, and which of them a new volume gets. Thread-safe. */
public final class Formats {
    private final DirectoryFormat directory;
    private final ImageFormat image;
    private final BlockFormat block;

    /**
     * Of the pool with this root.
     *
     * @param realRoot its path without symbolic links
     */
    public Formats(Directory root, Path realRoot) {
        this.directory = new DirectoryFormat(root, realRoot);
        Images images = new Images(root);
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
        if (parameters.limit().orElse(limit) == Limit.ENFORCED) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "limit=enforced: this pool cannot hold a directory to its limit; ask for limit=advisory");
        }
        return new Format.Directory(Limit.ADVISORY, parameters.inodes());
    }

    private static Fault noImages() {
        return Fault.invalid(VolumeParameters.FORMAT, "image", "this pool holds directories");
    }
}
