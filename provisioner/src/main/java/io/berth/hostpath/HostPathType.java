package io.berth.hostpath;

import io.berth.fault.Fault;
import io.berth.linux.FileType;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/** What must be at a host path before it is used: the {@code type} of the Kubernetes hostPath, same words, same meaning. */
public enum HostPathType {
    /** Anything, and it is not checked. */
    UNSET("", Optional.empty()),
    /** A folder, made with mode 0755 when nothing is there. */
    DIRECTORY_OR_CREATE("DirectoryOrCreate", Optional.of(FileType.DIRECTORY)),
    DIRECTORY("Directory", Optional.of(FileType.DIRECTORY)),
    /** A file, made empty with mode 0644 when nothing is there; its folder must be there. */
    FILE_OR_CREATE("FileOrCreate", Optional.of(FileType.REGULAR)),
    FILE("File", Optional.of(FileType.REGULAR)),
    SOCKET("Socket", Optional.of(FileType.SOCKET)),
    CHAR_DEVICE("CharDevice", Optional.of(FileType.CHAR_DEVICE)),
    BLOCK_DEVICE("BlockDevice", Optional.of(FileType.BLOCK_DEVICE));

    private final String word;
    private final Optional<FileType> required;

    HostPathType(String word, Optional<FileType> required) {
        this.word = word;
        this.required = required;
    }

    /**
     * Reads the word.
     *
     * @throws Fault INVALID_ARGUMENT for any other word
     */
    public static HostPathType parse(String text) {
        return Arrays.stream(values())
                .filter(type -> type.word.equals(text))
                .findFirst()
                .orElseThrow(() -> Fault.invalid(
                        "type",
                        text,
                        "one of "
                                + Arrays.stream(values())
                                        .map(type -> "\"" + type.word + "\"")
                                        .collect(Collectors.joining(", "))));
    }

    /** What must be there; empty: anything. */
    Optional<FileType> required() {
        return required;
    }

    @Override
    public String toString() {
        return word;
    }
}
