package io.berth.format;

import io.berth.fault.Fault;
import io.berth.linux.Btrfs;
import io.berth.linux.BtrfsQuota;
import io.berth.linux.Directory;
import io.berth.linux.FileSystemStatus;
import io.berth.linux.Qgroup;
import io.berth.volume.Usage;
import io.berth.volume.VolumeId;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiConsumer;

/** Each directory is a subvolume of btrfs, limited where quotas are on. */
final class QgroupLimits implements DirectoryLimits {
    private final Directory root;

    QgroupLimits(Directory root) {
        this.root = root;
    }

    @Override
    public String name() {
        return "btrfs quota groups";
    }

    @Override
    public Optional<String> problem(boolean inodes) {
        if (inodes) {
            return Optional.of("btrfs does not limit how many files there are; leave inodes away");
        }
        return BtrfsQuota.isOn(root)
                ? Optional.empty()
                : Optional.of("btrfs quotas are off; switch them on by: btrfs quota enable " + root.path());
    }

    @Override
    public Optional<String> problem(Directory data) {
        return Btrfs.isSubvolume(data)
                ? Optional.empty()
                : Optional.of(data.path()
                        + " is no subvolume, and btrfs limits nothing else; docs/operations.md, \"Backup and restore of a"
                        + " pool\", says how to make it one");
    }

    @Override
    public Optional<String> lapse() {
        return BtrfsQuota.of(root)
                .filter(quota -> !quota.isSure())
                .map(quota -> "limits do not hold now: "
                        + (quota.rescanning()
                                ? "btrfs is still counting what each subvolume holds"
                                : "btrfs has lost count of what each subvolume holds; Berth makes it count anew, as does: "
                                        + "btrfs quota rescan " + root.path()));
    }

    @Override
    public boolean mend() {
        return BtrfsQuota.rescan(root);
    }

    @Override
    public boolean mkdir(Directory parent, String name) {
        return Btrfs.createSubvolume(parent, name);
    }

    @Override
    public boolean isSet(Directory data, VolumeId id, long bytes, OptionalLong inodes) {
        return Btrfs.isSubvolume(data)
                && Qgroup.of(data)
                        .filter(qgroup -> qgroup.limit().equals(limit(bytes)))
                        .isPresent();
    }

    @Override
    public void set(Directory data, VolumeId id, long bytes, OptionalLong inodes) {
        problem(data).ifPresent(problem -> {
            throw new Fault(Fault.Kind.FAILED_PRECONDITION, "volume " + id + ": " + problem);
        });
        if (!Qgroup.limit(data, limit(bytes))) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume " + id + " cannot be held to its size: "
                            + problem(false).orElse("btrfs quotas were off; try again"));
        }
    }

    private static OptionalLong limit(long bytes) {
        return bytes == 0 ? OptionalLong.empty() : OptionalLong.of(bytes);
    }

    @Override
    public Usage usage(Directory data, FileSystemStatus status) {
        Usage all = VolumeFormat.usageOf(status);
        if (!Btrfs.isSubvolume(data)) {
            return all;
        }
        return Qgroup.of(data)
                .map(qgroup -> {
                    long total = qgroup.limit().orElse(all.totalBytes());
                    long left = Math.clamp(total - qgroup.referenced(), 0, all.availableBytes());
                    return new Usage(total, qgroup.referenced(), left, 0, 0, 0);
                })
                .orElse(all);
    }

    @Override
    public long usedBytes(Directory data) {
        return Qgroup.of(data).map(Qgroup::referenced).orElse(0L);
    }

    @Override
    public boolean giveBack(BiConsumer<VolumeId, Runnable> underLock) {
        return Qgroup.removeStale(root);
    }
}
