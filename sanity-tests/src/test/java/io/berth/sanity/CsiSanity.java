package io.berth.sanity;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** The program csi-sanity of kubernetes-csi/csi-test. */
public final class CsiSanity {
    private static final Duration PATIENCE = Duration.ofMinutes(5);

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
