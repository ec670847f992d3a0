package io.berth.doctor;

import io.berth.fault.Fault;
import io.berth.format.Formats;
import io.berth.format.ImageFormat;
import io.berth.linux.DetachedMount;
import io.berth.linux.Directory;
import io.berth.linux.FileSystemStatus;
import io.berth.linux.Linux;
import io.berth.linux.PathHandle;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.pool.AwaitedMount;
import io.berth.pool.PoolAccess;
import io.berth.pool.PoolConfig;
import io.berth.settings.Settings;
import io.berth.volume.ByteSize;
import io.berth.volume.FileSystemType;
import io.berth.volume.Limit;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Looks at this machine and its pools. Leaves everything as it is. */
public final class Doctor {
    private static final Pattern RELEASE = Pattern.compile("([0-9]+)\\.([0-9]+).*", Pattern.DOTALL);
    private static final Path KUBELET = Path.of("/var/lib/kubelet");
    private static final long FEW_INODES = 10_000;
    private static final int OTHERS = 07;

    /** Where a volume's data would not outlive the machine's next start. */
    private static final Set<String> VOLATILE = Set.of("tmpfs", "ramfs", "overlay");

    private Doctor() {}

    /** Looks at everything that these settings need. */
    public static List<Finding> examine(Settings.Machine machine) {
        List<PoolConfig> pools = machine.pools();
        List<Finding> findings =
                new ArrayList<>(List.of(kernel(), privilege(), mounting(), propagation(), fileNames()));
        findings.addAll(others(machine));
        for (PoolConfig pool : pools) {
            if (pool.mounted().isPresent()) {
                findings.addAll(ExportCheck.of(pool, pool.mounted().get()));
            } else {
                findings.add(pool(pool));
                access(pool).ifPresent(findings::add);
                limits(pool).ifPresent(findings::add);
            }
        }
        if (pools.stream().anyMatch(Doctor::needsImages)) {
            findings.add(images());
        }
        return findings;
    }

    private static Finding kernel() {
        try {
            String release =
                    Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip();
            Matcher matcher = RELEASE.matcher(release);
            boolean enough = matcher.matches()
                    && Integer.parseInt(matcher.group(1)) * 1000 + Integer.parseInt(matcher.group(2)) >= 5012;
            return enough
                    ? Finding.ok("kernel", "Linux " + release)
                    : Finding.broken("kernel", "Linux " + release + "; 5.12 or newer is needed");
        } catch (IOException e) {
            return Finding.broken("kernel", "cannot be told: " + Fault.reason(e) + "; is /proc mounted?");
        }
    }

    private static Finding privilege() {
        return Linux.geteuid() == 0
                ? Finding.ok("privilege", "root")
                : Finding.broken(
                        "privilege", "user " + Linux.geteuid() + "; run as root (in Kubernetes: privileged: true)");
    }

    /** Makes a mount that nothing shows, which takes all the calls and the right to use them. */
    private static Finding mounting() {
        try (DetachedMount mount = DetachedMount.tmpfs("berth:doctor", 4096, 0700, 0, 0)) {
            mount.setAttributes(0, 0);
            return Finding.ok("mounting", "allowed");
        } catch (SystemCallException e) {
            return Finding.broken(
                    "mounting", e.getMessage() + " (a container needs CAP_SYS_ADMIN, in Kubernetes privileged: true)");
        }
    }

    /** What is mounted here is seen by others only where the mount around it is shared (mount_namespaces(7)). */
    private static Finding propagation() {
        if (!Files.isDirectory(KUBELET)) {
            return Finding.note("propagation", "no " + KUBELET + " here, so not looked at");
        }
        MountPoint around = MountTable.read().containing(KUBELET);
        return around.shared()
                ? Finding.ok("propagation", around.target() + " is shared, so pods see what is mounted here")
                : Finding.broken(
                        "propagation",
                        around.target() + " is private, so pods do not see what is mounted here; mount --make-rshared "
                                + around.target() + " (in a container: mountPropagation: Bidirectional)");
    }

    private static Finding fileNames() {
        Charset names = Charset.forName(System.getProperty("sun.jnu.encoding", "US-ASCII"));
        return names.equals(StandardCharsets.UTF_8)
                ? Finding.ok("file names", "UTF-8")
                : Finding.broken(
                        "file names", names + "; set LC_ALL=C.UTF-8, else names with other letters are not found");
    }

