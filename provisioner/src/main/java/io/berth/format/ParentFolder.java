package io.berth.format;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.volume.VolumePath;
import java.nio.file.Path;
import java.util.Optional;

/** The folder of a pool in which a volume's data lies: the pool's root, or one some levels below it. */
final class ParentFolder {
    private static final int MODE = 0755;

    private ParentFolder() {}

    /** Opens it; empty when it is gone, and the volume with it. */
    static Optional<Directory> open(Directory root, VolumePath path) {
        return root.openBeneath(path.parent().orElse(Path.of(".")));
    }

    /** Opens it; missing folders on the way are made, never removed again. */
    static Directory make(Directory root, VolumePath path) {
        Directory at = root.openBeneath(Path.of(".")).orElseThrow();
        for (String component : path.components().subList(0, path.components().size() - 1)) {
            try (Directory parent = at) {
                if (parent.mkdir(component, MODE)) {
                    parent.fsync();
                }
                at = parent.openDirectory(component)
                        .orElseThrow(() -> new Fault(
                                Fault.Kind.UNAVAILABLE,
                                parent.path().resolve(component) + " vanished while it was made"));
            }
        }
        return at;
    }
}
