package io.berth.docker;

import io.berth.nfs.NfsShare;
import io.berth.service.ExportVolumes;
import io.berth.service.Volumes;
import io.berth.volume.PoolName;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** The places whose storage work on a volume may wait for, as {@link PlaceCalls} tells them apart. Thread-safe. */
final class Places {
    /** That of the host's own paths, beside those of the pools. */
    private static final String HOST = "the host's paths";

    private final Volumes volumes;
    private final ExportVolumes exports;
    private final LocalRecords records;

    Places(Volumes volumes, ExportVolumes exports, LocalRecords records) {
        this.volumes = volumes;
        this.exports = exports;
        this.records = records;
    }

    /** That of a pool. */
    static String of(PoolName pool) {
        return "pool " + pool;
    }

    /**
     * That of a volume.
     *
     * @param volume its record, if it is in a pool and was found
     */
    String of(String name, Optional<Volume> volume) {
        return records.outside(name)
                .map(outside -> of(outside.attributes()))
                .or(() -> volume.map(found -> of(found.id().pool())))
                .orElse(HOST);
    }

    /** That of a volume in no pool: the folders of an export wait for the pool that has it, else for their server. */
    String of(Map<String, String> attributes) {
        Optional<NfsShare> export = exports.named(attributes);
        if (export.isPresent()) {
            return "NFS server " + export.get().export().server();
        }
        Map<String, String> share = new TreeMap<>(attributes);
        share.keySet().retainAll(Set.of(VolumeParameters.SERVER, VolumeParameters.SHARE));
        return volumes.pool(VolumeParameters.parse(share)).map(Places::of).orElse(HOST);
    }
}
