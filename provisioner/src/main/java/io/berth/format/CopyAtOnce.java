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
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;

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
        return copyFrozen(List.copyOf(sources.entrySet()).iterator(), List.of());
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

    /** A source when all are still. */
    private record Still(String name, DataSource source, Images.Writers writers) {}

    /** Freezes those that are left, one inside the other, and copies all within the last. */
    private Map<String, Copied> copyFrozen(Iterator<Map.Entry<String, DataSource>> left, List<Still> before) {
        if (!left.hasNext()) {
            return copyAll(before);
        }
        Map.Entry<String, DataSource> next = left.next();
        Function<Images.Writers, Map<String, Copied>> rest = writers -> {
            List<Still> all = new ArrayList<>(before);
            all.add(new Still(next.getKey(), next.getValue(), writers));
            return copyFrozen(left, all);
        };
        return volume(next.getValue()).format().isBlock()
                ? rest.apply(Images.Writers.NONE)
                : image.frozen(next.getValue(), progress, rest);
    }

    private Map<String, Copied> copyAll(List<Still> sources) {
        Map<Still, State> before = new LinkedHashMap<>();
        sources.stream()
                .filter(still -> still.writers() == Images.Writers.NONE)
                .forEach(still -> before.put(still, State.of(still.source())));
        Map<String, Copied> copied = new TreeMap<>();
        sources.forEach(still -> {
            progress.check();
            copied.put(
                    still.name(),
                    images.copy(still.source().directory(), parent, still.name(), still.writers(), progress));
        });
        before.forEach((still, state) -> {
            if (!State.of(still.source()).equals(state)) {
                throw new Fault(
                        Fault.Kind.BUSY,
                        volume(still.source()).id().described()
                                + " was written to while the group was copied; try again");
            }
        });
        return copied;
    }
}
