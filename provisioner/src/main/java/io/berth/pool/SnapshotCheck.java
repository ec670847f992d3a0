package io.berth.pool;

import io.berth.catalog.SnapshotCatalog;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileType;
import io.berth.volume.GroupSnapshot;
import io.berth.volume.GroupSnapshotId;
import io.berth.volume.Id;
import io.berth.volume.Snapshot;
import io.berth.volume.SnapshotId;
import io.berth.volume.VolumeId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** The part of a {@link PoolCheck} that is about snapshots and copies. */
final class SnapshotCheck {
    private final Pool pool;
    private final PoolSnapshots snapshots;
    private final SnapshotCatalog catalog;
    private final PoolCheck check;

    SnapshotCheck(Pool pool, PoolCheck check) {
        this.pool = pool;
        this.snapshots = pool.snapshots();
        this.catalog = snapshots.catalog();
        this.check = check;
    }

    void run() {
        unfinished();
        records();
        groups();
        data();
        index();
        halfMadeSnapshots();
        halfMadeVolumes();
    }

    private void unfinished() {
        List<SnapshotId> ids = new ArrayList<>();
        catalog.forEachUnfinished(ids::add);
        ids.forEach(id -> unlessInUse(
                id,
                () -> check.guarded(
                        id.described(), "was left half made or half deleted by a crash", () -> snapshots.settle(id))));
    }

    /** Leaves out what is being made or deleted now. */
    private void unlessInUse(Id id, Runnable action) {
        pool.volumes().tryLock(id).ifPresent(held -> {
            try (held) {
                action.run();
            } catch (Fault e) {
                check.found(id.described(), e.getMessage());
            }
        });
    }

    private void records() {
        catalog.forEachReady(id -> {
            try {
                catalog.ready(id).ifPresent(this::check);
            } catch (Fault e) {
                check.found(id.described(), e.getMessage() + "; bring the record back from a backup");
            }
        });
    }

    private void check(Snapshot snapshot) {
        String subject = snapshot.id().described();
        if (snapshots.data().status(snapshot.id().toString()).isEmpty()) {
            check.found(subject, "its data is gone; berth snapshots delete forgets it");
        }
        Optional<GroupSnapshotId> group = snapshot.group().filter(id -> !isKnownGroup(id));
        if (group.isPresent()) {
            check.found(
                    subject,
                    "the record of its " + group.get().described()
                            + " is gone; it can be used and deleted as one that is in no group");
        }
        if (!catalog.isIndexed(snapshot)) {
            check.guarded(
                    subject, "is not listed as one of " + snapshot.source().described(), () -> catalog.index(snapshot));
        }
    }

    private void groups() {
        pool.groups().forEach(id -> {
            try {
                pool.groups().find(id).ifPresent(this::check);
                if (pool.groups().isCutShort(id)) {
                    check.found(id.described(), "its record was cut short; bring it back from a backup");
                }
            } catch (Fault e) {
                check.found(id.described(), e.getMessage() + "; bring the record back from a backup");
            }
        });
    }

    private void check(GroupSnapshot group) {
        Set<SnapshotId> members =
                pool.groups().members(group).stream().map(Snapshot::id).collect(Collectors.toSet());
        for (SnapshotId id : group.snapshots()) {
            if (!members.contains(id)) {
                check.found(group.id().described(), "its " + id.described() + " is gone; the others are still there");
            }
        }
    }

    private boolean isKnownGroup(GroupSnapshotId id) {
        try {
            return pool.groups().find(id).isPresent() || pool.groups().isUnfinished(id);
        } catch (Fault e) {
            return true; // its record is damaged, which is told of
        }
    }

    private void data() {
        snapshots.data().forEachEntry(entry -> {
            String name = entry.name();
            Optional<SnapshotId> id = id(name);
            if (id.isEmpty()) {
                strange(snapshots.data(), name);
            } else {
                unlessInUse(id.get(), () -> {
                    if (!isKnown(id.get()) && snapshots.data().status(name).isPresent()) {
                        strange(snapshots.data(), name);
                    }
                });
            }
        });
    }

    private Optional<SnapshotId> id(String name) {
        return SnapshotId.parse(name)
                .filter(id -> id.pool().equals(pool.config().name()));
    }

    private boolean isKnown(SnapshotId id) {
        return catalog.find(id).isPresent() || isUnfinished(id);
    }

    private boolean isUnfinished(SnapshotId id) {
        return catalog.isCreating(id) || catalog.deleting(id).isPresent();
    }

    private void strange(Directory folder, String name) {
        check.found(
                folder.path().resolve(name).toString(),
                "no record knows what lies there; look at it, and remove it by hand if it may go");
    }

    private void index() {
        catalog.forEachIndexed((source, id) -> unlessInUse(id, () -> {
            if (catalog.find(id)
                            .filter(snapshot -> snapshot.source().equals(source))
                            .isEmpty()
                    && !isUnfinished(id)) {
                check.guarded(
                        id.described(),
                        "is gone, but listed as one of " + source.described(),
                        () -> catalog.unindex(source, id));
            }
        }));
    }

    private void halfMadeSnapshots() {
        Directory copying = snapshots.copying();
        copying.forEachEntry(entry -> {
            String name = entry.name();
            Optional<SnapshotId> id = id(PoolSnapshots.withoutProgress(name));
            if (id.isEmpty()) {
                strange(copying, name);
            } else {
                unlessInUse(id.get(), () -> {
                    if (!catalog.isCreating(id.get())) {
                        leftover(copying, name, id.get());
                    }
                });
            }
        });
    }

    private void halfMadeVolumes() {
        pool.volumes().copying().forEachEntry(entry -> {
            String name = entry.name();
            Optional<VolumeId> id = VolumeId.parse(name)
                    .filter(parsed -> parsed.pool().equals(pool.config().name()));
            if (id.isEmpty()) {
                strange(pool.volumes().copying(), name);
            } else {
                unlessInUse(id.get(), () -> {
                    if (pool.volumes().catalog().creating(id.get()).isEmpty()) {
                        leftover(pool.volumes().copying(), name, id.get());
                    }
                });
            }
        });
    }

    /** What Berth itself copied, and nobody was ever told of. */
    private void leftover(Directory copying, String name, Id id) {
        copying.status(name)
                .ifPresent(status -> check.guarded(
                        copying.path().resolve(name).toString(), "was left half copied and nobody works on it", () -> {
                            if (status.type() == FileType.DIRECTORY) {
                                pool.trash().put(copying, name, id);
                            } else {
                                copying.unlink(name);
                            }
                        }));
    }
}
