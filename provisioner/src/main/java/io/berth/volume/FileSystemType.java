package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What an image can be formatted with. */
public enum FileSystemType {
    EXT4(16L << 20),
    XFS(300L << 20);

    private final long minimumBytes;

    FileSystemType(long minimumBytes) {
        this.minimumBytes = minimumBytes;
    }

    /** The smallest device that it makes sense on, or that its makers allow. */
    public long minimumBytes() {
        return minimumBytes;
    }

    /**
     * Reads the word.
     *
     * @throws Fault INVALID_ARGUMENT naming the field, for any other word
     */
    public static FileSystemType parse(String field, String text) {
        return Arrays.stream(values())
                .filter(value -> value.toString().equals(text))
                .findFirst()
                .orElseThrow(() -> Fault.invalid(
                        field,
                        text,
                        Arrays.stream(values()).map(FileSystemType::toString).collect(Collectors.joining(" | "))));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
