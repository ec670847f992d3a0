package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.linux.Directory;
import io.berth.service.Health;
import io.berth.service.Volumes;
import io.berth.volume.CapacityRange;
import io.berth.volume.HealthProblem;
import io.berth.volume.VolumeParameters;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PoolAccessTest {
    private static final int OTHER = 65534;

    @TempDir
    Path folder;

    private PoolConfig config;
    private Path root;

    @BeforeEach
    void make() {
        config = TemporaryPool.config(folder, "fast", "local", "");
        root = config.root();
        try (Pools pools = Pools.serving(List.of(config))) {
            new Volumes(pools, Clock.systemUTC())
                    .create(new Volumes.Wanted("v", CapacityRange.ANY, VolumeParameters.parse(Map.of()), false));
        }
    }

    private static void mode(Path path, String mode) throws Exception {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
    }

    private static void refused(Runnable opening, Path path, String cure) {
        assertThatThrownBy(opening::run)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining(cure + " " + path);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                ".berth",
                ".berth/pool.json",
                ".berth/volumes",
                ".berth/paths",
                ".berth/trash",
                ".berth/snapshots/ready",
                ".berth/snapshots/groups/ready"
            })
    void recordsThatOthersMayHaveWrittenAreNotOpened(String name) throws Exception {
        Path path = root.resolve(name);
        Files.setAttribute(path, "unix:uid", OTHER);
        refused(() -> Pool.open(config).close(), path, "chown root:root");
        refused(() -> Pool.openExisting(config).close(), path, "chown root:root");
        Files.setAttribute(path, "unix:uid", 0);
        mode(path, "rwxrwx---");
        refused(() -> Pool.open(config).close(), path, "chmod go-w");
        mode(path, "rwx----w-");
        refused(() -> Pool.open(config).close(), path, "chmod go-w");
        mode(path, "rwxr-xr-x");
        Pool.open(config).close();
    }

    @Test
    void aRecordThatOthersMayHaveWrittenIsNotRead() throws Exception {
        Path record = root.resolve(".berth/volumes/fast.v.json");
        Files.setAttribute(record, "unix:uid", OTHER);
        try (Pools pools = Pools.serving(List.of(config))) {
            Volumes volumes = new Volumes(pools, Clock.systemUTC());
            refused(() -> volumes.find("fast.v"), record, "chown root:root");
            Files.setAttribute(record, "unix:uid", 0);
            mode(record, "rw-rw-rw-");
            refused(() -> volumes.find("fast.v"), record, "chmod go-w");
            mode(record, "rw-r--r--");
            assertThat(volumes.find("fast.v")).isPresent();
        }
    }

    @Test
    void aFolderThatOthersMayEnterOrWriteIsToldAndUsed() throws Exception {
        try (Directory open = Directory.open(root)) {
            mode(root, "rwx------");
            assertThat(PoolAccess.writers(open)).isEmpty();
            assertThat(PoolAccess.visitors(open)).isEmpty();
            mode(root, "rwxr-xr-x");
            assertThat(PoolAccess.writers(open)).isEmpty();
            assertThat(PoolAccess.visitors(open)).get().asString().contains("0755", "chmod 0700 " + root);
            mode(root, "rwxrwxrwx");
            assertThat(PoolAccess.writers(open)).get().asString().contains("0777", "chmod 0700 " + root);
        }
        try (Pools pools = Pools.serving(List.of(config))) {
            assertThat(pools.problem()).isEmpty();
            Volumes volumes = new Volumes(pools, Clock.systemUTC());
            assertThat(new Health(pools, volumes, new HostPaths(List.of())).ofStorage())
                    .extracting(HealthProblem::reason)
                    .containsExactly(HealthProblem.Reason.OPEN_TO_OTHERS);
        }
    }
}
