package io.berth.copy;

import io.berth.linux.Directory;
import io.berth.linux.Project;
import io.berth.linux.RegularFile;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A folder in the root of a copy for what would else grow in memory with the tree. It is made when it is first needed, under
 * a name that no file of the source can be expected to have, and is gone before the copy is whole. Thread-safe.
 */
final class Scratch implements AutoCloseable {
    private static final String PREFIX = ".berth-copy-";

    private final Directory root;
    private final String name =
            PREFIX + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    private Optional<Directory> folder = Optional.empty();

    /** In this root, which stays the caller's. */
    Scratch(Directory root) {
        this.root = root;
    }

    synchronized Directory folder() {
        if (folder.isEmpty()) {
            root.mkdir(name, 0700);
            Directory made = root.openDirectory(name).orElseThrow(() -> gone());
            folder = Optional.of(made);
            // So that it counts for no limit of the copy, and files of every project can be linked in it.
            new Project(0, false).set(made);
        }
        return folder.get();
    }

    private IllegalStateException gone() {
        return new IllegalStateException(name + " of " + root + " was taken away");
    }

    /** A new file that has no name. */
    RegularFile file() {
        return RegularFile.createNameless(folder());
    }

    /** Removes it, with all that is in it. */
    synchronized void remove(Progress progress) {
        folder.ifPresent(made -> {
            made.forEachEntry(entry -> {
                progress.check();
                made.unlink(entry.name());
            });
            root.rmdir(name);
        });
    }

    @Override
    public synchronized void close() {
        folder.ifPresent(Directory::close);
    }
}
