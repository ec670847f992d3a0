package io.berth.nfs;

import io.berth.fault.Fault;
import io.berth.linux.Bulkhead;
import io.berth.linux.DetachedMount;
import io.berth.linux.Directory;
import io.berth.linux.Errno;
import io.berth.linux.LockFile;
import io.berth.linux.SystemCallException;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * An export that is mounted where nobody but Berth looks, by all processes of Berth together. One mount serves all of a
 * pool: volumes are bind mounts of its folders, and stay when it is taken away. Mounting is system calls alone; where NFS 3
 * needs rpcbind and mountd, the kernel asks them. Thread-safe.
 */
public final class NfsMount implements AutoCloseable {
    private static final Duration PAUSE = Duration.ofMillis(5);
    private static final int MOST_TRIES = 400;
    /** Begins the option by which the mount table tells the server's address. */
    private static final String ADDRESS = "addr=";

    private final NfsShare share;
    /** Locked shared by every process that uses the mount; who can lock it exclusively may take the mount away. */
    private final LockFile users;

    private final LockFile.Held mine;
    private final Bulkhead calls;
    /** Asks the server that was mounted last; empty before. */
    private volatile Optional<NfsPing> ping = Optional.empty();

    private NfsMount(NfsShare share, LockFile users) {
        this.share = share;
        this.users = users;
        this.mine = lock(users)
                .orElseThrow(() -> new Fault(
                        Fault.Kind.UNAVAILABLE, "another process is just unmounting " + share + "; try again"));
        this.calls = new Bulkhead("the NFS server of " + share.export(), Bulkhead.Patience.OF_NETWORK, this::lives);
    }

    /** Waits for who is just unmounting: that takes milliseconds. */
    private static Optional<LockFile.Held> lock(LockFile users) {
        Optional<LockFile.Held> held = users.tryLockShared(0);
        for (int tries = 0; held.isEmpty() && tries < MOST_TRIES; tries++) {
            LockSupport.parkNanos(PAUSE.toNanos());
            held = users.tryLockShared(0);
        }
        return held;
    }

    private boolean lives() {
        return ping.map(NfsPing::lives).orElse(true);
    }

    /**
     * Mounts an export, or finds it mounted.
     *
     * @throws Fault UNAVAILABLE when the server does not answer, FAILED_PRECONDITION with the kernel's reason when it
     *     cannot be mounted
     */
    public static NfsMount mount(NfsShare share) {
        Path mountPoint = share.mountPoint();
        makeFolder(mountPoint.resolveSibling("users"));
        try (Directory folder = Directory.open(mountPoint.resolveSibling("users"))) {
            LockFile users = LockFile.open(folder, mountPoint.getFileName().toString());
            try {
                NfsMount mount = new NfsMount(share, users);
                mount.mountUnlessThere();
                return mount;
            } catch (RuntimeException e) {
                users.close();
                throw e;
            }
        }
    }

    /** Where it is mounted. */
    public Path path() {
        return share.mountPoint();
    }

    /** On which all calls that come to the server have to be made. */
    public Bulkhead calls() {
        return calls;
    }

    /** How long the server takes to answer now; empty when it is silent, or is not asked over TCP. Takes two seconds at most. */
    public Optional<Duration> answerTime() {
        return ping.flatMap(NfsPing::answerTime);
    }

    private void mountUnlessThere() {
        boolean unused = calls.call(() -> {
            InetAddress[] addresses = resolve();
            if (isThere()) {
                return Stream.concat(mountedFrom().stream(), Stream.of(addresses))
                        .anyMatch(this::ping);
            }
            makeFolder(path());
            mount(addresses);
            return true;
        });
    }

    /** The address that the kernel talks to, where it tells: a server may have others, which need not live. */
    private Optional<InetAddress> mountedFrom() {
        return MountTable.read().at(path()).stream()
                .flatMap(mount -> mount.superOptions().stream())
                .filter(option -> option.startsWith(ADDRESS))
                .map(option -> NfsMount.literal(option.substring(ADDRESS.length())))
                .findFirst();
    }

