package io.berth.faults;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.fault.Fault;
import io.berth.linux.FailingCalls;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The system calls of each operation fail, one at a time: those that write and sync, with {@code -Dberth.failing-calls=all}
 * every one and with more errors.
 */
class FailingCallsTest {
    private static final int EIO = 5;
    private static final int EMFILE = 24;
    private static final int ENOSPC = 28;
    private static final int EROFS = 30;
    private static final int EDQUOT = 122;

    /** What changes the disk, and what has to wait for it. */
    private static final Set<String> CHANGES = Set.of(
            "fsync",
            "syncfs",
            "renameat",
            "linkat",
            "symlinkat",
            "mkdirat",
            "unlinkat",
            "write",
            "pwrite",
            "ftruncate");
    /** An answer must not come after one of these failed. */
    private static final Set<String> PROMISES = Set.of("fsync", "syncfs");

    private static final boolean ALL =
            System.getProperty("berth.failing-calls", "").equals("all");

    @TempDir
    Path folder;

    private int nextFile;
    private final List<String> violations = new ArrayList<>();

    @ParameterizedTest
    @EnumSource
    void whatFailsIsToldAndCanBeRepeated(Operation operation) throws Exception {
        folder = folder.toRealPath();
        Calls calls = new Calls(folder.resolve("staging"));
        for (int errno : ALL ? new int[] {EIO, ENOSPC, EDQUOT, EROFS, EMFILE} : new int[] {EIO}) {
            for (boolean once : ALL ? new boolean[] {true, false} : new boolean[] {true}) {
                int at = 1;
                while (failsAt(operation, calls, errno, at, once)) {
                    at++;
                }
                assertThat(at).as("calls that can fail").isGreaterThan(1);
            }
        }
        assertThat(violations).isEmpty();
    }

    /** Whether there is a call of this number. */
    private boolean failsAt(Operation operation, Calls calls, int errno, int at, boolean once) {
        boolean restart = at % 2 == 0;
        AtomicInteger syncs = new AtomicInteger();
        Failures failures = new Failures(errno, at, once);
        List<String> found = new ArrayList<>();
        Parts parts = new Parts(folder);
        try {
            Operation.Script script = new Operation.Script(parts, calls, nextFile);
            nextFile += 10;
            operation.make(script);
            Operation.Planned last = script.last();
            List<Path> before = openFiles();
            Optional<Fault> fault = failures.during(() -> last.call().accept(script.parts()));
            boolean promised = operation.promises() && failures.failed.stream().anyMatch(PROMISES::contains);
            if (fault.isEmpty() && promised) {
                found.add("is answered though it failed");
            }
            Subject.Step step = last.subject().begin(operation.name(), script.moment(), last.after(), on -> {
                int already = restart ? 0 : syncs.get(); // a start syncs what it finds
                last.call().accept(on);
                if (promised && syncs.get() == already) {
                    found.add("its repeat is answered without a sync");
                }
            });
            try (FailingCalls counting = FailingCalls.ask(call -> {
                syncs.addAndGet(PROMISES.contains(call) ? 1 : 0);
                return 0;
            })) {
                if (restart) {
                    parts.close();
                    parts = new Parts(folder);
                }
                found.addAll(
                        restart
                                ? Oracle.afterStart(parts, calls, script.subjects(), step.begun)
                                : Oracle.afterFailure(parts, calls, script.subjects(), step.begun));
            }
            if (!restart && openFiles().size() > before.size()) {
                found.add("open stay " + openFiles() + ", there were " + before);
            }
            if (!found.isEmpty()) {
                violations.add(operation + ", " + failures + ", " + fault.map(Fault::getMessage) + ":\n"
                        + String.join("\n", found));
            }
            return !failures.failed.isEmpty();
        } finally {
            parts.close();
        }
    }

    /** The files of the pool that this process has open. */
    private List<Path> openFiles() {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors
                    .flatMap(descriptor -> {
                        try {
                            return Stream.of(Files.readSymbolicLink(descriptor));
                        } catch (IOException e) {
                            return Stream.empty(); // closed by now
                        }
                    })
                    .filter(file -> file.startsWith(folder))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The calls that fail: one, or from that on all. */
    private static final class Failures {
        final Queue<String> failed = new ConcurrentLinkedQueue<>();
        private final AtomicInteger seen = new AtomicInteger();
        private final int errno;
        private final int at;
        private final boolean once;

        Failures(int errno, int at, boolean once) {
            this.errno = errno;
            this.at = at;
            this.once = once;
        }

        private int errno(String call) {
            if (!ALL && !CHANGES.contains(call)) {
                return 0;
            }
            int number = seen.incrementAndGet();
            if (once ? number != at : number < at) {
                return 0;
            }
            failed.add(call);
            return errno;
        }

        Optional<Fault> during(Runnable operation) {
            try (FailingCalls failing = FailingCalls.ask(this::errno)) {
                operation.run();
                return Optional.empty();
            } catch (Fault e) {
                return Optional.of(e);
            }
        }

        @Override
        public String toString() {
            return "call " + at + (once ? "" : " and all after it") + " fails with errno " + errno + " " + failed;
        }
    }
}
