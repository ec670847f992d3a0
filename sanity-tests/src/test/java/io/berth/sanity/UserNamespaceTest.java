package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A Docker with userns-remap, where root in containers is another user of the machine. */
@Timeout(180)
class UserNamespaceTest {
    private static final String USER = "daemon";
    private static final int ROOT_INSIDE = 165536;

    @TempDir
    Path folder;

    @BeforeEach
    void giveTheUserNumbers() throws IOException {
        Path ranges = Files.writeString(folder.resolve("ranges"), USER + ":" + ROOT_INSIDE + ":65536\n");
        for (String file : List.of("/etc/subuid", "/etc/subgid")) {
            Command.succeed("mount", "--bind", ranges.toString(), file);
        }
        // Root in containers comes to Docker's folder through it, as through /var/lib.
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx--x--x"));
    }

    @AfterEach
    void unmount() {
        Command.succeed("umount", "/etc/subuid", "/etc/subgid");
        Driver.unmountBelow(folder);
    }

    @ParameterizedTest
    @EnumSource
    void rootInAContainerOwnsAVolumeThatIsGivenToIt(Docker docker) throws IOException {
        try (Dockerd dockerd = Dockerd.start(
                        docker, Files.createDirectory(folder.resolve("dockerd")), "--userns-remap=" + USER);
                Driver driver = startDriver()) {
            for (String format : List.of("directory", "image")) {
                create(dockerd, format, "--opt=format=" + format, "--opt=size=32m");
                assertThat(dockerd.run("berth", format, "echo mine >/data/file && stat -c %u:%g /data /data/file"))
                        .isEqualTo("0:0\n0:0");
                assertThat(dockerd.run("berth", format, "cat /data/file")).isEqualTo("mine");
            }
            Path file = folder.resolve("berth/fast/fast.directory/file");
            assertThat(Files.getAttribute(file, "unix:uid")).isEqualTo(ROOT_INSIDE);

            dockerd.docker("volume", "create", "--driver=berth", "of-root");
            assertThat(dockerd.run(
                            "berth", "of-root", "stat -c %u /data; touch /data/file 2>/dev/null || echo refused"))
                    .isEqualTo("65534\nrefused");
            dockerd.removeContainers();
            dockerd.docker("volume", "rm", "directory", "image", "of-root");
            assertThat(driver.log()).doesNotContain("a defect of Berth");
        }
    }

    private Driver startDriver() {
        return Driver.start(
                folder.resolve("berth"),
                List.of(
                        "--docker-socket=unix://" + Dockerd.PLUGINS.resolve("berth.sock"),
                        "--state-dir=" + folder.resolve("berth/state"),
                        "--state-group=" + ROOT_INSIDE,
                        "--pool=fast=local:" + folder.resolve("berth/fast") + ",limit=advisory"));
    }

    private static void create(Dockerd dockerd, String volume, String... options) {
        List<String> line = new ArrayList<>(List.of("volume", "create", "--driver=berth"));
        line.addAll(List.of("--opt=uid=" + ROOT_INSIDE, "--opt=gid=" + ROOT_INSIDE));
        line.addAll(List.of(options));
        line.add(volume);
        dockerd.docker(line.toArray(String[]::new));
    }
}
