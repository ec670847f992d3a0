package io.berth.mount;

import io.berth.fault.Fault;
import io.berth.mount.MountTable.Origin;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is mounted in the mount namespaces of other processes, those of containers above all: a container keeps a mount of its
 * own, whatever is unmounted outside. See mount_namespaces(7). A look reads {@code /proc} once; it takes milliseconds and
 * grows with the processes of the machine, so calls that run often make none. Thread-safe.
 */
public final class OtherNamespaces {
    private static final Logger LOG = LoggerFactory.getLogger(OtherNamespaces.class);
    private static final Path PROC = Path.of("/proc");
    private static final Path SELF = PROC.resolve("self");
    private static final Path INIT = PROC.resolve("1");
    private static final Path ROOT = Path.of("/");
    /** What the kernel calls the PID namespace that every process is in (PROC_PID_INIT_INO). */
    private static final String FIRST_PID_NAMESPACE = "pid:[4026531836]";

    private final List<Namespace> namespaces;
    private final Set<Origin> hostRoots;
    private final boolean complete;

    /** The table of one, and the process by which it was seen. */
    private record Namespace(long pid, MountTable table) {}

    private OtherNamespaces(List<Namespace> namespaces, boolean complete) {
        this.namespaces = namespaces;
        this.complete = complete;
        this.hostRoots = Stream.concat(
                        Stream.of(MountTable.read()),
                        namespaces.stream()
                                .filter(namespace -> namespace.pid() == 1)
                                .map(Namespace::table))
                .map(table -> table.origin(ROOT))
                .collect(Collectors.toSet());
    }

    /** Looks at the processes of this machine. One that ends meanwhile is passed over. */
    public static OtherNamespaces look() {
        List<Namespace> found = new ArrayList<>();
        boolean complete;
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[1-9]*")) {
            // One in a PID namespace of its own sees the processes of that.
            complete = namespace(SELF, "pid").equals(FIRST_PID_NAMESPACE);
            Set<String> seen = new HashSet<>(Set.of(namespace(SELF, "mnt")));
            for (Path process : processes) {
                try {
                    if (seen.add(namespace(process, "mnt"))) {
                        found.add(read(process));
                    }
                } catch (AccessDeniedException e) {
                    complete &= process.equals(INIT); // which is no container's
                } catch (IOException e) { // it has ended
                    LOG.trace("{} has ended: {}", process, e.getMessage());
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            throw new Fault(Fault.Kind.UNAVAILABLE, "cannot read " + PROC + ": " + e.getMessage(), e);
        }
        return new OtherNamespaces(found, complete);
    }

    private static String namespace(Path process, String kind) throws IOException {
        return Files.readSymbolicLink(process.resolve("ns").resolve(kind)).toString();
    }

    private static Namespace read(Path process) throws IOException {
        return new Namespace(
                Long.parseLong(process.getFileName().toString()),
                MountTable.parse(Files.readAllBytes(process.resolve("mountinfo"))));
    }

    /**
     * Whether what is mounted at a path may be mounted elsewhere too, in this namespace or another. Copies of this very mount
     * do not count, which other namespaces have; and when not all can be seen, it may.
     *
     * @param target where Berth mounted it
     */
    public boolean mayHave(Path target) {
        MountTable own = MountTable.read();
        Optional<MountPoint> known = own.at(target);
        if (!complete || known.isEmpty()) {
            return true;
        }
        Origin shown = new Origin(known.get().device(), known.get().root());
        Optional<Origin> place = own.below(known.get());
        return Stream.concat(Stream.of(own), namespaces.stream().map(Namespace::table))
                .anyMatch(table -> table.mounts().stream()
                        .anyMatch(mount -> shows(mount, Set.of(shown))
                                && !table.below(mount).equals(place)));
    }

    /**
     * A process that has one of these mounted as a container has a volume: on its root, which is no root of the machine's.
     * What a container has because a folder of the machine is mounted in it, with the machine's mounts below, is none.
     */
    public OptionalLong container(Set<Origin> origins) {
        return namespaces.stream()
                .filter(namespace -> !hostRoots.contains(namespace.table().origin(ROOT)))
                .filter(namespace -> namespace.table().mounts().stream()
                        .anyMatch(mount ->
                                shows(mount, origins) && namespace.table().liesOnRoot(mount)))
                .mapToLong(Namespace::pid)
                .findFirst();
    }

    private static boolean shows(MountPoint mount, Set<Origin> origins) {
        return !mount.rootRemoved()
                && origins.stream().anyMatch(origin -> origin.relativize(mount).isPresent());
    }
}
