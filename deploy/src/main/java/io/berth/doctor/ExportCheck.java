package io.berth.doctor;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FileSystemStatus;
import io.berth.linux.LockFile;
import io.berth.linux.RegularFile;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.nfs.NfsMount;
import io.berth.nfs.NfsShare;
import io.berth.pool.PoolAccess;
import io.berth.pool.PoolConfig;
import io.berth.volume.ByteSize;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/** Mounts a pool's export, makes two files in it, looks at what the server does with them, and removes them again. */
final class ExportCheck {
    private static final int OTHER = 1;
    private static final Duration MOST_SKEW = Duration.ofSeconds(5);

    private final PoolConfig pool;
    private final List<Finding> findings = new ArrayList<>();

    private ExportCheck(PoolConfig pool) {
        this.pool = pool;
    }

    static List<Finding> of(PoolConfig pool, NfsShare share) {
        ExportCheck check = new ExportCheck(pool);
        try (NfsMount mount = NfsMount.mount(share);
                Directory root = Directory.open(mount.path(), Optional.of(mount.calls()))) {
            check.look(mount, root);
        } catch (Fault e) {
            check.findings.add(Finding.broken(check.subject(""), e.getMessage()));
        }
        return check.findings;
    }

    private String subject(String what) {
        return what + "pool " + pool.name();
    }

    private void look(NfsMount mount, Directory root) {
        MountPoint at = MountTable.read().containing(mount.path());
        FileSystemStatus status = root.fileSystem();
        String version = at.superOptions().stream()
                .filter(option -> option.startsWith("vers="))
                .findFirst()
                .map(option -> "NFS " + option.substring("vers=".length()))
                .orElse(at.fsType());
        findings.add(Finding.ok(
                subject(""),
                pool.place() + ", " + version + ", " + ByteSize.format(status.availableBytes()) + " free"));
        PoolAccess.writers(root).ifPresent(text -> findings.add(Finding.note(subject("access to "), text)));
        String name = ".berth-doctor-"
                + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
        try {
            Optional<RegularFile> made = RegularFile.create(root, name, 0600);
            try (RegularFile file = made.orElseThrow()) {
                lookAt(file, root, name);
            }
        } catch (Fault e) {
            findings.add(Finding.broken(
                    subject("writing to "), e.getMessage() + "; export it with rw,no_root_squash to this client"));
        } finally {
            root.unlink(name);
            root.unlink(name + "-clone");
        }
    }

    private void lookAt(RegularFile file, Directory root, String name) {
        Duration skew =
                Duration.between(file.status().modified(), Instant.now()).abs();
        findings.add(
                skew.compareTo(MOST_SKEW) <= 0
                        ? Finding.ok(subject("clock of "), "agrees with this machine's")
                        : Finding.note(
                                subject("clock of "),
                                skew.toSeconds() + " s from this machine's; synchronize both (chrony)"));
        findings.add(owners(file));
        findings.add(locks(root, name));
        findings.add(clones(file, root, name + "-clone"));
    }

    private Finding owners(RegularFile file) {
        String advice =
                "root is another user there (root_squash), so volumes cannot get owners, and what is in them cannot"
                        + " be deleted; export it with no_root_squash to this client";
        try {
            file.chown(OTHER, OTHER);
            return file.status().uid() == OTHER
                    ? Finding.ok(subject("owners in "), "can be given")
                    : Finding.broken(subject("owners in "), advice);
        } catch (Fault e) {
            return Finding.broken(subject("owners in "), advice + " (" + e.getMessage() + ")");
        }
    }

    private Finding locks(Directory root, String name) {
        try (LockFile file = LockFile.open(root, name)) {
            return file.tryLock(0).isPresent()
                    ? Finding.ok(subject("locks in "), "can be taken")
                    : Finding.broken(subject("locks in "), "a new file is locked already");
        } catch (Fault e) {
            return Finding.broken(
                    subject("locks in "),
                    e.getMessage() + "; NFS 3 needs rpc.statd on both sides; a server just started waits 90 s");
        }
    }

    private Finding clones(RegularFile file, Directory root, String name) {
        String subject = subject("snapshots in ");
        file.pwrite(ByteBuffer.wrap("block".getBytes(StandardCharsets.UTF_8)), 0);
        try (RegularFile clone = RegularFile.create(root, name, 0600).orElseThrow()) {
            return clone.ficlone(file)
                    ? Finding.ok(subject, "the server clones files, which takes no time and no room")
                    : Finding.note(subject, "the server copies files; NFS 4.2 on XFS or btrfs would clone them");
        }
    }
}
