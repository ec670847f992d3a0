package io.berth.linux;

/** What kind of file it is. See inode(7). */
public enum FileType {
    REGULAR(010),
    DIRECTORY(004),
    SYMLINK(012),
    FIFO(001),
    SOCKET(014),
    CHAR_DEVICE(002),
    BLOCK_DEVICE(006);

    private final int number;

    FileType(int number) {
        this.number = number;
    }

    /** With its article, for people. */
    public String described() {
        return switch (this) {
            case DIRECTORY -> "a directory";
            case REGULAR -> "a file";
            case SYMLINK -> "a symbolic link";
            case FIFO -> "a FIFO";
            case SOCKET -> "a socket";
            case CHAR_DEVICE -> "a character device";
            case BLOCK_DEVICE -> "a block device";
        };
    }

    /** Its part of {@code st_mode}. */
    int modeBits() {
        return number << 12;
    }

    /** By its number, which is both the type's part of {@code st_mode} and {@code d_type} of a directory's entry. */
    static FileType of(int number) {
        for (FileType type : values()) {
            if (type.number == number) {
                return type;
            }
        }
        throw new IllegalArgumentException("no type of file: " + number);
    }
}
