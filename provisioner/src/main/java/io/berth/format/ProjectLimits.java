package io.berth.format;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileSystemStatus;
import io.berth.linux.Project;
import io.berth.linux.ProjectQuota;
import io.berth.volume.Usage;
import io.berth.volume.VolumeId;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BiConsumer;

/** Each limited directory is a project of XFS or ext4 of its own; statfs(2) in it shows the project's size. */
final class ProjectLimits implements DirectoryLimits {
    private static final long XFS = 0x58465342L;
    private static final long EXT4 = 0xef53L;
    private static final int MODE = 0700;
    /** XFS rounds a limit up to its block. */
    private static final int LARGEST_BLOCK = 65536;

    private final Directory root;
    private final Projects projects;

    ProjectLimits(Directory root, Projects projects) {
        this.root = root;
        this.projects = projects;
    }

    @Override
    public String name() {
        return "project quotas";
    }

    @Override
    public Optional<String> problem(boolean inodes) {
        return ProjectQuota.areEnforced(root) ? Optional.empty() : Optional.of(problem());
    }

    private String problem() {
        long type = root.fileSystem().type();
        if (type == XFS) {
            return "project quotas are off; unmount the XFS file system of " + root.path()
                    + " and mount it with -o prjquota";
        }
        if (type == EXT4) {
            return "project quotas are off; unmount the ext4 file system of " + root.path()
                    + ", run tune2fs -O project,quota on its device and mount it with -o prjquota";
        }
        return "the file system of " + root.path() + " has no quotas for directories; use XFS, ext4 or btrfs";
    }

    @Override
    public Optional<String> lapse() {
        return Optional.empty(); // their journals keep the count right
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
        return projectOf(data, id)
                .flatMap(project -> ProjectQuota.of(data, project))
                .filter(quota -> isLimit(quota, bytes, inodes.orElse(0)))
                .isPresent();
    }

    private static boolean isLimit(ProjectQuota quota, long bytes, long inodes) {
        long over = quota.limitBytes() - bytes;
        return over >= 0 && over < LARGEST_BLOCK && (bytes > 0 || over == 0) && quota.limitInodes() == inodes;
    }

    private Optional<Long> projectOf(Directory data, VolumeId id) {
        return Project.of(data)
                .filter(project -> project.inherited() && projects.isClaimed(project.id(), id))
                .map(Project::id);
    }

    @Override
    public void set(Directory data, VolumeId id, long bytes, OptionalLong inodes) {
        if (!ProjectQuota.areEnforced(data)) {
            throw cannot(id);
        }
        long project = projectOf(data, id).orElseGet(() -> projects.claim(id, number -> isFree(data, number)));
        if (!ProjectQuota.limit(data, project, bytes, inodes.orElse(0)) || !new Project(project, true).set(data)) {
            throw cannot(id);
        }
    }

    private Fault cannot(VolumeId id) {
        return new Fault(Fault.Kind.FAILED_PRECONDITION, "volume " + id + " cannot be held to its size: " + problem());
    }

    /** A project that anything is charged to, or that is limited, is somebody else's. */
    private static boolean isFree(Directory directory, long project) {
        return ProjectQuota.of(directory, project)
                .filter(quota -> quota.equals(new ProjectQuota(0, 0, 0, 0)))
                .isPresent();
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
        projects.forEach((project, id) -> {
            if (isEmpty(project)) {
                // The lock: a volume that is being made is charged for nothing at first.
                underLock.accept(id, () -> {
                    if (isEmpty(project)) {
                        ProjectQuota.limit(root, project, 0, 0);
                        projects.release(project);
                    }
                });
            }
        });
        return false;
    }

    private boolean isEmpty(long project) {
        return ProjectQuota.of(root, project)
                .filter(quota -> quota.usedInodes() == 0)
                .isPresent();
    }
}
