package io.berth.distribution;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The bill of materials, held against the jar and against the faults that are known. */
class LibrariesTest {
    private static final Path HOME = Path.of("target/berth");
    private static final int FEWEST = 40;

    /** A library of the bill. */
    private record Library(String group, String artifact, String version, String classifier) {
        String file() {
            return artifact + "-" + version + (classifier.isEmpty() ? "" : "-" + classifier) + ".jar";
        }
    }

    private static List<Library> bill() throws IOException {
        JsonNode bill = new JsonMapper().readTree(HOME.resolve("sbom.cdx.json").toFile());
        List<Library> libraries = bill.get("components")
                .valueStream()
                .map(component -> {
                    String purl = component.get("purl").asText();
                    assertThat(purl).startsWith("pkg:maven/");
                    return new Library(
                            component.get("group").asText(),
                            component.get("name").asText(),
                            component.get("version").asText(),
                            purl.contains("classifier=native") ? "native" : "");
                })
                .toList();
        assertThat(libraries).hasSizeGreaterThan(FEWEST);
        return libraries;
    }

    private static Set<String> entries(Path jar, String suffix) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            return file.stream()
                    .map(JarEntry::getName)
                    .filter(name -> name.endsWith(suffix))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    /** The class path of the tests has the jars that the distribution's is made of, and those of tests. */
    @Test
    void theBillNamesEveryJarWhoseClassesAreInTheDistribution() throws IOException {
        Set<String> classes = entries(HOME.resolve("lib/berth.jar"), ".class");
        Set<String> went = new TreeSet<>();
        Set<String> all = new TreeSet<>();
        for (String part : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
            Path jar = Path.of(part);
            if (part.endsWith(".jar")) {
                String name = String.valueOf(jar.getFileName());
                all.add(name);
                if (entries(jar, ".class").stream().anyMatch(classes::contains)) {
                    went.add(name);
                }
            }
        }
        List<String> named = bill().stream().map(Library::file).toList();
        assertThat(went).hasSizeGreaterThan(FEWEST).isSubsetOf(named);
        assertThat(all).containsAll(named);
    }

    @Test
    void theJarNamesEveryLibraryOfTheBill() throws IOException {
        try (JarFile jar = new JarFile(HOME.resolve("lib/berth.jar").toFile())) {
            for (Library library : bill()) {
                JarEntry entry = jar.getJarEntry(
                        "META-INF/maven/" + library.group() + "/" + library.artifact() + "/pom.properties");
                assertThat(entry).as("%s", library).isNotNull();
                assertThat(new String(jar.getInputStream(entry).readAllBytes(), UTF_8))
                        .isEqualTo("groupId=%s\nartifactId=%s\nversion=%s\n"
                                .formatted(library.group(), library.artifact(), library.version()));
            }
        }
    }

    @Test
    void noLibraryHasAFaultThatIsListed() throws IOException {
        List<Library> libraries = bill();
        List<String> faults = new ArrayList<>();
        try (Stream<String> lines = Files.lines(Path.of("known-faults.txt"))) {
            lines.filter(line -> !line.startsWith("#")).forEach(line -> {
                String[] words = line.split(" +", 3);
                String[] name = words[0].split(":", -1);
                List<Library> meant = libraries.stream()
                        .filter(library -> isIn(library.group(), name[0])
                                && (name.length == 1 || library.artifact().equals(name[1])))
                        .toList();
                assertThat(meant).as("the libraries of %s", line).isNotEmpty();
                meant.stream()
                        .filter(library -> isOlder(library.version(), words[1]))
                        .forEach(library -> faults.add(library + ": " + words[2] + "; needs " + words[1]));
            });
        }
        assertThat(faults).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "4.2.9.Final, 4.2.17.Final, true",
        "4.2.17.Final, 4.2.17.Final, false",
        "2.0, 1.99.9, false",
        "2, 2.0.1, true"
    })
    void versionsAreComparedByTheirNumbers(String version, String with, boolean older) {
        assertThat(isOlder(version, with)).isEqualTo(older);
    }

    private static boolean isIn(String group, String wanted) {
        return group.equals(wanted) || group.startsWith(wanted + ".");
    }

    private static boolean isOlder(String version, String first) {
        return Arrays.compare(numbers(version), numbers(first)) < 0;
    }

    private static int[] numbers(String version) {
        return Arrays.stream(version.split("\\.", -1))
                .filter(part -> part.matches("[0-9]+"))
                .mapToInt(Integer::parseInt)
                .toArray();
    }
}
