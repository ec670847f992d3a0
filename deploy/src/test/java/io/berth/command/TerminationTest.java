package io.berth.command;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A process that is told to end, for each way a stop can go. */
@Timeout(60)
class TerminationTest {
    @Test
    void aStopThatIsDoneEndsTheProcessWithZero() throws Exception {
        assertThat(terminated("done")).isEqualTo(new End(0, List.of("ready", "stopping")));
    }

    @Test
    void aStopThatFailsEndsTheProcessWithOneAndTheReason() throws Exception {
        End end = terminated("failing");
        assertThat(end.code()).isEqualTo(1);
        assertThat(end.lines()).hasSize(3).last().asString().contains("stopping failed", "IllegalStateException: odd");
    }

    @Test
    void aStopThatIsStuckEndsTheProcessAfterItsTime() throws Exception {
        End end = terminated("stuck");
        assertThat(end.code()).isEqualTo(1);
        assertThat(end.lines()).hasSize(3).last().asString().contains("not stopped after");
    }

    private record End(int code, List<String> lines) {}

    /** Runs {@link Stoppable}, sends it SIGTERM when it is ready, and waits for its end. */
    private static End terminated(String how) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Stoppable.class.getName(),
                        how)
                .redirectErrorStream(true)
                .start();
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            String first = out.readLine();
            process.toHandle().destroy();
            List<String> lines = new ArrayList<>(List.of(first));
            out.lines().forEach(lines::add);
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            return new End(process.exitValue(), lines);
        } finally {
            process.destroyForcibly();
        }
    }

    /** The process. */
    static final class Stoppable {
        public static void main(String[] arguments) throws InterruptedException {
            Thread main =
                    new Thread(() -> Termination.await(Duration.ofMillis(500), () -> {}, () -> stop(arguments[0])));
            main.start();
            while (main.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
            System.out.println("ready");
            main.join();
        }

        private static void stop(String how) {
            System.out.println("stopping");
            switch (how) {
                case "failing" -> throw new IllegalStateException("odd");
                case "stuck" -> awaitForever();
                default -> {}
            }
        }

        private static void awaitForever() {
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
