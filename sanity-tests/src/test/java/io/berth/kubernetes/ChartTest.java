package io.berth.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.berth.sanity.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The chart as helm sees it, and the manifests that are made of it. */
@Tag("kubernetes")
@Timeout(120)
class ChartTest {
    private static final Path DEPLOY = Path.of("../deploy").toAbsolutePath().normalize();
    private static final Path CHART = DEPLOY.resolve("chart/berth");
    private static final String VERSION = "--kube-version=1.36.0";

    @TempDir
    Path folder;

    static List<Path> valueSets() throws IOException {
        try (Stream<Path> files = Files.list(CHART.resolve("ci"))) {
            List<Path> sets = files.sorted().toList();
            assertThat(sets).hasSizeGreaterThanOrEqualTo(6);
            return sets;
        }
    }

    @ParameterizedTest
    @MethodSource("valueSets")
    void helmFindsNothingToComplainAbout(Path values) {
        assertThat(helm("lint", CHART.toString(), VERSION, "--strict", "--values=" + values))
                .contains("0 chart(s) failed")
                .doesNotContain("[WARNING]", "[ERROR]");
    }

    @ParameterizedTest
    @MethodSource("valueSets")
    void everyValueSetMakesManifests(Path values) {
        String manifests = template("--values=" + values);
        assertThat(manifests).contains("kind: CSIDriver", "kind: StorageClass", "kind: DaemonSet");
        assertThat(manifests.lines()).as("lines").noneMatch(line -> line.endsWith(" ") || line.contains("<no value>"));
    }

    @Test
    void nothingIsSwitchedOnByItself() {
        assertThat(template()).isBlank();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "local.enable=true",
                "local.pools[0].name=Disk",
                "local.pools[0].path=srv",
                "nfs.pools[0].export=server",
                "nfs.driver=NFS",
                "local.storageClasses[0].volumeBindingMode=Late",
                "metrics.port=0",
                "log.level=loud"
            })
    void aWrongValueIsRefused(String value) {
        Command.Result result =
                Command.run(Binaries.program("helm"), "template", "berth", CHART.toString(), VERSION, "--set=" + value);
        assertThat(result.code()).isNotZero();
        assertThat(result.err()).contains(value.substring(0, value.indexOf('.')));
    }

    @ParameterizedTest
    @ValueSource(strings = {"nfs", "hostpath", "local"})
    void theManifestsAreThoseOfTheChart(String kind) {
        Command.Result made = Command.run(
                Duration.ofMinutes(1),
                Map.of("HELM", Binaries.program("helm")),
                List.of(DEPLOY.resolve("manifests/make").toString(), folder.toString()));
        assertThat(made.code()).as("%s", made).isZero();
        assertThat(DEPLOY.resolve("manifests/" + kind + ".yaml"))
                .as("deploy/manifests/make brings it up to date")
                .hasSameTextualContentAs(folder.resolve(kind + ".yaml"));
    }

    @Test
    void theDashboardIsJson() throws IOException {
        JsonNode dashboard =
                new JsonMapper().readTree(CHART.resolve("files/dashboard.json").toFile());
        assertThat(dashboard.at("/panels"))
                .isNotEmpty()
                .allSatisfy(panel -> assertThat(panel.at("/title").asText()).isNotEmpty());
    }

    @ParameterizedTest
    @ValueSource(strings = {"alerts.yaml", "dashboard.json"})
    void whatIsWatchedIsThere(String file) throws IOException {
        String reference = Files.readString(DEPLOY.resolveSibling("docs/reference.md"));
        List<String> metrics = Pattern.compile("berth_[a-z_]+")
                .matcher(Files.readString(CHART.resolve("files").resolve(file)))
                .results()
                .map(match -> match.group().replaceFirst("_(bucket|sum|count)$", ""))
                .distinct()
                .toList();
        assertThat(metrics)
                .hasSizeGreaterThan(5)
                .allSatisfy(metric -> assertThat(reference).contains("| `" + metric + "` |"));
    }

    private static String template(String... flags) {
        return helm(Stream.concat(
                        Stream.of("template", "berth", CHART.toString(), VERSION, "--namespace=kube-system"),
                        Stream.of(flags))
                .toArray(String[]::new));
    }

    private static String helm(String... arguments) {
        return Command.succeed(Stream.concat(Stream.of(Binaries.program("helm")), Stream.of(arguments))
                .toArray(String[]::new));
    }
}
