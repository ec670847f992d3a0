package io.berth.faults;

import io.berth.service.GroupSnapshots;
import io.berth.service.Snapshots;
import io.berth.service.Volumes;
import io.berth.volume.AccessMode;
import io.berth.volume.Attachment;
import io.berth.volume.CapacityRange;
import io.berth.volume.GroupSnapshotId;
import io.berth.volume.SnapshotId;
import io.berth.volume.Source;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/** Calls of CSI and of Docker on subjects, which can be made again and again. */
final class Calls {
    static final Map<String, String> IMAGE = Map.of("format", "image");

    private static final Duration PATIENCE = Duration.ofMinutes(5);
    private static final Attachment WRITER = new Attachment(AccessMode.SINGLE_NODE_WRITER, false);
    private static final String MOUNT_ID = "id";

    /** The folder for the mounts of volumes. */
    private final Path staging;

    /** Makes the folder, as a kubelet does. */
    Calls(Path staging) {
        this.staging = staging;
        try {
            Files.createDirectories(staging);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What a subject is called by who makes it. */
    private static String name(Subject subject) {
        return subject.id.substring("p.".length());
    }

    Consumer<Parts> create(Subject volume, long bytes, Map<String, String> parameters, Optional<Subject> source) {
        Volumes.Wanted wanted = new Volumes.Wanted(
                name(volume),
                CapacityRange.atLeast(bytes),
                VolumeParameters.parse(parameters),
                false,
                false,
                Optional.empty(),
                source.map(Calls::source));
        return on -> on.volumes.create(wanted, PATIENCE);
    }

    private static Source source(Subject of) {
        return of.kind == Subject.Kind.VOLUME
                ? new Source.OfVolume(VolumeId.parse(of.id).orElseThrow())
                : new Source.OfSnapshot(SnapshotId.parse(of.id).orElseThrow());
    }

    Consumer<Parts> expand(Subject volume, long bytes) {
        return on -> on.volumes.expand(volume.id, CapacityRange.atLeast(bytes));
    }

    Consumer<Parts> attach(Subject volume) {
        return on -> on.attachments.attach(volume.id, Parts.NODE.toString(), WRITER, Map.of());
    }

    Consumer<Parts> detach(Subject volume) {
        return on -> on.attachments.detach(volume.id, Parts.NODE.toString());
    }

    /** Writes a file, durable when it returns. */
    Consumer<Parts> write(Subject volume, boolean isImage, int number) {
        return on -> Numbered.write(files(on, volume.id, isImage), number);
    }

    /** Where the files of a volume are; an image is mounted for that. */
    Path files(Parts on, String id, boolean isImage) {
        if (!isImage) {
            return on.volumes.location(on.volumes.get(id));
        }
        Path staged = staging.resolve(id);
        on.node.stage(id, staged, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of());
        return staged;
    }

    /** Takes a volume from the node and deletes it. */
    Consumer<Parts> delete(Subject volume) {
        return on -> delete(on, volume.id);
    }

    void delete(Parts on, String id) {
        on.node.unstage(id, staging.resolve(id));
        on.volumes.delete(id);
    }

    Consumer<Parts> snapshot(Subject snapshot, Subject source) {
        Snapshots.Wanted wanted = new Snapshots.Wanted(name(snapshot), source.id, Map.of());
        return on -> on.snapshots.create(wanted, PATIENCE);
    }

    Consumer<Parts> deleteSnapshot(Subject snapshot) {
        return on -> on.snapshots.delete(snapshot.id);
    }

    Consumer<Parts> group(Subject group, List<String> sources) {
        GroupSnapshots.Wanted wanted = new GroupSnapshots.Wanted(name(group), sources, Map.of());
        return on -> on.groups.create(wanted, PATIENCE);
    }

    Consumer<Parts> deleteGroup(Subject group) {
        return on -> on.groups.delete(
                group.id,
                GroupSnapshotId.parse(group.id)
                        .flatMap(on.pool().groups()::find)
                        .map(there -> there.snapshots().stream()
                                .map(SnapshotId::toString)
                                .toList())
                        .orElse(List.of()));
    }

    Consumer<Parts> dockerCreate(Subject volume) {
        return on -> on.docker.create(name(volume), Map.of("size", "1Mi"));
    }

    Consumer<Parts> dockerWrite(Subject volume, int number) {
        return on -> {
            Numbered.write(on.docker.mounted().mount(name(volume), MOUNT_ID), number);
            on.docker.mounted().unmount(name(volume), MOUNT_ID);
        };
    }

    Consumer<Parts> dockerRemove(Subject volume) {
        return on -> on.docker.remove(name(volume));
    }
}
