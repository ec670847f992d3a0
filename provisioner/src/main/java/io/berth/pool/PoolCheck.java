package io.berth.pool;

import io.berth.catalog.ArchiveName;
import io.berth.catalog.Catalog;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.volume.NodeId;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Compares a pool's records with what lies on its disk. Reads every record and the root's folder. What is safe to repair
 * is what a crash can leave; data is never removed, for what has no record may be somebody's.
 */
public final class PoolCheck {
    /** How many folders without a volume wait in memory until the archives are looked through for them. */
    private static final int STRANGERS_AT_ONCE = 10_000;

    private final Pool pool;
    private final Catalog catalog;
    private final boolean repair;
    private final Consumer<Finding> findings;

    /**
     * What does not fit.
     *
     * @param subject the volume, snapshot, archive or path
     * @param problem what is wrong, and what to do where it is not repaired
     */
    public record Finding(String subject, String problem, State state) {
        /** Whether it can be repaired, and was. */
        public enum State {
            REPAIRED,
            REPAIRABLE,
            FOR_THE_ADMINISTRATOR
        }
    }

    private PoolCheck(Pool pool, boolean repair, Consumer<Finding> findings) {
        this.pool = pool;
        this.catalog = pool.volumes().catalog();
        this.repair = repair;
        this.findings = findings;
    }

    /** Checks a pool and hands over each finding as it is made. May run beside the process that serves the pool. */
    public static void run(Pool pool, boolean repair, Consumer<Finding> findings) {
        PoolCheck check = new PoolCheck(pool, repair, findings);
        check.identity();
        check.unfinished();
        check.volumes();
        check.archives();
        check.claims();
        check.nodes();
        check.strangers();
        new SnapshotCheck(pool, check).run();
    }

    private void identity() {
        try (Directory records =
                pool.folder().root().openDirectory(VolumePath.RECORDS).orElseThrow()) {
            if (!pool.identity().isKept(records)) {
                guarded(
                        "pool " + pool.config().name(),
                        "pool.json or its copy pool.json.old is lost or damaged",
                        () -> pool.identity().keep(records));
            }
        }
    }

    private void unfinished() {
        Set<VolumeId> ids = new HashSet<>();
        catalog.forEachCreating(ids::add);
        catalog.forEachDeleting(ids::add);
        ids.forEach(id -> pool.volumes().tryLock(id).ifPresent(lock -> {
            try (lock) {
                guarded(
                        id.toString(),
                        "was left half made or half deleted by a crash",
                        () -> pool.volumes().settle(id));
            }
        }));
    }

    private void volumes() {
        catalog.forEachVolume(id -> {
            try {
                catalog.find(id).ifPresent(this::check);
            } catch (Fault e) {
                found(id.toString(), e.getMessage() + "; bring the record back from a backup");
            }
        });
    }

    private void check(Volume volume) {
        String id = volume.id().toString();
        Optional<FileStatus> data = pool.folder().at(volume.path());
        if (data.isEmpty()) {
            found(id, "its folder " + volume.path() + " is gone; berth volumes delete forgets it");
        } else if (data.get().type() != FileType.DIRECTORY) {
            found(id, data.get().type().described() + " lies at " + volume.path() + ", not its folder");
        }
        if (PoolFolder.hasOwnPath(volume) && !catalog.hasClaim(volume.path(), volume.id())) {
            guarded(id, "nothing says that " + volume.path() + " is its path", () -> {
                if (!catalog.claim(volume.path(), volume.id())) {
                    throw new Fault(
                            Fault.Kind.FAILED_PRECONDITION, "another volume has it, or lies in it or around it");
                }
            });
        }
    }

    private void archives() {
        catalog.forEachArchived(name -> {
            try {
                catalog.archived(name).ifPresent(volume -> check(name, volume));
            } catch (Fault e) {
                found(name.toString(), e.getMessage() + "; bring the record back from a backup");
            }
        });
    }

    private void check(ArchiveName name, Volume volume) {
        VolumePath path = Archives.keptAt(volume);
        if (catalog.isRestored(name)) {
            guarded(name.toString(), "is a volume again, but listed as an archive", () -> catalog.restore(name));
        } else if (pool.folder().at(path).isEmpty()) {
            found(name.toString(), "its folder " + path + " is gone; remove its record from .berth/archived");
        }
    }

