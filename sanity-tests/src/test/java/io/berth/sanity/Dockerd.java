package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A dockerd in a folder of its own, with no network but the loopback. It looks for plugins in /run/docker/plugins as
 * every dockerd does, so this puts an empty file system over /run/docker; for the machine's own Docker not to notice, the
 * tests must run in a mount namespace of their own, as {@code sanity-tests/run} sees to.
 */
final class Dockerd implements AutoCloseable {
    private static final Path RUN = Path.of("/run/docker");

    /** Where it looks for plugins. */
    static final Path PLUGINS = RUN.resolve("plugins");

    /** An image of busybox with {@code /seed/file} in it. */
    static final String IMAGE = "busybox";

    private static final Path BUSYBOX = Path.of("/usr/bin/busybox");
    private static final Duration START = Duration.ofSeconds(60);
    private static final Duration STOP = Duration.ofSeconds(60);

    /** Longer than dockerd waits for a plugin that is not there, and then for one that does not answer. */
    private static final Duration COMMAND = Duration.ofSeconds(150);

    private final Docker docker;
    private final Path folder;
    private Process process;

    private Dockerd(Docker docker, Path folder, Process process) {
        this.docker = docker;
        this.folder = folder;
        this.process = process;
    }

    /**
     * Starts one, and gives it the image.
     *
     * @param flags beside the usual ones
     */
    static Dockerd start(Docker docker, Path folder, String... flags) {
        requireOwnMounts();
        try {
            Files.createDirectories(RUN);
            Command.succeed("mount", "-t", "tmpfs", "tmpfs", RUN.toString());
            Files.createDirectory(PLUGINS);
            Dockerd dockerd = new Dockerd(docker, folder, spawn(docker, folder, List.of(flags)));
            dockerd.awaitAnswer();
            dockerd.importImage();
            return dockerd;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void requireOwnMounts() {
        assertThat(System.getenv("SANITY_TESTS_NAMESPACE"))
                .as("a mount namespace that sanity-tests/run has made")
                .isNotNull();
    }

    private static Process spawn(Docker docker, Path folder, List<String> flags) {
        List<String> line = new ArrayList<>(List.of(
                "unshare",
                "--net",
                "sh",
                "-c",
                "ip link set lo up && exec \"$@\"",
                "sh",
                docker.program("usr/sbin/dockerd").toString(),
                "--data-root=" + folder.resolve("data"),
                "--exec-root=" + folder.resolve("exec"),
                "--pidfile=" + folder.resolve("pid"),
                "--host=" + host(folder),
                "--log-level=warn",
                "--bridge=none",
                "--iptables=false"));
        line.addAll(flags);
        try {
            ProcessBuilder builder = new ProcessBuilder(line)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(
                            folder.resolve("log").toFile()));
            builder.environment().put("PATH", docker.path());
            return builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String host(Path folder) {
        return "unix://" + folder.resolve("docker.sock");
    }

    private void awaitAnswer() {
        Await.until(
                START, () -> !process.isAlive() || Driver.answers(folder.resolve("docker.sock")), () -> "no dockerd");
        docker("version");
    }

    private void importImage() throws IOException {
        Path tree = Files.createDirectories(folder.resolve("image"));
        Path bin = Files.createDirectory(tree.resolve("bin"));
        Files.copy(BUSYBOX, bin.resolve("busybox"));
        for (String name : Command.succeed(BUSYBOX.toString(), "--list").lines().toList()) {
            if (!name.equals("busybox")) {
                Files.createSymbolicLink(bin.resolve(name), Path.of("busybox"));
            }
        }
        Files.createDirectory(tree.resolve("seed"));
        Files.writeString(tree.resolve("seed/file"), "of the image");
        Path archive = folder.resolve("image.tar");
        Command.succeed("tar", "-C", tree.toString(), "-cf", archive.toString(), ".");
        docker("import", archive.toString(), IMAGE);
    }

    /** What a {@code docker} command prints that must succeed, without white space around it. */
    String docker(String... arguments) {
        Command.Result result = tryDocker(arguments);
        assertThat(result.code())
                .as("docker %s wrote %s%s%s", List.of(arguments), result.out(), result.err(), log())
                .isZero();
        return result.out().strip();
    }

    /** How a {@code docker} command ends. */
    Command.Result tryDocker(String... arguments) {
        return Command.run(
                COMMAND,
                environment(),
                Stream.concat(Stream.of(docker.program("usr/bin/docker").toString()), Stream.of(arguments))
                        .toList());
    }

    /** Runs a shell's command in a container with a volume of a plugin at /data to its end, and gives what it prints. */
    String run(String plugin, String volume, String command) {
        return docker(
                "run",
                "--rm",
                "--network=none",
                "--volume-driver=" + plugin,
                "--volume=" + volume + ":/data",
                IMAGE,
                "sh",
                "-c",
                command);
    }

    /** What makes other programs find its own, and talk to it. */
    Map<String, String> environment() {
        return Map.of("DOCKER_HOST", host(folder), "DOCKER_CONFIG", folder.toString(), "PATH", docker.path());
    }

    /** Ends it at once, as a crash does. Its containers go on. */
    void kill9() {
        process.destroyForcibly();
        awaitEnd();
        for (Path file : Driver.files(folder.resolve("exec/containerd"))) {
            String name = file.getFileName().toString();
            if (name.equals("containerd.pid") || name.contains(".sock")) {
                delete(file);
            }
        }
        delete(folder.resolve("pid"));
    }

    /** Asks it to end, and waits. */
    void terminate() {
        process.destroy();
        awaitEnd();
    }

    /** Starts it again after it has ended, with these flags beside the usual ones. */
    void restart(String... flags) {
        process = spawn(docker, folder, List.of(flags));
        awaitAnswer();
    }

    private void awaitEnd() {
        try {
            assertThat(process.waitFor(STOP.toSeconds(), TimeUnit.SECONDS))
                    .as("dockerd ends within %s%s", STOP, log())
                    .isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while dockerd ends", e);
        }
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String log() {
        try {
            List<String> lines = Files.readAllLines(folder.resolve("log"));
            return "\nthe end of its log:\n"
                    + String.join("\n", lines.subList(Math.max(0, lines.size() - 10), lines.size()));
        } catch (IOException e) {
            return "\nno log: " + e;
        }
    }

    /** Removes all containers. */
    void removeContainers() {
        List<String> all = docker("ps", "--all", "--quiet").lines().toList();
        if (!all.isEmpty()) {
            docker(Stream.concat(Stream.of("rm", "--force", "--volumes"), all.stream())
                    .toArray(String[]::new));
        }
    }

    /** Ends it and its containers, and unmounts what they had mounted. */
    @Override
    public void close() {
        try {
            if (!process.isAlive()) {
                kill9();
                restart();
            }
            removeContainers();
            terminate();
        } finally {
            process.destroyForcibly();
            Driver.unmountBelow(folder);
            Driver.unmountBelow(RUN);
        }
    }
}