    private static InetAddress literal(String address) {
        try {
            return InetAddress.getByName(address);
        } catch (UnknownHostException e) {
            throw new Fault(Fault.Kind.INTERNAL, "the kernel calls a server " + Fault.quote(address), e);
        }
    }

    private InetAddress[] resolve() {
        try {
            return InetAddress.getAllByName(share.export().server().name());
        } catch (UnknownHostException e) {
            throw new Fault(
                    Fault.Kind.UNAVAILABLE,
                    "the name of NFS server " + share.export().server() + " is not known here; check DNS or /etc/hosts",
                    e);
        }
    }

    /** Whether it is mounted, and is still what the server exports. */
    private boolean isThere() {
        if (MountTable.read().at(path()).isEmpty()) {
            return false;
        }
        try (Directory root = Directory.open(path())) {
            return root.fileSystem().totalBytes() >= 0;
        } catch (SystemCallException e) {
            if (e.errno() != Errno.ESTALE) {
                throw e;
            }
            Mounts.unmount(path());
            return false;
        }
    }

    private static void makeFolder(Path folder) {
        try {
            Files.createDirectories(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (IOException e) {
            throw new Fault(Fault.Kind.FAILED_PRECONDITION, "cannot make " + folder + ": " + Fault.reason(e), e);
        }
    }

    /** By the first address that answers and can be mounted: proto= may ask for one of the other family. */
    private void mount(InetAddress... addresses) {
        Optional<Fault> failure = Optional.empty();
        for (InetAddress address : addresses) {
            if (ping(address)) {
                try {
                    mount(address);
                    return;
                } catch (Fault e) {
                    failure = failure.or(() -> Optional.of(e));
                }
            }
        }
        throw failure.orElseGet(() -> new Fault(
                Fault.Kind.UNAVAILABLE,
                "NFS server " + share.export().server() + " does not answer on port "
                        + share.options().port() + "; check the server, its firewall and the network"));
    }

    private boolean ping(InetAddress address) {
        if (!share.options().isOverTcp()) {
            return true;
        }
        NfsPing asked = new NfsPing(address, share.options().port());
        ping = Optional.of(asked);
        return asked.lives();
    }

    /** By the newest version that the server speaks. */
    private void mount(InetAddress address) {
        Optional<Fault> unknownVersion = Optional.empty();
        for (String version : share.options().versions()) {
            try (DetachedMount mount = DetachedMount.fileSystem(
                    "nfs", share.export().toString(), share.options().forKernel(version, address))) {
                Mounts.attach(mount, path(), share.options().mount());
                return;
            } catch (SystemCallException e) {
                if (e.errno() != Errno.EPROTONOSUPPORT) {
                    throw cannotMount(e);
                }
                unknownVersion = Optional.of(cannotMount(e));
            }
        }
        throw unknownVersion.orElseThrow();
    }

    private Fault cannotMount(SystemCallException cause) {
        String advice = switch (cause.errno()) {
            case Errno.ENODEV -> "this kernel has no NFS client; modprobe nfs";
            case Errno.ENOENT -> "the server exports no such path, or it is no folder";
            case Errno.EACCES, Errno.EPERM -> "the server refuses this client; see its /etc/exports, and sec=";
            case Errno.EPROTONOSUPPORT -> "the server does not speak this version; choose another nfsvers=";
            default -> "nfs(5) has the options";
        };
        return new Fault(
                cause.kind() == Fault.Kind.UNAVAILABLE ? Fault.Kind.UNAVAILABLE : Fault.Kind.FAILED_PRECONDITION,
                "cannot mount NFS export " + share + ": " + cause.getMessage() + "; " + advice,
                cause);
    }

    /**
     * Takes it away when no other process uses it; volumes stay mounted. When the server is silent it may stay, for the next
     * process. Closes all files that were opened through it first.
     */
    @Override
    public void close() {
        calls.close();
        mine.close();
        try {
            users.tryLock(0).ifPresent(alone -> {
                boolean unused = calls.nowOrLater(() -> Mounts.unmount(path()), false);
            });
        } finally {
            users.close();
        }
    }
}
