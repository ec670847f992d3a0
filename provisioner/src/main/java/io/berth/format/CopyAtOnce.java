package io.berth.format;

import io.berth.copy.Copied;
import io.berth.copy.Progress;
import io.berth.copy.Rung;
import io.berth.fault.Fault;
import io.berth.linux.Btrfs;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.LoopDevice;
import io.berth.volume.Format;
import io.berth.volume.Volume;
import java.time.Instant;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Copies of several volumes as they were at one moment: all that are mounted are frozen, then all are copied, then all are
 * thawed. An image that is not mounted here need not be frozen, but must be found unchanged after the last copy. One
 * thread's.
 */
record CopyAtOnce(DirectoryFormat directory, Images images, ImageFormat image, Directory parent, Progress progress) {
    /** Tells whether an image was written to. */
    private record State(Instant modified, long size) {
        static State of(DataSource source) {
            FileStatus status = Images.status(source.directory());
            return new State(status.modified(), status.size());
        }
    }

    /** See {@link Formats#copyAtOnce}. */
    Map<String, Copied> copy(SortedMap<String, DataSource> sources) {
        Map.Entry<String, DataSource> first = sources.entrySet().iterator().next();
        if (sources.size() == 1 && volume(first.getValue()).format() instanceof Format.Directory) {
            return Map.of(first.getKey(), copyDirectory(first.getValue(), first.getKey()));
        }
        sources.values().forEach(this::requireFreezable);
        return copyFrozen(List.copyOf(sources.values()).iterator(), sources);
    }

    private static Volume volume(DataSource source) {
        return source.volume().orElseThrow();
    }

    private Copied copyDirectory(DataSource source, String name) {
        if (Btrfs.isSubvolume(source.directory()) && !Btrfs.hasSubvolumes(source.directory())) {
            Copied copied = directory.copy(source, parent, name, progress);
            if (copied.rung() == Rung.SNAPSHOT) {
                return copied;
            }
        }
        throw refused(source, "it is a directory that is copied file by file; one on btrfs could be, or an image");
    }

    private static Fault refused(DataSource source, String why) {
        return new Fault(
                Fault.Kind.FAILED_PRECONDITION,
                volume(source).id().described() + " cannot be copied at the same moment as others: " + why);
    }

    private void requireFreezable(DataSource source) {
        Volume volume = volume(source);
        switch (volume.format()) {
            case Format.Directory name ->
                throw refused(source, "it is a directory, and several have no moment in common; images have");
            case Format.Image name -> {
                Optional<LoopDevice> used = name.fileSystem().isPresent() ? Optional.empty() : images.attached(volume);
                used.ifPresent(device -> {
                    device.close();
                    throw refused(source, "its raw blocks are in use and cannot be frozen; unpublish it");
                });
            }
        }
    }

    /** Freezes those that are left, one inside the other, and copies all within the last. */
    private Map<String, Copied> copyFrozen(Iterator<DataSource> left, SortedMap<String, DataSource> all) {
        if (!left.hasNext()) {
            return copyAll(all);
        }
        DataSource next = left.next();
        return volume(next).format().isBlock()
                ? copyFrozen(left, all)
                : image.frozen(next, progress, () -> copyFrozen(left, all));
    }

    private Map<String, Copied> copyAll(SortedMap<String, DataSource> sources) {
        Map<String, State> before = new TreeMap<>();
        sources.forEach((name, source) -> before.put(name, State.of(source)));
        Map<String, Copied> copied = new TreeMap<>();
        sources.forEach((name, source) -> {
            progress.check();
            copied.put(name, images.copy(source.directory(), parent, name, false, progress));
        });
        sources.forEach((name, source) -> {
            if (!State.of(source).equals(before.get(name))) {
                throw new Fault(
                        Fault.Kind.BUSY,
                        volume(source).id().described() + " was written to while the group was copied; try again");
            }
        });
        return copied;
    }
}
