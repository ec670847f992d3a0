package io.berth.csi;

import io.berth.csi.v1.NodeGetStorageHealthResponse.StorageBackendHealth;
import io.berth.csi.v1.StorageHealthErrorType;
import io.berth.csi.v1.VolumeHealth;
import io.berth.csi.v1.VolumeHealthErrorType;
import io.berth.volume.HealthProblem;
import java.util.List;

/** Problems in CSI's words. */
public final class HealthAnswer {
    private HealthAnswer() {}

    /** How a volume is; without problems it is well. */
    public static VolumeHealth ofVolume(String id, List<HealthProblem> problems) {
        VolumeHealth.Builder health = VolumeHealth.newBuilder().setVolumeId(id);
        problems.forEach(problem -> health.addHealthStatusesBuilder()
                .setStatus(
                        switch (problem.reason().severity()) {
                            case DEGRADED -> VolumeHealthErrorType.DEGRADED;
                            case INACCESSIBLE -> VolumeHealthErrorType.INACCESSIBLE;
                            case DATA_LOSS -> VolumeHealthErrorType.DATA_LOSS;
                        })
                .setReason(problem.reason().toString())
                .setMessage(problem.message()));
        return health.build();
    }

    /** What is wrong with the storage of a node. */
    public static StorageBackendHealth ofStorage(HealthProblem problem) {
        return StorageBackendHealth.newBuilder()
                .setStatus(
                        switch (problem.reason().severity()) {
                            case DEGRADED -> StorageHealthErrorType.STORAGE_DEGRADED;
                            case INACCESSIBLE, DATA_LOSS -> StorageHealthErrorType.STORAGE_UNREACHABLE;
                        })
                .setReason(problem.reason().toString())
                .setMessage(problem.message())
                .build();
    }
}
