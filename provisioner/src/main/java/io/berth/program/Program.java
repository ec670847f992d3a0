package io.berth.program;

import io.berth.fault.Fault;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A program of the system. It is run without a shell, without an environment and without input, and killed when it takes
 * too long. Immutable.
 *
 * @param name for example {@code mkfs.ext4}; looked for where the system's programs are, whatever PATH says
 * @param comesWith what to install where it is missing
 */
public record Program(String name, String comesWith) {
    private static final List<Path> DIRECTORIES =
            List.of(Path.of("/usr/sbin"), Path.of("/sbin"), Path.of("/usr/bin"), Path.of("/bin"));

    private static final int MOST_OUTPUT = 4096;
    /** How long the output of a program that has ended may be under way. */
    private static final Duration LAST_OUTPUT = Duration.ofSeconds(2);

    /**
     * How it ended.
     *
     * @param status 0 to 255 as it says, 128 and more also when a signal ended it
     * @param output what it printed, the first 4 KiB, on one line
     */
    public record Ended(int status, String output) {}

    /** That it is missing, and what to install; empty when it is there. */
    public Optional<String> problem() {
        return find().isPresent()
                ? Optional.empty()
                : Optional.of("the program " + name + " is in none of " + DIRECTORIES + "; install " + comesWith);
    }

    /** Where it is. */
    private Optional<Path> find() {
        return DIRECTORIES.stream()
                .map(directory -> directory.resolve(name))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /**
     * Runs it to its end.
     *
     * @throws Fault FAILED_PRECONDITION when it is missing or cannot be started, UNAVAILABLE when it was killed because it
     *     took longer than the deadline
     */
    public Ended run(Duration deadline, String... arguments) {
        Path program = find().orElseThrow(() ->
                new Fault(Fault.Kind.FAILED_PRECONDITION, problem().orElse(name + " vanished")));
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .directory(Path.of("/").toFile());
        builder.environment().clear();
        try {
            return finish(builder.start(), deadline);
        } catch (IOException e) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION, "cannot start " + command.getFirst() + ": " + Fault.reason(e), e);
        }
    }

    private Ended finish(Process process, Duration deadline) throws IOException {
        process.getOutputStream().close();
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        Thread reader = new Thread(() -> read(process, output), name + "-output");
        reader.setDaemon(true);
        reader.start();
        try {
            if (!process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new Fault(
                        Fault.Kind.UNAVAILABLE,
                        name + " was killed because it took more than " + deadline.toSeconds() + " s: "
                                + onOneLine(output));
            }
            reader.join(LAST_OUTPUT.toMillis());
            return new Ended(process.exitValue(), onOneLine(output));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Fault(Fault.Kind.UNAVAILABLE, name + " was killed because Berth stops", e);
        } finally {
            process.destroyForcibly(); // one that is stuck in the kernel dies when that lets it go
        }
    }

    /** Reads all, so that the program does not wait for a reader, and keeps the beginning. */
    private static void read(Process process, ByteArrayOutputStream output) {
        byte[] buffer = new byte[MOST_OUTPUT];
        try (InputStream in = process.getInputStream()) {
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                output.write(buffer, 0, Math.min(count, MOST_OUTPUT - output.size()));
            }
        } catch (IOException e) {
            output.writeBytes(" (the rest could not be read)".getBytes(StandardCharsets.UTF_8));
        }
    }

    private static String onOneLine(ByteArrayOutputStream output) {
        return output.toString(StandardCharsets.UTF_8)
                .replaceAll("[\\s\\p{Cntrl}]+", " ")
                .strip();
    }
}
