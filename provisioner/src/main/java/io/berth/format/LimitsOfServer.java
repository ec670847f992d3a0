package io.berth.format;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileSystemStatus;
import io.berth.volume.Usage;
import io.berth.volume.VolumeId;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiConsumer;

/**
 * The limits of directories on an NFS server: NFS neither shows nor sets quotas. Those that a driver on the server has set
 * hold here too, and statfs(2) shows them where the server's file system is XFS or ext4.
 */
final class LimitsOfServer implements DirectoryLimits {
    private static final long NFS = 0x6969L;
    private static final int MODE = 0700;

    private final Directory root;

    LimitsOfServer(Directory root) {
        this.root = root;
    }

    static boolean isOnServer(Directory root) {
        return root.fileSystem().type() == NFS;
    }

    @Override
    public String name() {
        return "the server";
    }

    @Override
    public Optional<String> problem(boolean inodes) {
        return Optional.of(
                "quotas cannot be set over NFS; run a driver on the server, with path= in its --pool, or take"
                        + " format=image (" + root.path() + ")");
    }

    @Override
    public Optional<String> lapse() {
        return Optional.empty();
    }

    @Override
    public boolean mend() {
        return false;
    }

    @Override
    public boolean mkdir(Directory parent, String name) {
        return parent.mkdir(name, MODE);
    }

    @Override
    public boolean isSet(Directory data, VolumeId id, long bytes, OptionalLong inodes) {
        return true; // as far as can be told
    }

    @Override
    public void set(Directory data, VolumeId id, long bytes, OptionalLong inodes) {
        throw new Fault(
                Fault.Kind.FAILED_PRECONDITION,
                "volume " + id + " cannot be held to its size from here: "
                        + problem(inodes.isPresent()).orElseThrow());
    }

    @Override
    public Usage usage(Directory data, FileSystemStatus status) {
        return VolumeFormat.usageOf(status);
    }

    @Override
    public long usedBytes(Directory data) {
        return 0;
    }

    @Override
    public boolean giveBack(BiConsumer<VolumeId, Runnable> underLock) {
        return false;
    }
}
