package io.berth.linux;

import java.nio.ByteBuffer;
import java.util.Optional;

/** Reads the names of a directory by getdents64(2) from where the descriptor stands. One thread's. */
final class DirectoryReader {
    // struct linux_dirent64: u64 d_ino, s64 d_off, u16 d_reclen, u8 d_type, then the name and a NUL
    private static final int OFFSET = 8;
    private static final int RECORD_LENGTH = 16;
    private static final int TYPE = 18;
    private static final int NAME = 19;
    private static final int UNKNOWN_TYPE = 0;
    private static final int USUAL_RECORD = 64;

    private final Directory directory;
    private final byte[] bytes;
    private final ByteBuffer buffer;

    /** Reads ahead about as much as is expected to be asked for. */
    DirectoryReader(Directory directory, int expectedEntries) {
        this.directory = directory;
        bytes = new byte[Math.clamp((long) expectedEntries * USUAL_RECORD, 1024, 32 * 1024)];
        buffer = Libc.struct(bytes).limit(0);
    }

    /** The next name but {@code .} and {@code ..}; empty at the end. */
    Optional<Listing.Entry> next() {
        while (buffer.hasRemaining() || fill()) {
            int at = buffer.position();
            buffer.position(at + Short.toUnsignedInt(buffer.getShort(at + RECORD_LENGTH)));
            Optional<Listing.Entry> entry = entry(at);
            if (entry.isPresent()) {
                return entry;
            }
        }
        return Optional.empty();
    }

    private boolean fill() {
        long result = directory.descriptor.call(fd -> Libc.calls().getdents64(fd, bytes, bytes.length));
        if (result == -Errno.ENOENT) {
            return false; // the directory was removed after it was opened
        }
        int count = (int) Libc.check(result, "getdents64", directory.path().toString());
        buffer.position(0).limit(count);
        return count > 0;
    }

    private Optional<Listing.Entry> entry(int at) {
        int end = at + NAME;
        while (bytes[end] != 0) {
            end++;
        }
        String name = FileName.decode(bytes, at + NAME, end - at - NAME);
        if (name.equals(".") || name.equals("..")) {
            return Optional.empty();
        }
        int type = Byte.toUnsignedInt(bytes[at + TYPE]);
        long cookie = buffer.getLong(at + OFFSET);
        if (type != UNKNOWN_TYPE) {
            return Optional.of(new Listing.Entry(name, FileType.of(type), cookie));
        }
        // Some file systems do not say; a name that is gone by now is as good as never seen.
        return directory.status(name).map(status -> new Listing.Entry(name, status.type(), cookie));
    }
}
