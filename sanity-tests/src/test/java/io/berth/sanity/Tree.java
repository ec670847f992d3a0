package io.berth.sanity;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributes;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Everything in a folder, so that two moments can be compared. */
record Tree(Map<Path, Entry> entries) {
    /**
     * A file, folder or link.
     *
     * @param content of a file, or where a link points to
     */
    record Entry(String owner, String permissions, FileTime modified, String content) {}

    /** What is in the folder now; links are not followed. */
    static Tree of(Path folder) {
        Map<Path, Entry> entries = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(folder)) {
            paths.forEach(path -> entries.put(folder.relativize(path), entry(path)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Tree(entries);
    }

    private static Entry entry(Path path) {
        try {
            PosixFileAttributes found =
                    Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            String content = found.isRegularFile()
                    ? Files.readString(path, StandardCharsets.ISO_8859_1)
                    : found.isSymbolicLink() ? Files.readSymbolicLink(path).toString() : "";
            return new Entry(
                    found.owner().getName(), found.permissions().toString(), found.lastModifiedTime(), content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
