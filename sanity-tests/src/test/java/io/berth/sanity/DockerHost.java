package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A machine with a dockerd and a driver that serves it as plugin {@code berth}; {@code fast} is its default pool. */
final class DockerHost implements AutoCloseable {
    private static final JsonMapper JSON = new JsonMapper();

    private final Path folder;
    private final Dockerd dockerd;
    private final Driver driver;

    private DockerHost(Path folder, Dockerd dockerd, Driver driver) {
        this.folder = folder;
        this.dockerd = dockerd;
        this.driver = driver;
    }

    /**
     * Starts both in a folder.
     *
     * @param pools beside {@code fast} and {@code shared}, as {@code NAME=KIND:PATH}
     */
    static DockerHost start(Docker docker, Path folder, String... pools) {
        makeFolder(folder.resolve("dockerd"));
        Dockerd dockerd = Dockerd.start(docker, folder.resolve("dockerd"));
        try {
            return new DockerHost(folder, dockerd, startDriver(folder.resolve("berth"), List.of(pools)));
        } catch (RuntimeException | Error e) {
            dockerd.close();
            throw e;
        }
    }

    private static Driver startDriver(Path folder, List<String> pools) {
        List<String> flags = new ArrayList<>(List.of(
                "--docker-socket=unix://" + Dockerd.PLUGINS.resolve("berth.sock"),
                "--state-dir=" + folder.resolve("state"),
                "--default-pool=fast",
                "--pool=fast=local:" + folder.resolve("fast") + ",limit=advisory",
                "--pool=shared=hostpath:" + folder.resolve("shared"),
                "--allow-host-path=" + folder.resolve("allowed")));
        pools.forEach(pool -> flags.add("--pool=" + pool));
        return Driver.start(folder, flags);
    }

    private static void makeFolder(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Dockerd dockerd() {
        return dockerd;
    }

    Driver driver() {
        return driver;
    }

    /** What a {@code docker} command prints that must succeed, without white space around it. */
    String docker(String... arguments) {
        return dockerd.docker(arguments);
    }

    /** What a {@code docker} command complains that must fail. */
    String complaint(String... arguments) {
        Command.Result result = dockerd.tryDocker(arguments);
        assertThat(result.code()).as("%s", result).isNotZero();
        return result.err();
    }

    /** Runs a shell's command in a container with a volume at /data to its end, and gives what it prints. */
    String run(String volume, String command) {
        return dockerd.run("berth", volume, command);
    }

    /** Starts a container with a volume at /data that lives until it is stopped. */
    void keepRunning(String container, String volume, String... flags) {
        List<String> line = new ArrayList<>(List.of(
                "run",
                "--detach",
                "--init",
                "--name=" + container,
                "--network=none",
                "--volume-driver=berth",
                "--volume=" + volume + ":/data"));
        line.addAll(List.of(flags));
        line.addAll(List.of(Dockerd.IMAGE, "sleep", "1000000"));
        docker(line.toArray(String[]::new));
    }

    /** Runs a shell's command in a running container, and gives what it prints. */
    String exec(String container, String command) {
        return docker("exec", container, "sh", "-c", command);
    }

    /** What Docker tells about a volume. */
    JsonNode inspect(String volume) {
        try {
            return JSON.readTree(docker("volume", "inspect", volume)).get(0);
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    /** The names of the volumes of plugin {@code berth}. */
    List<String> volumes() {
        return docker("volume", "ls", "--quiet", "--filter=driver=berth")
                .lines()
                .toList();
    }

    /** For whom volumes are mounted, as {@code VOLUME@ID}. */
    List<String> mountIds() {
        return Driver.files(folder.resolve("berth/state/docker/ids")).stream()
                .map(file -> file.getFileName().toString())
                .filter(name -> name.contains("@"))
                .toList();
    }

    /** Where volumes are mounted for Docker. */
    List<Path> mounts() {
        return MountTable.below(folder.resolve("berth/state")).stream()
                .map(MountTable.Mount::target)
                .toList();
    }

    /** Where a volume's bytes are. */
    Path data(String volume) {
        return Path.of(inspect(volume).at("/Status/path").asText());
    }

    /** Removes all containers and volumes; fails when something else is left. */
    void clean() {
        dockerd.removeContainers();
        List<String> left = volumes();
        if (!left.isEmpty()) {
            docker(Stream.concat(Stream.of("volume", "rm"), left.stream()).toArray(String[]::new));
        }
        assertThat(mountIds()).as("mount ids").isEmpty();
        assertThat(mounts()).as("mounts").isEmpty();
        assertThat(Driver.files(folder.resolve("berth/state/mounts")))
                .as("mount points")
                .isEmpty();
        driver.assertNothingLeft("fast");
        driver.assertNothingLeft("shared");
        assertThat(driver.log()).doesNotContain("a defect of Berth");
    }

    /** Waits until a container runs. */
    void awaitRunning(String container) {
        Await.until(
                Duration.ofSeconds(30),
                () -> docker("inspect", "--format={{.State.Running}}", container)
                        .equals("true"),
                () -> container + " does not run");
    }

    @Override
    public void close() {
        try {
            dockerd.close();
        } finally {
            driver.close();
        }
    }
}
