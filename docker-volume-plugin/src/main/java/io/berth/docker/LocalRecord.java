package io.berth.docker;

import io.berth.hostpath.HostPath;
import io.berth.hostpath.HostPathType;
import io.berth.mount.MountOption;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** What this machine knows of one of Docker's volumes without asking any pool. */
sealed interface LocalRecord {
    Instant created();

    /**
     * A volume of a pool that Docker made or mounted here; the pool's own record says what it is.
     *
     * @param isNew whether Docker made it here and has not unmounted it yet: it may copy an image's files into it first
     */
    record InPool(Instant created, VolumeId id, boolean isNew) implements LocalRecord {}

    /**
     * A volume that is in no pool and exists by this record alone: a path of the host, memory, or a folder of an export.
     *
     * @param attributes as those of an inline volume, or of a PersistentVolume on an export
     */
    record Outside(Instant created, Map<String, String> attributes, Set<MountOption> options) implements LocalRecord {
        public Outside {
            attributes = Map.copyOf(attributes);
            options = Set.copyOf(options);
        }

        /** What the core calls such a volume; with the colon it is no volume's id. */
        static String handle(String name) {
            return "docker:" + name;
        }

        /**
         * By what it is mounted: a folder that was to be made was made with the volume. Made again while its disk is not
         * mounted it would be an empty one on another disk.
         */
        Map<String, String> mountAttributes() {
            Map<String, String> mount = new TreeMap<>(attributes);
            mount.replace(
                    HostPath.TYPE, HostPathType.DIRECTORY_OR_CREATE.toString(), HostPathType.DIRECTORY.toString());
            return mount;
        }

        /** Whether it is a folder of an export. */
        boolean isShare() {
            return attributes.containsKey(VolumeParameters.SERVER);
        }
    }
}
