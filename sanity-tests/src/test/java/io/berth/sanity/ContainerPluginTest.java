package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The plugin in a container of the Docker that it serves. For an image there are this machine's programs and libraries,
 * and the distribution.
 */
@Timeout(180)
class ContainerPluginTest {
    @TempDir
    Path folder;

    @Test
    void itServesTheDockerThatRunsItAndIsStartedAgain() throws IOException {
        Path state = Files.createDirectory(folder.resolve("state"));
        Path pool = Files.createDirectory(folder.resolve("pool"));
        Command.succeed("mount", "--bind", state.toString(), state.toString());
        Command.succeed("mount", "--make-rshared", state.toString());
        try (Dockerd dockerd = Dockerd.start(Docker.INSTALLED, Files.createDirectory(folder.resolve("dockerd")))) {
            runPlugin(dockerd, state, pool);
            assertThat(run(dockerd, "echo kept >/data/file && cat /data/file")).isEqualTo("kept");
            assertThat(pool.resolve("fast.v1/file")).hasContent("kept\n");
            dockerd.docker("restart", "berth");
            awaitPlugin();
            assertThat(run(dockerd, "cat /data/file")).isEqualTo("kept");
            dockerd.docker("volume", "rm", "v1");
            assertThat(pool.resolve("fast.v1")).doesNotExist();
            assertThat(MountTable.below(state)).hasSize(1);
        } finally {
            Driver.unmountBelow(folder);
        }
    }

    private static void runPlugin(Dockerd dockerd, Path state, Path pool) {
        List<String> line = new ArrayList<>(List.of(
                "run",
                "--detach",
                "--name=berth",
                "--restart=always",
                "--network=none",
                "--cap-add=SYS_ADMIN",
                "--security-opt=apparmor=unconfined",
                "--security-opt=seccomp=unconfined",
                "--volume=" + Dockerd.PLUGINS + ":" + Dockerd.PLUGINS,
                "--volume=" + state + ":" + state + ":shared",
                "--volume=" + pool + ":" + pool,
                "--volume=" + Driver.DISTRIBUTION + ":/opt/berth:ro"));
        for (String machines : List.of("/usr", "/bin", "/lib", "/lib64")) {
            line.add("--volume=" + machines + ":" + machines + ":ro");
        }
        line.addAll(List.of(
                Dockerd.IMAGE,
                "/opt/berth/bin/berth",
                "docker",
                "--state-dir=" + state,
                "--pool=fast=local:" + pool + ",limit=advisory"));
        dockerd.docker(line.toArray(String[]::new));
        awaitPlugin();
    }

    private static void awaitPlugin() {
        Await.until(
                Duration.ofMinutes(1),
                () -> Driver.answers(Dockerd.PLUGINS.resolve("berth.sock")),
                () -> "the plugin does not answer");
    }

    private static String run(Dockerd dockerd, String command) {
        return dockerd.docker(
                "run",
                "--rm",
                "--network=none",
                "--volume-driver=berth",
                "--volume=v1:/data",
                Dockerd.IMAGE,
                "sh",
                "-c",
                command);
    }
}
