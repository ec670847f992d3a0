package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs a command to its end. */
public final class Command {
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private Command() {}

    /** How a command ended and what it wrote. */
    public record Result(int code, String out, String err) {}

    /** Runs a command that must end within two minutes. */
    public static Result run(String... command) {
        return run(PATIENCE, Map.of(), List.of(command));
    }

    /**
     * Runs a command.
     *
     * @param environment added to this process's own
     */
    public static Result run(Duration patience, Map<String, String> environment, List<String> command) {
        try {
            Path out = Files.createTempFile("berth-out", "");
            Path err = Files.createTempFile("berth-err", "");
            try {
                ProcessBuilder builder = new ProcessBuilder(command)
                        .redirectInput(Path.of("/dev/null").toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile());
                builder.environment().putAll(environment);
                int code = end(builder.start(), patience, command);
                return new Result(code, read(out), read(err));
            } finally {
                Files.delete(out);
                Files.delete(err);
            }
        } catch (IOException e) {
            throw new AssertionError("cannot run " + command + ": " + e.getMessage(), e);
        }
    }

    /** Runs a command that must succeed, and gives what it wrote. */
    public static String succeed(String... command) {
        Result result = run(command);
        assertThat(result.code())
                .as("%s wrote %s%s", List.of(command), result.out(), result.err())
                .isZero();
        return result.out();
    }

    private static int end(Process process, Duration patience, List<String> command) {
        try {
            if (!process.waitFor(patience.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError(command + " did not end within " + patience.toSeconds() + " s");
            }
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting for " + command, e);
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    private static String read(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }
}
