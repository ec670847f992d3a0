package io.berth.docker;

import io.berth.linux.Directory;
import io.berth.volume.Volume;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * For whom Docker has volumes of pools mounted on this machine, as the state of a plugin says that may be running. Nothing
 * of it is changed.
 */
public final class DockerMounts {
    private DockerMounts() {}

    /**
     * The ids of the Mount calls for a volume that were not taken back; none where no plugin has kept any.
     *
     * @param stateDir where the plugin keeps its state
     * @param max how many are given at most
     */
    public static List<String> of(Path stateDir, Volume volume, int max) {
        Path records = stateDir.resolve(VolumeDriver.RECORDS);
        Path ids = stateDir.resolve(VolumeDriver.IDS);
        if (!Files.isDirectory(records) || !Files.isDirectory(ids)) {
            return List.of();
        }
        try (Directory recordFolder = Directory.open(records);
                Directory idFolder = Directory.open(ids)) {
            return VolumeNames.mayBe(volume).stream()
                    .filter(name -> isOf(volume, LocalRecords.read(recordFolder, name)))
                    .flatMap(name -> MountIds.read(idFolder, name))
                    .sorted()
                    .limit(max)
                    .toList();
        }
    }

    private static boolean isOf(Volume volume, Optional<LocalRecord> record) {
        return record.stream()
                .flatMap(known -> known instanceof LocalRecord.InPool inPool ? Stream.of(inPool.id()) : Stream.empty())
                .anyMatch(volume.id()::equals);
    }
}
