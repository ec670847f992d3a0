package io.berth.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.berth.sanity.Command;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The chart, as helm sees it. */
final class Chart {
    static final Path DEPLOY = Path.of("../deploy").toAbsolutePath().normalize();
    static final Path FOLDER = DEPLOY.resolve("chart/berth");
    static final String VERSION = "--kube-version=1.36.0";

    private Chart() {}

    /** The sets of values that come with the chart. */
    static List<Path> valueSets() {
        try (Stream<Path> files = Files.list(FOLDER.resolve("ci"))) {
            List<Path> sets = files.sorted().toList();
            assertThat(sets).hasSizeGreaterThanOrEqualTo(6);
            return sets;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The flag for one of these sets. */
    static String values(String set) {
        return "--values=" + FOLDER.resolve("ci/" + set + "-values.yaml");
    }

    /** The manifests as text; of two flags with a version of Kubernetes the later one counts. */
    static String template(String... flags) {
        return helm(Stream.concat(
                        Stream.of("template", "berth", FOLDER.toString(), VERSION, "--namespace=kube-system"),
                        Stream.of(flags))
                .toArray(String[]::new));
    }

    /** The objects in the manifests. */
    static List<JsonNode> objects(String... flags) {
        try (MappingIterator<JsonNode> objects =
                new YAMLMapper().readerFor(JsonNode.class).readValues(template(flags))) {
            return objects.readAll().stream().filter(JsonNode::isObject).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The objects of a kind. */
    static List<JsonNode> objectsOf(String kind, String... flags) {
        return objects(flags).stream()
                .filter(object -> object.path("kind").asText().equals(kind))
                .toList();
    }

    /** Berth's own containers, one in each pod. */
    static List<JsonNode> containers(String... flags) {
        return objects(flags).stream()
                .flatMap(object -> object.at("/spec/template/spec/containers").valueStream())
                .filter(container -> container.path("name").asText().equals("berth"))
                .toList();
    }

    /** The texts of a list. */
    static List<String> texts(JsonNode list) {
        return list.valueStream().map(JsonNode::asText).toList();
    }

    static String helm(String... arguments) {
        return Command.succeed(Stream.concat(Stream.of(Binaries.program("helm")), Stream.of(arguments))
                .toArray(String[]::new));
    }

    /** What helm writes that refuses to make manifests. */
    static String complaint(String... flags) {
        Command.Result result = Command.run(Stream.concat(
                        Stream.of(Binaries.program("helm"), "template", "berth", FOLDER.toString()), Stream.of(flags))
                .toArray(String[]::new));
        assertThat(result.code()).isNotZero();
        return result.err();
    }
}
