package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.junit.jupiter.api.DynamicTest;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/** The program csi-sanity of kubernetes-csi/csi-test. */
public final class CsiSanity {
    private static final Duration PATIENCE = Duration.ofMinutes(10);

    /** csi-test v5.6.0 has 103 specs; a report of fewer is not a whole one. */
    private static final int SPECS = 103;

    /** Pending in csi-test itself, whatever the driver offers. */
    private static final Pattern PENDING = Pattern.compile("pagination should detect volumes added between pages");

    private CsiSanity() {}

    /**
     * Runs it on a driver; only one run at a time may use a driver.
     *
     * @param flags after the usual ones
     */
    public static Command.Result run(Driver driver, Path report, List<String> flags) {
        Path mutable = driver.place("mutable-parameters.yaml");
        try {
            Files.writeString(mutable, "onDelete: delete\nmode: '0750'\nuid: '5'\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Stream<String> usual = Stream.of(
                program().toString(),
                "--csi.endpoint=unix://" + driver.socket(),
                "--csi.mountdir=" + driver.place("target"),
                "--csi.stagingdir=" + driver.place("staging"),
                "--csi.testvolumesize=" + (10L << 20),
                "--csi.testvolumeexpandsize=" + (20L << 20),
                "--csi.testvolumemutableparameters=" + mutable,
                "--ginkgo.no-color",
                "--ginkgo.junit-report=" + report);
        return Command.run(
                PATIENCE, Map.of(), Stream.concat(usual, flags.stream()).toList());
    }

    /** One spec of the report. */
    private record Spec(String name, String status, String text) {}

    /**
     * As {@link #run}, and gives a test for each of its specs.
     *
     * @param maySkip names of specs, of what the driver does not offer
     */
    static List<DynamicTest> specs(Driver driver, List<String> flags, Predicate<String> maySkip) {
        Path report = driver.place("report.xml");
        Command.Result result = run(driver, report, flags);
        assertThat(report)
                .as("csi-sanity wrote %s%s", result.out(), result.err())
                .exists();
        List<Spec> specs = read(report);
        assertThat(specs).as("specs").hasSize(SPECS);
        return specs.stream()
                .map(spec -> dynamicTest(spec.name(), () -> check(spec, maySkip)))
                .toList();
    }

    private static void check(Spec spec, Predicate<String> maySkip) {
        switch (spec.status()) {
            case "passed" -> {}
            case "pending" -> assertThat(spec.name()).as("a pending spec").containsPattern(PENDING);
            case "skipped" ->
                assertThat(spec.name())
                        .as("only what is not offered may be skipped: %s", spec.text())
                        .matches(maySkip);
            default -> throw new AssertionError(spec.status() + ": " + spec.text());
        }
    }

    private static List<Spec> read(Path report) {
        try {
            NodeList cases = DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(report.toFile())
                    .getElementsByTagName("testcase");
            return IntStream.range(0, cases.getLength())
                    .mapToObj(i -> (Element) cases.item(i))
                    .filter(element -> element.getAttribute("name").startsWith("[It]"))
                    .map(element -> new Spec(
                            element.getAttribute("name"), element.getAttribute("status"), element.getTextContent()))
                    .toList();
        } catch (IOException | ParserConfigurationException | SAXException e) {
            throw new AssertionError("the report of csi-sanity cannot be read", e);
        }
    }

    private static Path program() {
        return Stream.of(
                        Optional.ofNullable(System.getenv("CSI_SANITY")).map(Path::of).stream(),
                        Stream.of(System.getenv("PATH").split(":")).map(entry -> Path.of(entry, "csi-sanity")),
                        Stream.of(Path.of(System.getProperty("user.home"), "go/bin/csi-sanity")))
                .flatMap(paths -> paths)
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new AssertionError("csi-sanity is missing; sanity-tests/run installs it"));
    }
}