    private static Finding pool(PoolConfig pool) {
        String subject = "pool " + pool.name();
        try (Directory root = Directory.open(pool.root())) {
            Optional<String> unmounted = AwaitedMount.problem(pool, root);
            if (unmounted.isPresent()) {
                return Finding.broken(subject, unmounted.get());
            }
            FileSystemStatus status = root.fileSystem();
            MountPoint around = MountTable.read().containing(pool.root().toRealPath());
            String what = around.fsType() + ", " + ByteSize.format(status.availableBytes()) + " free";
            if (status.readOnly()) {
                return Finding.broken(
                        subject, pool.root() + " is mounted read-only; mount -o remount,rw " + around.target());
            }
            if (VOLATILE.contains(around.fsType())) {
                return Finding.note(
                        subject, what + "; volumes there are gone with the machine's or container's next start");
            }
            if (status.totalInodes() > 0 && status.freeInodes() < FEW_INODES) {
                return Finding.note(subject, what + ", but only " + status.freeInodes() + " files more (inodes)");
            }
            return Finding.ok(subject, what);
        } catch (SystemCallException e) {
            return Finding.broken(subject, e.getMessage() + "; make the folder, or mount its disk");
        } catch (IOException e) {
            return Finding.broken(subject, pool.root() + ": " + Fault.reason(e));
        } catch (Fault e) {
            return Finding.broken(subject, e.getMessage());
        }
    }

    /** Who else reaches what only root should. */
    private static List<Finding> others(Settings.Machine machine) {
        List<Finding> findings = new ArrayList<>();
        machine.hostPaths().problems().forEach(problem -> findings.add(Finding.note("host paths", problem)));
        for (Path folder : List.of(machine.stateDir(), machine.stateDir().resolve("mounts"))) {
            try (PathHandle handle = PathHandle.open(folder).orElse(null)) {
                if (handle != null && (handle.status().mode() & OTHERS) != 0) {
                    findings.add(Finding.note(
                            "state",
                            folder + " may be entered by users of this machine, who so reach what containers make in"
                                    + " volumes; a start of Berth closes it (--state-group lets one group pass)"));
                }
            }
        }
        return findings;
    }

    /** Who else reaches into a pool; empty when nobody, and when it cannot be looked at. */
    private static Optional<Finding> access(PoolConfig pool) {
        String subject = "access to pool " + pool.name();
        try (Directory root = Directory.open(pool.root())) {
            return PoolAccess.writers(root)
                    .or(() -> PoolAccess.visitors(root))
                    .map(text -> Finding.note(subject, text));
        } catch (SystemCallException e) {
            return Optional.empty(); // the finding of the pool itself says so
        }
    }

    /** Whether directories of a pool can be held to their size; empty when the pool cannot be looked at. */
    private static Optional<Finding> limits(PoolConfig pool) {
        String subject = "limits of pool " + pool.name();
        try (Directory root = Directory.open(pool.root())) {
            if (AwaitedMount.problem(pool, root).isPresent()) {
                return Optional.empty(); // the finding of the pool itself says so
            }
            Optional<String> problem = Formats.limitProblem(root);
            if (problem.isEmpty()) {
                return Optional.of(Formats.limitLapse(root)
                        .map(lapse -> Finding.note(subject, lapse))
                        .orElseGet(() -> Finding.ok(subject, "the file system holds directories to their limits")));
            }
            String text = "directories cannot be held to a limit: " + problem.get();
            return Optional.of(
                    pool.limitOfSized() == Limit.ENFORCED ? Finding.note(subject, text) : Finding.ok(subject, text));
        } catch (SystemCallException e) {
            return Optional.empty(); // the finding of the pool itself says so
        }
    }

    /** Whether volumes whose parameters name no format are images: only those are held to a limit everywhere. */
    private static boolean needsImages(PoolConfig pool) {
        if (pool.mounted().isPresent()) {
            return pool.limitOfSized() == Limit.ENFORCED;
        }
        try (Directory root = Directory.open(pool.root())) {
            return pool.limitOfSized() == Limit.ENFORCED
                    && AwaitedMount.problem(pool, root).isEmpty()
                    && Formats.limitProblem(root).isPresent();
        } catch (SystemCallException e) {
            return false; // the finding of the pool itself says so
        }
    }

    private static Finding images() {
        List<String> lacking = ImageFormat.problems(FileSystemType.EXT4);
        if (!lacking.isEmpty()) {
            return Finding.broken("images", String.join("; ", lacking));
        }
        List<String> limits = new ArrayList<>(ImageFormat.problems(FileSystemType.XFS));
        ImageFormat.growthProblem(FileSystemType.EXT4).ifPresent(limits::add);
        return limits.isEmpty()
                ? Finding.ok("images", "can be made and can grow, with ext4 and xfs")
                : Finding.note("images", String.join("; ", limits));
    }
}
