package io.berth.kubernetes;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** What {@code sanity-tests/src/test/kubernetes/build} has built. */
final class Binaries {
    /** The folder with all of it. */
    static final Path FOLDER = Optional.ofNullable(System.getenv("KUBERNETES"))
            .map(Path::of)
            .orElseGet(() -> Path.of(System.getProperty("user.home"), ".cache/berth/kubernetes"));

    private Binaries() {}

    /** The path of a program. */
    static String program(String name) {
        Path program = FOLDER.resolve(name);
        if (!Files.isExecutable(program)) {
            throw new AssertionError(program + " is missing; sanity-tests/run kubernetes builds it");
        }
        return program.toString();
    }
}
