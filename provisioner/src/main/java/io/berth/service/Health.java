package io.berth.service;

import io.berth.fault.Fault;
import io.berth.format.VolumeFormat;
import io.berth.hostpath.HostPaths;
import io.berth.linux.PathHandle;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.pool.Pool;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.volume.HealthProblem;
import io.berth.volume.HealthProblem.Reason;
import io.berth.volume.PoolName;
import io.berth.volume.Volume;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Judges how volumes and the storage they lie on are, by a few system calls for each; nothing is remembered and nothing
 * is changed. A list of problems has each reason at most once, and is empty when all is well. Thread-safe.
 */
public final class Health {
    private final Pools pools;
    private final Volumes volumes;
    private final VolumeLookup lookup;

    public Health(Pools pools, Volumes volumes, HostPaths hostPaths) {
        this.pools = pools;
        this.volumes = volumes;
        this.lookup = new VolumeLookup(pools, hostPaths, Set.of());
    }

    /**
     * How a volume is. Of an id in a pool that cannot be opened nothing but that can be said.
     *
     * @throws Fault NOT_FOUND when there is no such volume
     */
    public List<HealthProblem> ofVolume(String id) {
        return judged(() -> {
            VolumeLookup.Found found = lookup.byId(id).orElseThrow(() -> Volumes.noSuch(id));
            return problems(found, List.of(), MountTable.read());
        });
    }

    /**
     * How a volume is where this node uses it.
     *
     * @param paths where it is said to be staged and published
     * @throws Fault NOT_FOUND when there is no such volume
     */
    public List<HealthProblem> onNode(String id, List<Path> paths) {
        MountTable table = MountTable.read();
        return judged(() -> lookup.find(id, () -> shownAt(paths, table))
                .map(found -> problems(found, paths, table))
                .orElseGet(() -> problemsOfUnrecorded(id, paths, table)));
    }

    private static Optional<MountPoint> shownAt(List<Path> paths, MountTable table) {
        return paths.stream().flatMap(path -> table.at(path).stream()).findFirst();
    }

    /** A volume that cannot be looked at is not well, and that is an answer. */
    private static List<HealthProblem> judged(Supplier<List<HealthProblem>> judgement) {
        try {
            return judgement.get();
        } catch (Fault e) {
            return switch (e.kind()) {
                case NOT_FOUND -> throw e;
                case CORRUPT -> List.of(new HealthProblem(Reason.RECORD_DAMAGED, e.getMessage()));
                default -> List.of(new HealthProblem(Reason.POOL_UNREACHABLE, e.getMessage()));
            };
        }
    }

    private static List<HealthProblem> problems(VolumeLookup.Found found, List<Path> paths, MountTable table) {
        Optional<HealthProblem> ofPool = found.pool().folder().health(table);
        if (ofPool.filter(problem -> problem.reason() == Reason.POOL_UNREACHABLE)
                .isPresent()) {
            return ofPool.stream().toList(); // what else is wrong is unknown
        }
        List<HealthProblem> all = new ArrayList<>(ofPool.stream().toList());
        List<MountPoint> mounts = found.mounts(table);
        if (ofPool.isEmpty() && mounts.stream().anyMatch(MountPoint::fileSystemReadOnly)) {
            all.add(new HealthProblem(Reason.READ_ONLY_FILE_SYSTEM, "the volume's file system is read-only"));
        }
        all.addAll(found.pool().format(found.volume()).problems(found.volume(), table));
        mountLost(mounts, paths, table).ifPresent(all::add);
        return onePerReason(all);
    }

    private static Optional<HealthProblem> mountLost(List<MountPoint> mounts, List<Path> paths, MountTable table) {
        List<Path> lost = paths.stream()
                .filter(path -> table.at(path).filter(mounts::contains).isEmpty())
                .toList();
        return lost.isEmpty()
                ? Optional.empty()
                : Optional.of(new HealthProblem(Reason.MOUNT_LOST, "it is not mounted at " + lost));
    }

