package io.berth.mount;

import java.nio.file.Path;
import java.util.Set;

/**
 * One line of /proc/self/mountinfo. See proc_pid_mountinfo(5).
 *
 * @param parentId the mount it lies on
 * @param device the file system's number, {@code major:minor}; of NFS {@code server:}, for one export has as many numbers
 *     as there are ways it is mounted
 * @param root what of the file system is mounted, as a path in it
 * @param rootRemoved whether that was removed from the file system since
 * @param target where it is mounted
 * @param options those of this mount
 * @param shared whether what is mounted on it appears in its peers, and the other way round (mount_namespaces(7))
 * @param superOptions those of the file system
 */
public record MountPoint(
        int id,
        int parentId,
        String device,
        Path root,
        boolean rootRemoved,
        Path target,
        Set<String> options,
        boolean shared,
        String fsType,
        String source,
        Set<String> superOptions) {
    private static final Path FILE_SYSTEM_ROOT = Path.of("/");

    /**
     * Whether it shows a file system from its root, or from that of a subvolume of btrfs: a bind mount of a folder does
     * not. Of NFS what the server calls the root counts, which no other export is.
     */
    public boolean wholeFileSystem() {
        return root.equals(FILE_SYSTEM_ROOT) || (fsType.equals("btrfs") && superOptions.contains("subvol=" + root));
    }

    /** Whether nothing can be written through it. */
    public boolean readOnly() {
        return options.contains("ro") || superOptions.contains("ro");
    }

    /**
     * Whether nothing can be written to its file system, however it is mounted. An ext4 that met an error says so by
     * {@code emergency_ro} alone since Linux 6.15, and statfs(2) does not tell.
     */
    public boolean fileSystemReadOnly() {
        return superOptions.contains("ro") || superOptions.contains("emergency_ro");
    }
}