    private void claims() {
        catalog.forEachClaim(
                (path, id) -> whileNobodyWorksOn(id, () -> {
                    if (catalog.find(id)
                                    .filter(volume -> volume.path().equals(path))
                                    .isEmpty()
                            && catalog.creating(id).isEmpty()
                            && catalog.deleting(id).isEmpty()) {
                        guarded(
                                id.toString(),
                                path + " is claimed by it, but not its path",
                                () -> catalog.release(path, id));
                    }
                }),
                path -> found(path.toString(), "does not say whose path it is; remove it"));
    }

    /** Leaves out what is being made or deleted now. */
    private void whileNobodyWorksOn(VolumeId id, Runnable action) {
        pool.volumes().tryLock(id).ifPresent(lock -> {
            try (lock) {
                action.run();
            } catch (Fault e) {
                if (e.kind() != Fault.Kind.CORRUPT) { // a damaged record is told of already
                    found(id.toString(), e.getMessage());
                }
            }
        });
    }

    /** What is counted as a node's, but is not given to it. */
    private void nodes() {
        for (NodeId node : pool.nodes().all()) {
            for (VolumeId id : pool.nodes().volumes(node)) {
                whileNobodyWorksOn(id, () -> {
                    if (catalog.find(id)
                            .filter(volume -> volume.attachments().containsKey(node))
                            .isEmpty()) {
                        guarded(
                                id.toString(),
                                "is counted among the volumes of node " + node + ", which does not have it",
                                () -> pool.nodes().release(node, id));
                    }
                });
            }
        }
    }

    /** Folders in the root that are named as a volume's but belong to none. */
    private void strangers() {
        Set<String> strangers = new TreeSet<>();
        pool.folder().root().forEachEntry(entry -> {
            if (isNamedByBerth(entry.name()) && !isVolumes(entry.name())) {
                strangers.add(entry.name());
            }
            if (strangers.size() >= STRANGERS_AT_ONCE) {
                tell(strangers);
                strangers.clear();
            }
        });
        tell(strangers);
    }

    private boolean isNamedByBerth(String name) {
        return name.startsWith(ArchiveName.PATH_PREFIX)
                || VolumeId.parse(name)
                        .filter(id -> id.pool().equals(pool.config().name()))
                        .isPresent();
    }

    /** Tells of those of these folders that no archive is in. */
    private void tell(Set<String> strangers) {
        if (strangers.isEmpty()) {
            return;
        }
        Set<String> unknown = new TreeSet<>(strangers);
        catalog.forEachArchived(name -> keptIn(name).ifPresent(unknown::remove));
        unknown.forEach(name -> found(
                name,
                "no record knows this folder; look at it, and remove it by hand if it may go, or make it a volume"
                        + " again by berth volumes adopt"));
    }

    /** The folder in the root that an archive is in, or lies in. */
    private Optional<String> keptIn(ArchiveName name) {
        try {
            return catalog.archived(name)
                    .map(volume -> Archives.keptAt(volume).components().getFirst());
        } catch (Fault e) {
            return Optional.empty(); // its record is damaged, which is told of
        }
    }

    /** Whether a volume lies there, or in it; one whose record is damaged or that is being made or deleted too. */
    private boolean isVolumes(String name) {
        try {
            return catalog.isClaimed(new VolumePath(List.of(name)))
                    || VolumeId.parse(name)
                            .filter(id -> catalog.creating(id).isPresent()
                                    || catalog.deleting(id).isPresent()
                                    || catalog.find(id).isPresent())
                            .isPresent();
        } catch (Fault e) {
            return true; // a record is damaged, which is told of
        }
    }

    /** Repairs what can be, if that is asked for, and hands over the finding. */
    void guarded(String subject, String problem, Runnable action) {
        if (!repair) {
            findings.accept(new Finding(subject, problem, Finding.State.REPAIRABLE));
            return;
        }
        try {
            action.run();
            findings.accept(new Finding(subject, problem, Finding.State.REPAIRED));
        } catch (Fault e) {
            found(subject, problem + "; repairing it failed: " + e.getMessage());
        }
    }

    /** Hands over what only an administrator can judge. */
    void found(String subject, String problem) {
        findings.accept(new Finding(subject, problem, Finding.State.FOR_THE_ADMINISTRATOR));
    }
}
