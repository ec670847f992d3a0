package io.berth.mount;

import io.berth.fault.Fault;
import io.berth.mount.MountTable.Origin;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is mounted in the mount namespaces of other processes, those of containers above all: a container keeps a mount of its
 * own, whatever is unmounted outside. See mount_namespaces(7). Each question reads {@code /proc} once, a table at a time; it
 * takes milliseconds and grows with the processes of the machine, so calls that run often ask none. Thread-safe.
 */
public final class OtherNamespaces {
    private static final Logger LOG = LoggerFactory.getLogger(OtherNamespaces.class);
    private static final Path PROC = Path.of("/proc");
    private static final Path SELF = PROC.resolve("self");
    private static final Path INIT = PROC.resolve("1");
    /** What the kernel calls the PID namespace that every process is in (PROC_PID_INIT_INO). */
    private static final String FIRST_PID_NAMESPACE = "pid:[4026531836]";

    private OtherNamespaces() {}

    /**
     * Whether what is mounted at a path may be mounted elsewhere too, in this namespace or another. Copies of this very mount
     * do not count, which other namespaces have; and when not all can be seen, it may.
     *
     * @param target where Berth mounted it
     */
    public static boolean mayHave(Path target) {
        MountTable own = MountTable.read();
        Optional<MountPoint> known = own.at(target);
        if (known.isEmpty()) {
            return true;
        }
        Set<Origin> shown = Set.of(new Origin(known.get().device(), known.get().root()));
        Optional<Origin> place = own.below(known.get());
        Predicate<MountTable> has = table -> table.mounts().stream()
                .anyMatch(mount -> shows(mount, shown) && !table.below(mount).equals(place));
        return has.test(own) || new Look(has).run();
    }

    /**
     * A process that has one of these mounted as a container has a volume: on its root, which is no root of the machine's.
     * What a container has because a folder of the machine is mounted in it, with the machine's mounts below, is none.
     */
    public static OptionalLong container(Set<Origin> origins) {
        if (origins.isEmpty()) {
            return OptionalLong.empty();
        }
        Set<Origin> roots = new HashSet<>();
        MountTable.read().root().ifPresent(roots::add);
        ofInit().flatMap(MountTable::root).ifPresent(roots::add);
        Look look = new Look(table ->
                table.root().filter(root -> !roots.contains(root)).isPresent()
                        && table.mounts().stream().anyMatch(mount -> shows(mount, origins) && table.liesOnRoot(mount)));
        look.run();
        return look.found;
    }

    private static Optional<MountTable> ofInit() {
        try {
            return Optional.of(read(INIT));
        } catch (IOException e) { // which only root of the machine may see
            return Optional.empty();
        }
    }

    private static boolean shows(MountPoint mount, Set<Origin> origins) {
        return !mount.rootRemoved()
                && origins.stream().anyMatch(origin -> origin.relativize(mount).isPresent());
    }

    private static String namespace(Path process, String kind) throws IOException {
        return Files.readSymbolicLink(process.resolve("ns").resolve(kind)).toString();
    }

    private static MountTable read(Path process) throws IOException {
        return MountTable.parse(Files.readAllBytes(process.resolve("mountinfo")));
    }

    /** One walk through the namespaces, to the first of which something is true. */
    private static final class Look {
        private final Predicate<MountTable> question;
        private final Set<String> seen = new HashSet<>();
        private OptionalLong found = OptionalLong.empty();
        private boolean complete = true;

        Look(Predicate<MountTable> question) {
            this.question = question;
        }

        /** Whether one was found, or some could not be seen. */
        boolean run() {
            try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[1-9]*")) {
                if (!namespace(SELF, "pid").equals(FIRST_PID_NAMESPACE)) {
                    return true; // the others are out of sight
                }
                seen.add(namespace(SELF, "mnt"));
                for (Path process : processes) {
                    if (look(process)) {
                        found = OptionalLong.of(
                                Long.parseLong(process.getFileName().toString()));
                        return true;
                    }
                }
                return !complete;
            } catch (IOException | DirectoryIteratorException e) {
                throw new Fault(Fault.Kind.UNAVAILABLE, "cannot read " + PROC + ": " + e.getMessage(), e);
            }
        }

        private boolean look(Path process) {
            try {
                return seen.add(namespace(process, "mnt")) && question.test(read(process));
            } catch (AccessDeniedException e) {
                complete &= process.equals(INIT); // which is no container's
                return false;
            } catch (IOException e) {
                LOG.trace("{} has ended: {}", process, e.getMessage());
                return false;
            }
        }
    }
}
