package io.berth.copy;

import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.OpenFile;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The files of a copy that have several names in the source. It remembers a file from its first name to its last, about
 * 200 bytes each. Thread-safe.
 */
final class HardLinks {
    private final Directory root;
    private final Map<Inode, First> firsts = new HashMap<>();

    /** For the copy that has this root. */
    HardLinks(Directory root) {
        this.root = root;
    }

    private record Inode(int deviceMajor, int deviceMinor, long number) {
        Inode(FileStatus status) {
            this(status.deviceMajor(), status.deviceMinor(), status.inode());
        }
    }

    /** The copy's first name of a file, and how many more are to come. */
    private record First(Place place, String name, long more) {}

    /**
     * Has a file made for the first of its names, and links the others to that.
     *
     * @param status of the file in the source
     * @param maker makes the file by this name; empty when the name is taken
     * @return the file if it is new and has nothing in it yet
     */
    synchronized Optional<OpenFile> make(
            FileStatus status, Level level, String name, Supplier<Optional<OpenFile>> maker) {
        Inode inode = new Inode(status);
        Optional<First> first = Optional.ofNullable(firsts.remove(inode));
        Optional<OpenFile> made = Optional.empty();
        if (first.isPresent()) {
            link(first.get(), level, name);
        } else {
            // Made under the lock: the next name may come before this one has its data.
            made = maker.get();
        }
        First next = first.orElseGet(() -> new First(level.place(), name, status.links()));
        if (next.more() > 1 && (first.isPresent() || made.isPresent())) {
            firsts.put(inode, new First(next.place(), next.name(), next.more() - 1));
        }
        return made;
    }

    private void link(First first, Level level, String name) {
        if (first.place().equals(level.place())) {
            level.target().link(first.name(), level.target(), name);
        } else {
            try (Directory directory = first.place().open(root)) {
                directory.link(first.name(), level.target(), name);
            }
        }
    }
}
