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
 * every one, and those that write and sync with more errors.
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
    /** What may find that the process has too many files open. */
    private static final Set<String> OPENS =
            Set.of("openat2", "open_tree", "open_by_handle_at", "fsopen", "fsmount", "dup3", "socket");
    /** These cannot fail, or do what they are for even then: close(2). */
    private static final Set<String> NEVER = Set.of("close", "geteuid", "umask");

    /** An answer must not come after one of these failed. */
    private static final Set<String> PROMISES = Set.of("fsync", "syncfs");

    /**
     * How calls fail.
     *
     * @param calls the names of those that may; every one when there are none
     * @param once whether one fails, or all after it too
     */
    private record Failure(int errno, Set<String> calls, boolean once) {
        @Override
        public String toString() {
            return "errno " + errno + (once ? "" : " and all after it");
        }
    }

    private static final Failure USUAL = new Failure(EIO, CHANGES, true);

    private static final List<Failure> FAILURES =
            System.getProperty("berth.failing-calls", "").equals("all")
                    ? List.of(
                            new Failure(EIO, Set.of(), true),
                            new Failure(EIO, CHANGES, false),
                            new Failure(EMFILE, OPENS, true),
                            new Failure(ENOSPC, CHANGES, false),
                            new Failure(EDQUOT, CHANGES, true),
                            new Failure(EROFS, CHANGES, false))
                    : List.of(USUAL);

    @TempDir
    Path folder;

    private int nextFile;
    private final List<String> violations = new ArrayList<>();

    @ParameterizedTest
    @EnumSource
    void whatFailsIsToldAndCanBeRepeated(Operation operation) throws Exception {
        folder = folder.toRealPath();
        Calls calls = new Calls(folder.resolve("staging"));
        for (Failure failure : FAILURES) {
            int at = 1;
            while (failsAt(operation, calls, failure, at)) {
                at++;
            }
            assertThat(at).as("calls that can fail").isGreaterThan(1);
        }
        assertThat(violations).isEmpty();
    }

    /** Whether there is a call of this number. */
    private boolean failsAt(Operation operation, Calls calls, Failure failure, int at) {
        boolean restart = at % 2 == 0;
        AtomicInteger syncs = new AtomicInteger();
        Failures failures = new Failures(failure, at);
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
        private final Failure failure;
        private final int at;

        Failures(Failure failure, int at) {
            this.failure = failure;
            this.at = at;
        }

        private int errno(String call) {
            if (failure.calls().isEmpty()
                    ? NEVER.contains(call)
                    : !failure.calls().contains(call)) {
                return 0;
            }
            int number = seen.incrementAndGet();
            if (failure.once() ? number != at : number < at) {
                return 0;
            }
            failed.add(call);
            return failure.errno();
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
            return "call " + at + " fails with " + failure + ": " + failed;
        }
    }
}
