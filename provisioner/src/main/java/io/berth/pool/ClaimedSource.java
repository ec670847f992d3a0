package io.berth.pool;

import io.berth.format.DataSource;
import io.berth.format.ImageBlocks;
import io.berth.linux.FileStatus;
import io.berth.volume.Format;
import io.berth.volume.Id;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import java.util.Optional;

/** A volume or snapshot to copy: until this is closed no process deletes it. */
public final class ClaimedSource implements AutoCloseable {
    private final Id id;
    private final Format format;
    private final long capacityBytes;
    private final DataSource data;
    private final SourceClaims.Held claim;

    /** Takes over the data and the claim. */
    ClaimedSource(Id id, Format format, long capacityBytes, DataSource data, SourceClaims.Held claim) {
        this.id = id;
        this.format = format;
        this.capacityBytes = capacityBytes;
        this.data = data;
        this.claim = claim;
    }

    public Id id() {
        return id;
    }

    public Format format() {
        return format;
    }

    /** The size it was asked for with; 0 for none. */
    public long capacityBytes() {
        return capacityBytes;
    }

    /** Who owns its directory, and the mode; of an image, whose root only a mount shows, what its volume's record says. */
    public Ownership ownership() {
        if (format instanceof Format.Image) {
            return data.volume().map(Volume::ownership).orElse(Ownership.ROOT);
        }
        FileStatus status = data.directory().status();
        return new Ownership(status.uid(), status.gid(), status.mode());
    }

    /**
     * The blocks of its image.
     *
     * @param base empty: those that hold data; else those that differ from this one's
     * @param from where to begin, bytes
     */
    public ImageBlocks blocks(Optional<ClaimedSource> base, long from) {
        return ImageBlocks.of(data, base.map(ClaimedSource::data), from);
    }

    DataSource data() {
        return data;
    }

    @Override
    public void close() {
        data.directory().close();
        claim.close();
    }
}
