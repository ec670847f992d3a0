package io.berth.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.settings.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorTest {
    @TempDir
    Path folder;

    private List<Finding> notes() {
        Map<String, String> environment = Map.of(
                "BERTH_POOL",
                "fast=local:" + folder.resolve("srv/fast") + ",limit=advisory",
                "BERTH_ALLOW_HOST_PATH",
                folder.resolve("srv").toString(),
                "BERTH_STATE_DIR",
                folder.resolve("state").toString());
        return Doctor.examine(Settings.readMachine(Map.of(), environment)).stream()
                .filter(finding ->
                        List.of("state", "host paths", "access to pool fast").contains(finding.subject()))
                .toList();
    }

    private Path folder(String name, String mode) throws Exception {
        Path path = Files.createDirectories(folder.resolve(name));
        return Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
    }

    /** As an earlier version left them. */
    @Test
    void whatOthersReachIsTold() throws Exception {
        Path pool = folder("srv/fast", "rwxr-xr-x");
        Path state = folder("state", "rwx--x--x");
        assertThat(notes())
                .allMatch(finding -> finding.state() == Finding.State.NOTE)
                .extracting(Finding::text)
                .satisfiesExactlyInAnyOrder(
                        text -> assertThat(text).contains(state + " may be entered"),
                        text -> assertThat(text).contains("--allow-host-path", "holds the pool " + pool.toRealPath()),
                        text -> assertThat(text).contains("chmod 0700 " + pool));
    }

    @Test
    void nothingIsToldWhereOnlyRootGoes() throws Exception {
        folder("srv/fast", "rwx------");
        folder("state", "rwx------");
        assertThat(notes()).extracting(Finding::subject).containsExactly("host paths");
    }
}