    /** Host paths, folders of shares and volumes in memory: there is nothing to know them by but that they are mounted. */
    private List<HealthProblem> problemsOfUnrecorded(String id, List<Path> paths, MountTable table) {
        Path shown = paths.stream()
                .filter(path -> table.at(path)
                        .filter(mount -> lookup.mayShow(id, mount, table))
                        .isPresent())
                .findFirst()
                .orElseThrow(() -> Volumes.noSuch(id));
        return PathHandle.open(shown)
                .flatMap(at -> {
                    try (at) {
                        return VolumeFormat.usageOf(at.fileSystem()).nearlyFull();
                    }
                })
                .stream()
                .toList();
    }

    /** How one volume is. */
    public record OfVolume(String id, List<HealthProblem> problems) {}

    /**
     * A page of the volumes that are not well.
     *
     * @param next the token of the next page; empty on the last
     */
    public record Page(List<OfVolume> volumes, Optional<String> next) {}

    /**
     * Lists the volumes that are not well. Looks at {@link Volumes#MAX_PAGE} volumes at most, so a page may be empty and
     * not the last.
     *
     * @param token empty for the first page, else {@link Page#next} of the one before
     * @param max 0 or more than {@link Volumes#MAX_PAGE}: that many
     * @throws Fault BAD_TOKEN for a token that no page gave, FAILED_PRECONDITION when a pool cannot be opened
     */
    public Page list(String token, int max) {
        int size = max == 0 ? Volumes.MAX_PAGE : Math.min(max, Volumes.MAX_PAGE);
        MountTable table = MountTable.read();
        List<OfVolume> found = new ArrayList<>();
        Optional<String> next = Optional.of(token);
        for (int seen = 0; next.isPresent() && found.isEmpty() && seen < Volumes.MAX_PAGE; seen += size) {
            Volumes.Page page = volumes.list(next.get(), size);
            page.unreadable()
                    .forEach((id, why) -> found.add(new OfVolume(id.toString(), judged(() -> {
                        throw why;
                    }))));
            page.volumes().stream()
                    .filter(volume -> !volume.ephemeral())
                    .map(volume -> of(volume, table))
                    .filter(health -> !health.problems().isEmpty())
                    .forEach(found::add);
            next = page.next();
        }
        return new Page(found, next);
    }

    private OfVolume of(Volume volume, MountTable table) {
        Pool pool = pools.get(volume.id().pool());
        return new OfVolume(
                volume.id().toString(), judged(() -> problems(new VolumeLookup.Found(pool, volume), List.of(), table)));
    }

    /** How the pools are, seen from this node; the message of each problem names them. */
    public List<HealthProblem> ofStorage() {
        List<HealthProblem> all = new ArrayList<>();
        MountTable table = MountTable.read();
        for (PoolConfig config : pools.configs()) {
            judged(() -> ofPool(config.name(), table))
                    .forEach(problem -> all.add(
                            new HealthProblem(problem.reason(), "pool " + config.name() + ": " + problem.message())));
        }
        return onePerReason(all);
    }

    private List<HealthProblem> ofPool(PoolName name, MountTable table) {
        Pool pool = pools.get(name);
        Optional<HealthProblem> ofFolder = pool.folder().health(table);
        if (ofFolder.isPresent()) {
            return List.of(ofFolder.get());
        }
        return Stream.concat(
                        VolumeFormat.usageOf(pool.fileSystem()).nearlyFull().stream(),
                        pool.writers().map(text -> new HealthProblem(Reason.OPEN_TO_OTHERS, text)).stream())
                .toList();
    }

    /** CSI allows no two of one reason; messages are put together. */
    private static List<HealthProblem> onePerReason(List<HealthProblem> all) {
        Map<Reason, HealthProblem> one = new LinkedHashMap<>();
        all.forEach(problem -> one.merge(
                problem.reason(),
                problem,
                (first, second) -> new HealthProblem(first.reason(), first.message() + "; " + second.message())));
        return List.copyOf(one.values());
    }
}
