package io.berth.copy;

import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.SystemCallException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/** Where a directory is in a tree, without holding it open; each directory has one, equal to itself alone. */
final class Place {
    private final Optional<Place> parent;
    private final String name;

    /**
     * Of the directory that has this name in its parent.
     *
     * @param parent empty for the tree's root, whose name does not matter
     */
    Place(Optional<Place> parent, String name) {
        this.parent = parent;
        this.name = name;
    }

    /** Opens it from the tree's root, one name after the other, for a path may be longer than the kernel takes. */
    Directory open(Directory root) {
        Deque<String> names = new ArrayDeque<>();
        Place place = this;
        while (place.parent.isPresent()) {
            names.push(place.name);
            place = place.parent.get();
        }
        Directory at = root.openBeneath(Path.of(".")).orElseThrow(() -> gone(root, "."));
        for (String next : names) {
            try (Directory above = at) {
                at = above.openDirectory(next).orElseThrow(() -> gone(above, next));
            }
        }
        return at;
    }

    private static SystemCallException gone(Directory above, String name) {
        return new SystemCallException("openat2", above.path() + "/" + name, Errno.ENOENT);
    }
}
