package io.berth.settings;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.metrics.Metric;
import io.berth.service.NodeVolumes;
import io.berth.volume.HealthProblem;
import io.berth.volume.VolumeChange;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Holds docs/reference.md to the definitions; {@code -Dreference.write=true} writes the table anew. */
class ReferenceTest {
    private static final Path REFERENCE = Path.of("../docs/reference.md");

    @Test
    void theReferenceSaysWhatTheCodeDefines() throws IOException {
        isMadeFromTheCode("settings", settings());
    }

    @Test
    void theReferenceNamesEveryMetric() throws IOException {
        isMadeFromTheCode("metrics", metrics());
    }

    private static void isMadeFromTheCode(String subject, String table) throws IOException {
        String begin = "<!-- " + subject + ": made from the code by ReferenceTest -->\n";
        String text = Files.readString(REFERENCE);
        assertThat(text).contains(begin, "<!-- end of " + subject + " -->\n");
        int from = text.indexOf(begin) + begin.length();
        int to = text.indexOf("<!-- end of " + subject + " -->\n");
        if (Boolean.getBoolean("reference.write")) {
            Files.writeString(REFERENCE, text.substring(0, from) + table + text.substring(to));
        } else {
            assertThat(text.substring(from, to))
                    .as("write the table anew: mvn -pl deploy -am test -Dtest=ReferenceTest -Dreference.write=true"
                            + " -Dsurefire.failIfNoSpecifiedTests=false")
                    .isEqualTo(table);
        }
    }

    @Test
    void everyParameterAndNoOtherIsInTheReference() throws IOException {
        assertThat(keys("<!-- parameters:", "<!-- end of parameters -->"))
                .containsExactlyInAnyOrderElementsOf(VolumeParameters.KEYS);
        assertThat(keys("<!-- inline:", "<!-- end of inline -->"))
                .containsExactlyInAnyOrderElementsOf(NodeVolumes.INLINE_KEYS);
        assertThat(keys("<!-- mutable:", "<!-- end of mutable -->")).containsExactlyElementsOf(VolumeChange.KEYS);
    }

    @Test
    void everyReasonAVolumeCanBeIllOfAndNoOtherIsInTheReference() throws IOException {
        assertThat(keys("<!-- health:", "<!-- end of health -->"))
                .containsExactlyElementsOf(Stream.of(HealthProblem.Reason.values())
                        .map(HealthProblem.Reason::toString)
                        .toList());
        String text = Files.readString(REFERENCE);
        for (HealthProblem.Reason reason : HealthProblem.Reason.values()) {
            assertThat(text).contains("| `" + reason + "` | " + reason.severity() + " |");
        }
    }

    /** The first column of the table between two marks. */
    private static List<String> keys(String begin, String end) throws IOException {
        String text = Files.readString(REFERENCE);
        return text.substring(text.indexOf(begin), text.indexOf(end))
                .lines()
                .filter(line -> line.startsWith("| `"))
                .map(line -> line.substring(3, line.indexOf('`', 3)))
                .toList();
    }

    private static String metrics() {
        return Stream.of(Metric.values())
                .map(metric -> "| "
                        + String.join(
                                " | ",
                                code(metric.id()),
                                metric.type().toString(),
                                metric.labels().stream()
                                        .map(ReferenceTest::code)
                                        .collect(Collectors.joining(", ")),
                                metric.meaning())
                        + " |")
                .collect(Collectors.joining("\n", "| metric | type | labels | meaning |\n|---|---|---|---|\n", "\n"));
    }

    private static String settings() {
        return Settings.FLAGS.stream()
                .map(ReferenceTest::line)
                .collect(Collectors.joining(
                        "\n", "| flag | variable | YAML key | default | meaning |\n|---|---|---|---|---|\n", "\n"));
    }

    private static String line(Setting<?> setting) {
        String value = setting.implied().isPresent() ? "" : " " + setting.placeholder();
        String flag = "`" + setting.flag() + value + "`" + (setting.repeated() ? " ..." : "");
        String variables = setting.variables().stream().map(ReferenceTest::code).collect(Collectors.joining(", then "));
        String key = setting.equals(Settings.CONFIG) ? "" : code(setting.name());
        String standard = setting.required()
                ? "must be given"
                : setting.standard().map(ReferenceTest::code).orElse("");
        return "| " + String.join(" | ", flag, variables, key, standard, setting.meaning()) + " |";
    }

    private static String code(String text) {
        return text.isEmpty() ? "" : "`" + text + "`";
    }
}
