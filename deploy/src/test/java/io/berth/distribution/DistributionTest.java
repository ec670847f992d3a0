package io.berth.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The archive, unpacked elsewhere and called in the ways people call it. */
@Timeout(120)
class DistributionTest {
    @TempDir
    static Path folder;

    private static Path archive = Path.of("");
    private static Path berth = Path.of("");

    /** What a process wrote, and its exit code. */
    private record Result(int code, String out, String err) {}

    @BeforeAll
    static void unpack() throws Exception {
        try (Stream<Path> files = Files.list(Path.of("target"))) {
            archive = files.filter(file -> file.toString().endsWith(".tar.gz"))
                    .findFirst()
                    .orElseThrow();
        }
        Path place = Files.createDirectory(folder.resolve("a place"));
        assertThat(run("tar", "-xzf", archive.toString(), "-C", place.toString()))
                .isEqualTo(new Result(0, "", ""));
        try (Stream<Path> files = Files.list(place)) {
            berth = files.findFirst().orElseThrow().resolve("bin/berth");
        }
    }

    @Test
    void runsThroughSymbolicLinksAndSaysNothingElse() throws Exception {
        Path first = Files.createSymbolicLink(folder.resolve("first"), berth);
        Path second = Files.createSymbolicLink(folder.resolve("second"), Path.of("first"));
        Result result = run(second.toString(), "version");
        assertThat(result.code()).isZero();
        assertThat(result.out()).startsWith("berth ").hasLineCount(1);
        assertThat(result.err()).isEmpty();
        assertThat(first).isSymbolicLink();
    }

    @Test
    void itsOwnAndPicoclisClassesComeFromTheCache() throws Exception {
        Result result = run(Map.of("BERTH_JAVA_OPTS", "-Xlog:class+load"), berth.toString(), "version");
        assertThat(result.out())
                .contains("io.berth.command.Berth source: shared objects file")
                .contains("picocli.CommandLine source: shared objects file");
    }

    @Test
    void everyFileInTheArchiveHasOneTimeAndTheOwnerRoot() throws Exception {
        Result result = run("tar", "--utc", "--full-time", "--numeric-owner", "-tvzf", archive.toString());
        assertThat(result.out().lines())
                .hasSizeGreaterThan(50)
                .allMatch(line -> line.matches("\\S+ 0/0 +\\d+ 2026-01-01 00:00:00 berth-.*"));
    }

    @Test
    void wrongSettingsEndItWithCodeTwoAndALineEach() throws Exception {
        Result result = run(Map.of("BERTH_LOG_LEVEL", "loud"), berth.toString(), "serve", "--max-calls", "many");
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).hasLineCount(3).contains("node-id is not set", "--max-calls", "BERTH_LOG_LEVEL");
    }

    @Test
    void readsAFileWithAnyNameInAnyLocaleAndStopsInOrder() throws Exception {
        Path file = Files.writeString(
                folder.resolve("größe.yaml"),
                "node-id: n1\nlog-format: json\nendpoint: " + folder.resolve("csi.sock") + "\npool: [fast=local:"
                        + Files.createDirectory(folder.resolve("fast")) + "]\n");
        ProcessBuilder builder = new ProcessBuilder(berth.toString(), "node", "--config", file.toString());
        builder.environment().put("LC_ALL", "POSIX");
        Process process = builder.redirectErrorStream(true).start();
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            assertThat(lines.readLine()).contains("\"message\":\"starting\"", "\"node\":\"n1\"");
            // What is said of the pools, which are opened meanwhile, may come first.
            assertThat(lines.lines().anyMatch(line -> line.contains("\"message\":\"serving ")))
                    .isTrue();
            assertThat(Files.readString(Path.of("/proc/" + process.pid() + "/status")))
                    .contains("Umask:\t0027");
            process.toHandle().destroy(); // unlike Process.destroy it leaves the output readable
            assertThat(lines.lines().toList()).last().asString().contains("\"message\":\"stopped\"");
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isZero();
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void aServiceManagerThatCannotBeToldIsAnErrorAtStart() throws Exception {
        Result result = run(
                Map.of("NOTIFY_SOCKET", folder.resolve("missing").toString()),
                berth.toString(),
                "serve",
                "--endpoint=" + folder.resolve("csi.sock"),
                "--node-id=n");
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).startsWith("berth: sendto to NOTIFY_SOCKET").hasLineCount(1);
    }

    private static Result run(String... command) throws Exception {
        return run(Map.of(), command);
    }

    private static Result run(Map<String, String> environment, String... command) throws Exception {
        Path out = Files.createTempFile(folder, "out", "");
        Path err = Files.createTempFile(folder, "err", "");
        ProcessBuilder builder = new ProcessBuilder(List.of(command))
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        try {
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        return new Result(process.exitValue(), Files.readString(out), Files.readString(err));
    }
}
