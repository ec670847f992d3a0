package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.mount.MountOption;
import io.berth.service.Health;
import io.berth.service.NodeVolumes;
import io.berth.service.Snapshots;
import io.berth.service.Volumes;
import io.berth.volume.ByteSize;
import io.berth.volume.Format;
import io.berth.volume.HealthProblem;
import io.berth.volume.Limit;
import io.berth.volume.Volume;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What {@code docker volume inspect} shows as a volume's Status; never a secret. Thread-safe. */
final class VolumeStatus {
    static final String HEALTH = "health";
    private static final int MOST_SNAPSHOTS = 100;

    private final Volumes volumes;
    private final Snapshots snapshots;
    private final NodeVolumes node;
    private final Health health;

    VolumeStatus(Volumes volumes, Snapshots snapshots, NodeVolumes node, Health health) {
        this.volumes = volumes;
        this.snapshots = snapshots;
        this.node = node;
        this.health = health;
    }

    /** What the volume's record says. */
    static Map<String, Object> ofRecord(Volume volume) {
        Map<String, Object> status = new TreeMap<>();
        status.put("id", volume.id().toString());
        status.put("pool", volume.id().pool().text());
        status.put("format", volume.format().name().toString());
        status.put("limit", (isEnforced(volume) ? Limit.ENFORCED : Limit.ADVISORY).toString());
        status.put("onDelete", volume.onDelete().toString());
        if (volume.capacityBytes() > 0) {
            status.put("size", ByteSize.format(volume.capacityBytes()));
        }
        return status;
    }

    /** What is known of a volume whose pool does not answer. */
    static Map<String, Object> ofSilent(LocalRecord.InPool record, Fault why) {
        Map<String, Object> status = new TreeMap<>();
        status.put("id", record.id().toString());
        status.put("pool", record.id().pool().text());
        status.put(HEALTH, why.getMessage());
        return status;
    }

    /** What is known of a volume that is in no pool. */
    static Map<String, Object> ofOutside(LocalRecord.Outside record) {
        Map<String, Object> status = new TreeMap<>(record.attributes());
        status.put(
                "options",
                record.options().stream().map(MountOption::toString).sorted().collect(Collectors.joining(",")));
        return status;
    }

    /**
     * What else its pool knows, by a few system calls.
     *
     * @param mountpoint where it is mounted for Docker
     */
    Map<String, Object> ofPool(Volume volume, Optional<Path> mountpoint) {
        String id = volume.id().toString();
        Map<String, Object> status = new TreeMap<>();
        status.put("kind", volumes.kind(volume).toString());
        status.put("path", volumes.location(volume).toString());
        status.put(
                "snapshots",
                snapshots.list(Optional.of(id), "", MOST_SNAPSHOTS).snapshots().stream()
                        .map(snapshot -> snapshot.id().toString())
                        .toList());
        status.put(HEALTH, volumes.find(id).isPresent() ? text(health.ofVolume(id)) : "ok");
        mountpoint
                .filter(path -> isEnforced(volume))
                .ifPresent(path ->
                        status.put("used", ByteSize.format(node.usage(id, path).usedBytes())));
        return status;
    }

    /**
     * How a volume in no pool is: whether it could be mounted now.
     *
     * @throws Fault when it could not, and not because what it shows is missing
     */
    String healthOf(String name, LocalRecord.Outside record) {
        try {
            node.check(LocalRecord.Outside.handle(name), record.mountAttributes());
            return text(List.of());
        } catch (Fault e) {
            if (e.kind() == Fault.Kind.NOT_FOUND) {
                return text(List.of(new HealthProblem(HealthProblem.Reason.DATA_MISSING, e.getMessage())));
            }
            throw e;
        }
    }

    private static String text(List<HealthProblem> problems) {
        return problems.isEmpty()
                ? "ok"
                : problems.stream()
                        .map(problem -> problem.reason() + ": " + problem.message())
                        .collect(Collectors.joining("; "));
    }

    private static boolean isEnforced(Volume volume) {
        return switch (volume.format()) {
            case Format.Directory directory -> directory.limit() == Limit.ENFORCED;
            case Format.Image image -> true;
        };
    }
}
