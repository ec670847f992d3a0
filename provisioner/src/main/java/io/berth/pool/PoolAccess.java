package io.berth.pool;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.Linux;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Who besides root can reach into a pool. */
public final class PoolAccess {
    private static final int WRITE = 022;
    private static final int ENTER = 011;

    /** The folders of records in which there are more. */
    private static final Set<String> NESTED = Set.of("snapshots", "groups");

    private PoolAccess() {}

    /**
     * Refuses records that others may have written: whoever writes there has every volume of the pool.
     *
     * @param records the folder {@code .berth}
     * @throws Fault FAILED_PRECONDITION with the cure
     */
    static void requireOurs(Directory records) {
        records.status().requireOurs(records);
        records.forEachEntry(entry -> {
            if (entry.type() == FileType.DIRECTORY) {
                records.openDirectory(entry.name()).ifPresent(folder -> {
                    try (folder) {
                        if (NESTED.contains(entry.name())) {
                            requireOurs(folder);
                        } else {
                            folder.status().requireOurs(folder);
                        }
                    }
                });
            }
        });
    }

    /** Who else may change what lies in a pool's folder, and what to do; empty when nobody. */
    public static Optional<String> writers(Directory root) {
        FileStatus status = root.status();
        if (status.uid() != 0 && status.uid() != Linux.geteuid()) {
            return Optional.of(root + " belongs to user " + status.uid()
                    + ", who can take volumes away and put others in their place; chown root:root " + root);
        }
        return isClosed(status, WRITE)
                ? Optional.empty()
                : Optional.of(root + " has mode " + mode(status)
                        + ", so others can take volumes away and put others in their place; chmod 0700 " + root);
    }

    /** Who else may enter a pool's folder, and what to do; empty when nobody. */
    public static Optional<String> visitors(Directory root) {
        FileStatus status = root.status();
        return isClosed(status, ENTER)
                ? Optional.empty()
                : Optional.of(root + " has mode " + mode(status)
                        + ", so users of this machine reach what containers make there, programs with setuid and devices"
                        + " too; chmod 0700 " + root);
    }

    /** Root's group is as good as root. */
    private static boolean isClosed(FileStatus status, int bits) {
        int others = status.gid() == 0 ? bits & 07 : bits;
        return (status.mode() & others) == 0;
    }

    private static String mode(FileStatus status) {
        return String.format(Locale.ROOT, "%04o", status.mode());
    }
}
