package io.berth.linux;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** System calls that have no open file. */
public final class Linux {
    private static final int UMOUNT_NOFOLLOW = 8;
    private static final int MNT_DETACH = 2;
    private static final int CLONE_FS = 0x200;

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path FILE_SYSTEMS = Path.of("/proc/filesystems");
    private static final Path OWN_LABEL = Path.of("/proc/self/attr/current");
    private static final String EFFECTIVE = "CapEff:";
    private static final int CAP_SYS_RESOURCE = 24;

    private Linux() {}

    /** The effective user of this process. */
    public static long geteuid() {
        return Integer.toUnsignedLong(Libc.calls().geteuid());
    }

    /** Whether this process has CAP_SYS_RESOURCE, without which the kernel resizes no ext4. See capabilities(7). */
    public static boolean hasCapSysResource() {
        try (var lines = Files.lines(STATUS)) {
            long effective = lines.filter(line -> line.startsWith(EFFECTIVE))
                    .mapToLong(line -> Long.parseUnsignedLong(
                            line.substring(EFFECTIVE.length()).strip(), 16))
                    .findFirst()
                    .orElse(0);
            return (effective >>> CAP_SYS_RESOURCE & 1) == 1;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Whether this kernel runs with SELinux and has its policy; seen from a container too. Without a policy every process is
     * just {@code kernel}.
     */
    public static boolean hasSelinux() {
        try (var lines = Files.lines(FILE_SYSTEMS)) {
            return lines.anyMatch(line -> line.endsWith("\tselinuxfs"))
                    && Files.readString(OWN_LABEL).indexOf(':') > 0;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Gives the calling thread an umask of its own, 0: the files that it makes have their mode at once. Where that is not
     * allowed the thread keeps the umask of all. See unshare(2).
     */
    public static void clearUmask() {
        if (Libc.calls().unshare(CLONE_FS) == 0) {
            Libc.calls().umask(0);
        }
    }

    /**
     * Takes the topmost mount off a path; a symbolic link there is not followed. See umount2(2).
     *
     * @param detach also when it is in use, together with what is mounted below it
     * @return false when nothing is mounted there, or nothing of that name exists
     * @throws SystemCallException EBUSY when it is in use
     */
    public static boolean umount2(Path target, boolean detach) {
        byte[] path = FileName.encode(target.toString());
        int flags = UMOUNT_NOFOLLOW | (detach ? MNT_DETACH : 0);
        long result = Libc.call(() -> Libc.calls().umount2(path, flags));
        if (result == -Errno.ENOENT || (result == -Errno.EINVAL && !isMountRoot(target))) {
            return false;
        }
        Libc.check(result, "umount2", target.toString());
        return true;
    }

    /** EINVAL is also the answer for a mount that a user namespace has locked. */
    private static boolean isMountRoot(Path target) {
        return FileStatus.of(target).filter(FileStatus::mountRoot).isPresent();
    }
}
