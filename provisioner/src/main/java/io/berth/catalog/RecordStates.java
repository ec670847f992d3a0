package io.berth.catalog;

import io.berth.linux.Directory;
import java.util.List;
import java.util.function.Consumer;

/**
 * The states of one kind of record, each a folder: the intent to make something, what was made, the intent to delete it. A
 * record moves from one to the next, durable when the method returns. Thread-safe for different records.
 */
final class RecordStates implements AutoCloseable {
    final RecordFolder creating;
    final RecordFolder made;
    final RecordFolder deleting;

    /** Where records are written before they replace others. */
    final RecordFolder tmp;

    /**
     * Opens the folders, made where they are missing.
     *
     * @param made the name of the folder of what was made
     */
    RecordStates(Directory parent, String made) {
        this.creating = RecordFolder.open(parent, "creating");
        this.made = RecordFolder.open(parent, made);
        this.deleting = RecordFolder.open(parent, "deleting");
        this.tmp = RecordFolder.open(parent, "tmp");
    }

    /** Turns the intent to make something into what was made. */
    void commit(String name) {
        creating.move(name, made);
    }

    /** Turns what was made into the intent to delete it. */
    void beginDelete(String name) {
        tmp.remove(name); // left by a crash in replace
        made.move(name, deleting);
    }

    /**
     * Leaves one record of this name where a power cut, or a hand, left several, and makes durable that it is the only one:
     * only then may its intent be acted on. What was made is made, whatever intents lie beside it; that is so unless the
     * intent to delete is the same file, which then was on its way there. An intent to delete beside one to make something
     * is of an earlier thing of this name, whose deletion had come to its end.
     *
     * @param read reads what was made: it is not chosen when that throws
     * @return whether an intent is left
     */
    boolean settle(String name, Runnable read) {
        boolean begun = creating.has(name);
        boolean ending = deleting.has(name);
        if (!begun && !ending) {
            return false;
        }
        boolean there = made.has(name);
        if (there) {
            read.run();
        }
        if (there && begun) {
            creating.remove(name);
            begun = false;
        }
        if (ending && there) {
            ending = keepDeletion(name, made);
        } else if (ending && begun) {
            ending = keepDeletion(name, creating);
            begun = !ending;
        }
        if (ending) {
            deleting.sync();
        }
        if (!made.directory().keepsOrderOfNames()) {
            made.sync();
            creating.sync();
            deleting.sync();
        }
        return begun || ending;
    }

    /** Whether a deletion had begun of what is here; else it is forgotten. */
    private boolean keepDeletion(String name, RecordFolder here) {
        boolean same = deleting.isSame(name, here, name);
        (same ? here : deleting).remove(name);
        return same;
    }

    /** Hands over the name of every intent. */
    void forEachIntent(Consumer<String> action) {
        creating.forEach(action);
        deleting.forEach(action);
    }

    /** Waits until all records are on disk where they are now. */
    void sync() {
        List.of(creating, made, deleting).forEach(RecordFolder::sync);
    }

    @Override
    public void close() {
        List.of(creating, made, deleting, tmp).forEach(RecordFolder::close);
    }
}
