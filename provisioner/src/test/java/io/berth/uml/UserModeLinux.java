package io.berth.uml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;

/**
 * Runs test classes on a kernel of its own, which has what this machine's may lack: NFS, quotas of XFS and ext4. Such classes
 * have names that do not end in Test, so that they run there only.
 */
public final class UserModeLinux {
    /** Where the scripts lie. */
    static final Path FOLDER =
            Path.of("..", "sanity-tests", "src", "test", "uml").toAbsolutePath().normalize();

    private UserModeLinux() {}

    /** Boots once, runs all tests of the classes one after the other, and gives a test for each of them. */
    public static Stream<DynamicTest> run(Duration deadline, Class<?>... classes) {
        List<String> output = runMain(
                deadline,
                RunTests.class.getName(),
                Stream.of(classes).map(Class::getName).toArray(String[]::new));
        List<DynamicTest> tests = output.stream()
                .filter(line -> line.startsWith(RunTests.PASSED) || line.startsWith(RunTests.FAILED))
                .map(line -> test(line, output))
                .toList();
        assertThat(output).as("the last line says that all tests ran").endsWith(RunTests.DONE + tests.size());
        return tests.stream();
    }

    /** Boots once and runs a program of this class path, which must end well; the answer is the lines that it printed. */
    public static List<String> runMain(Duration deadline, String mainClass, String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                FOLDER.resolve("boot").toString(),
                Long.toString(deadline.toSeconds()),
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Djava.io.tmpdir=/run/tmp",
                "-classpath",
                System.getProperty("java.class.path"),
                mainClass));
        command.addAll(List.of(arguments));
        return output(command);
    }

    private static DynamicTest test(String line, List<String> output) {
        return dynamicTest(line.substring(RunTests.PASSED.length()), () -> {
            if (line.startsWith(RunTests.FAILED)) {
                List<String> after = output.subList(output.indexOf(line) + 1, output.size());
                fail(String.join(
                        "\n",
                        after.stream()
                                .takeWhile(detail -> detail.startsWith(RunTests.DETAIL))
                                .toList()));
            }
        });
    }

    /** Runs a program to its end, which must be good; the answer is the lines that it printed. */
    static List<String> output(List<String> command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor()).as(output).isZero();
            return output.lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
