package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The plugin as one that Docker runs by itself. */
@Timeout(180)
class ManagedPluginTest {
    @TempDir
    Path folder;

    @Test
    void itIsCreatedUsedDisabledAndEnabledAgain() throws IOException {
        Path pools = Files.createDirectory(folder.resolve("pools"));
        Path pool = Files.createDirectory(pools.resolve("berth"));
        Path data = Files.createDirectory(pools.resolve("data"));
        Path state = Files.createDirectory(folder.resolve("state"));
        try (Dockerd dockerd = Dockerd.start(Docker.INSTALLED, Files.createDirectory(folder.resolve("dockerd")))) {
            create(dockerd);
            dockerd.docker(
                    "plugin",
                    "set",
                    "managed",
                    "pools.source=" + pools,
                    "state.source=" + state,
                    "BERTH_ALLOW_HOST_PATH=/pools/data");
            dockerd.docker("plugin", "enable", "managed");
            dockerd.docker("volume", "create", "--driver=managed", "--opt=size=16m", "--opt=limit=advisory", "v1");
            assertThat(dockerd.run("managed", "v1", "echo kept >/data/file && cat /data/file"))
                    .isEqualTo("kept");
            assertThat(pool.resolve("default.v1/file")).hasContent("kept\n");
            assertThat(MountTable.below(folder.resolve("dockerd")))
                    .as("mounts of volumes")
                    .noneMatch(mount -> mount.target().endsWith("v1"));

            dockerd.docker("plugin", "disable", "--force", "managed");
            assertThat(dockerd.tryDocker("run", "--volume-driver=managed", "--volume=v1:/data", Dockerd.IMAGE)
                            .code())
                    .isNotZero();
            dockerd.docker("plugin", "enable", "managed");
            assertThat(dockerd.run("managed", "v1", "cat /data/file")).isEqualTo("kept");

            foldersThatWereThereAreUsed(dockerd, data);
            dockerd.removeContainers();
            dockerd.docker("volume", "rm", "v1");
            assertThat(pool.resolve("default.v1")).doesNotExist();
            dockerd.docker("plugin", "disable", "managed");
            dockerd.docker("plugin", "rm", "managed");
        }
    }

    private static void create(Dockerd dockerd) {
        Command.Result created = Command.run(
                Duration.ofMinutes(2),
                dockerd.environment(),
                List.of(Driver.DISTRIBUTION.resolve("docker-plugin/create").toString(), "managed"));
        assertThat(created.code()).as("%s", created).isZero();
    }

    private static void foldersThatWereThereAreUsed(Dockerd dockerd, Path data) throws IOException {
        Path mine = Files.createDirectory(data.resolve("mine"));
        dockerd.docker("volume", "create", "--driver=managed", "--opt=mountpoint=/pools/data/mine", "m1");
        dockerd.docker(
                "volume",
                "create",
                "--driver=managed",
                "--opt=type=none",
                "--opt=o=bind",
                "--opt=device=/pools/data/mine",
                "b1");
        assertThat(dockerd.run("managed", "m1", "echo mine >/data/file")).isEmpty();
        assertThat(dockerd.run("managed", "b1", "cat /data/file")).isEqualTo("mine");
        assertThat(dockerd.tryDocker("volume", "create", "--driver=managed", "--opt=mountpoint=/pools/other", "m2")
                        .err())
                .contains("host path /pools/other is not allowed");
        dockerd.docker("volume", "rm", "m1", "b1");
        assertThat(mine.resolve("file")).hasContent("mine\n");
    }
}
