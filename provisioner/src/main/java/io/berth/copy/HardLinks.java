package io.berth.copy;

import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.OpenFile;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The files of a copy that have several names in the source. From the first of its names to the last each has one more, made
 * of its number in the source, in a folder on the disk: nothing in memory grows with their count. Thread-safe.
 */
final class HardLinks {
    private final Scratch scratch;

    /** For the copy that has this scratch folder. */
    HardLinks(Scratch scratch) {
        this.scratch = scratch;
    }

    /**
     * Has a file made for the first of its names, and links the others to that.
     *
     * @param status of the file in the source
     * @param target the directory that gets the name
     * @param maker makes the file by this name; empty when the name is taken
     * @return the file if it is new and has nothing in it yet
     */
    synchronized Optional<OpenFile> make(
            FileStatus status, Directory target, String name, Supplier<Optional<OpenFile>> maker) {
        Directory folder = scratch.folder();
        String number = number(status);
        Optional<FileStatus> first = folder.status(number);
        if (first.isPresent()) {
            link(folder, number, first.get().links() >= status.links(), target, name);
            return Optional.empty();
        }
        // Made under the lock: the next name may come before this one has its data.
        Optional<OpenFile> made = maker.get();
        try {
            made.ifPresent(file -> target.link(name, folder, number));
        } catch (RuntimeException | Error e) {
            made.ifPresent(OpenFile::close);
            throw e;
        }
        return made;
    }

    /** The last name takes the place of the one here, for a file may have as many names as its file system allows. */
    private static void link(Directory folder, String number, boolean last, Directory target, String name) {
        if (!last) {
            folder.link(number, target, name);
        } else if (target.status(name).isEmpty()) { // one made anew during the listing can be listed twice
            folder.rename(number, target, name);
        }
    }

    private static String number(FileStatus status) {
        return Integer.toHexString(status.deviceMajor()) + ":" + Integer.toHexString(status.deviceMinor()) + ":"
                + Long.toHexString(status.inode());
    }
}
