package io.berth.faults;

import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.linux.FailingCalls;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Clients work on a disk whose writes and flushes are logged. Of the log states are made in which a loss of power can leave
 * the disk; on each the driver is started and judged. The disk's fsync fails now and then, without being made.
 */
final class PowerCuts implements AutoCloseable {
    private static final long DISK_BYTES = 512L << 20;
    private static final int CLIENTS = 3;
    /** Between two of these the driver is started anew. */
    private static final int[] CALLS_OF_CLIENT = {25, 15};

    /** Where the first disk is put on which something does not hold. */
    private static final Path KEPT = Path.of("target", "power-cuts");

    private static final List<Disk.Left> LEFT = List.of(Disk.Left.values());

    private static final int EIO = 5;
    private static final int FSYNCS_PER_FAILURE = 60;

    private final String type;
    private final Path folder;
    private final Calls calls;
    private final LoopDisk loop;
    private final Disk.State empty;
    private List<String> violations = new ArrayList<>();

    /** Makes the disk, with a file system of this type and a pool. */
    PowerCuts(String type, Path folder) {
        this.type = type;
        this.folder = folder;
        this.calls = new Calls(folder.resolve("staging"));
        this.loop = LoopDisk.make(type, DISK_BYTES, folder);
        new Parts(loop.mount()).close();
        loop.unmount();
        this.empty = loop.disk().beginLog();
    }

    /**
     * Looks at so many states.
     *
     * @return what does not hold
     */
    List<String> run(long seed, int states) {
        violations = new ArrayList<>();
        loop.disk().become(empty);
        List<Client> clients = IntStream.range(0, CLIENTS)
                .mapToObj(number -> new Client(number, seed, loop.disk()::now, calls))
                .toList();
        Path root = loop.mount();
        Random failures = new Random(seed);
        for (int count : CALLS_OF_CLIENT) {
            work(root, clients, count, failures);
        }
        unmount();
        clients.forEach(client ->
                client.refused().ifPresent(refused -> violations.add(type + ", seed " + seed + ": " + refused)));
        List<Subject> subjects =
                clients.stream().flatMap(client -> client.subjects().stream()).toList();
        Random random = new Random(seed);
        Disk.Log log = loop.disk().log();
        for (int i = 0; i < states; i++) {
            int moment = moment(log, subjects, random);
            Disk.Left left = LEFT.get(random.nextInt(LEFT.size()));
            String name = type + ", seed " + seed + ", state " + i + ": power lost at " + moment + ", " + left
                    + " of what came after the flush at " + log.lastFlush(moment);
            judge(name, log.stateAt(empty, moment, left, random), subjects, moment);
        }
        return violations;
    }

    /** Every other is just after a call was answered, when it is hardest to keep one's word. */
    private static int moment(Disk.Log log, List<Subject> subjects, Random random) {
        int any = random.nextInt(log.size() + 1);
        List<Integer> answers =
                subjects.stream().flatMap(subject -> subject.answers().stream()).toList();
        return answers.isEmpty() || random.nextBoolean()
                ? any
                : Math.min(log.size(), answers.get(random.nextInt(answers.size())) + random.nextInt(3));
    }

    private void work(Path root, List<Client> clients, int count, Random failures) {
        try (Parts parts = new Parts(root);
                FailingCalls failing = FailingCalls.ask(
                        call -> call.equals("fsync") && failures.nextInt(FSYNCS_PER_FAILURE) == 0 ? EIO : 0)) {
            List<Thread> threads = clients.stream()
                    .map(client -> Thread.ofPlatform().start(() -> client.work(parts, count)))
                    .toList();
            for (Thread thread : threads) {
                thread.join();
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private void judge(String name, Disk.State state, List<Subject> subjects, int moment) {
        loop.disk().become(state);
        List<String> found = new ArrayList<>();
        Path root = loop.mount();
        // Docker's mount ids end with the boot, which is still the same one here.
        TestFileSystem.shell(root, "rm -f state/docker/ids/*@*");
        try (Parts parts = new Parts(root)) {
            found.addAll(Oracle.afterStart(parts, calls, subjects, moment));
        } catch (Fault e) {
            found.add("the start fails: " + e.getMessage());
        } finally {
            unmount();
        }
        if (!found.isEmpty()) {
            if (violations.isEmpty()) {
                save(state);
            }
            violations.add(name + ":\n" + String.join("\n", found));
        }
    }

    private void save(Disk.State state) {
        try {
            Files.createDirectories(KEPT);
            state.save(KEPT.resolve(type + ".img"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Everything that was mounted from the disk, and the disk. */
    private void unmount() {
        TestFileSystem.shell(
                folder,
                "findmnt --list --noheadings --output TARGET | grep \"^$PWD/[sm]\" | tac | grep -v \"^$PWD/mnt$\""
                        + " | xargs --no-run-if-empty umount");
        loop.unmount();
    }

    @Override
    public void close() {
        loop.close();
    }
}
