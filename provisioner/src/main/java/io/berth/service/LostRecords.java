package io.berth.service;

import io.berth.fault.Fault;
import io.berth.format.Formats;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.pool.Pool;
import io.berth.pool.Pools;
import io.berth.volume.CapacityRange;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import io.berth.volume.VolumePath;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Makes volumes again of folders whose records were lost. Thread-safe. */
public final class LostRecords {
    private final Pools pools;
    private final Volumes volumes;

    public LostRecords(Pools pools, Volumes volumes) {
        this.pools = pools;
        this.volumes = volumes;
    }

    /**
     * Makes the folder that is named by this id a volume. Its data, owner and mode stay; so does the data when the volume is
     * deleted. May be repeated.
     *
     * @param capacityBytes what it has by its record; no limit is set
     * @throws Fault NOT_FOUND when there is no such folder, ALREADY_EXISTS when a volume of this id is another,
     *     FAILED_PRECONDITION when it is the folder of an image
     */
    public Volume adopt(String text, long capacityBytes) {
        VolumeId id = VolumeId.parse(text)
                .filter(parsed -> VolumeId.of(parsed.pool(), parsed.name()).equals(parsed))
                .orElseThrow(() -> Fault.invalid("volume id", text, "POOL.NAME, as the folder is called"));
        Pool pool = pools.get(id.pool());
        FileStatus folder = at(pool, id.toString())
                .filter(status -> status.type() == FileType.DIRECTORY)
                .orElseThrow(() -> new Fault(
                        Fault.Kind.NOT_FOUND,
                        "there is no folder " + pool.config().root().resolve(id.toString())));
        if (at(pool, id.toString(), Formats.IMAGE_FILE).isPresent()) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume " + id
                            + " is an image: bring its record back from a backup, or make a new volume of its size"
                            + " and copy its " + Formats.IMAGE_FILE + " over that of the new one");
        }
        Ownership owner = new Ownership(folder.uid(), folder.gid(), folder.mode());
        return volumes.create(new Volumes.Wanted(
                id.name(),
                CapacityRange.atLeast(capacityBytes),
                VolumeParameters.parse(Map.of(
                        VolumeParameters.POOL,
                        id.pool().text(),
                        VolumeParameters.ON_DELETE,
                        OnDelete.RETAIN.toString(),
                        VolumeParameters.UID,
                        Long.toString(owner.uid()),
                        VolumeParameters.GID,
                        Long.toString(owner.gid()),
                        VolumeParameters.MODE,
                        owner.modeText())),
                false));
    }

    private static Optional<FileStatus> at(Pool pool, String... path) {
        return pool.folder().at(new VolumePath(List.of(path)));
    }
}
