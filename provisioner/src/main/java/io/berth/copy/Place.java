package io.berth.copy;

import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.SystemCallException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * Where a directory is in a tree, without holding it open.
 *
 * @param parent empty for the tree's root, whose name does not matter
 */
record Place(Optional<Place> parent, String name) {
    /** Opens it from the tree's root, one name after the other, for a path may be longer than the kernel takes. */
    Directory open(Directory root) {
        Deque<String> names = new ArrayDeque<>();
        Place place = this;
        while (place.parent.isPresent()) {
            names.push(place.name);
            place = place.parent.get();
        }
        Directory at = root.openBeneath(Path.of(".")).orElseThrow(() -> gone(root));
        for (String name : names) {
            try (Directory above = at) {
                at = above.openDirectory(name).orElseThrow(() -> gone(above));
            }
        }
        return at;
    }

    private SystemCallException gone(Directory above) {
        return new SystemCallException("openat2", above.path() + "/" + name, Errno.ENOENT);
    }
}
