package io.berth.copy;

import io.berth.linux.Directory;
import io.berth.linux.OpenFile;
import io.berth.linux.Xattrs;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * The NFS 4 ACL that a new file has of itself, which is most often that of its source too: a server tells one for every
 * file, and makes it of the mode where nobody has set any. One thread's.
 */
final class NewAcl {
    private static final String NAME = "system.nfs4_acl";

    private Optional<Known> known = Optional.empty();

    /** What a file was seen to have that was made with this mode in this directory, which may have one to inherit. */
    private record Known(Directory directory, int mode, Optional<ByteBuffer> acl) {}

    /**
     * The extended attributes of the source without its ACL, where the new file has the same.
     *
     * @param to just made, with this mode, in the directory
     */
    List<String> toSet(List<String> xattrs, OpenFile from, OpenFile to, Directory directory, int mode) {
        return xattrs.contains(NAME) && acl(from).equals(acl(to, directory, mode))
                ? xattrs.stream().filter(name -> !name.equals(NAME)).toList()
                : xattrs;
    }

    private Optional<ByteBuffer> acl(OpenFile to, Directory directory, int mode) {
        Known one = known.filter(last -> last.directory().equals(directory) && last.mode() == mode)
                .orElseGet(() -> new Known(directory, mode, acl(to)));
        known = Optional.of(one);
        return one.acl();
    }

    private static Optional<ByteBuffer> acl(OpenFile file) {
        return Xattrs.get(file, NAME).map(ByteBuffer::wrap);
    }
}
