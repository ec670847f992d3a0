package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.pool.Pools;
import io.berth.volume.CapacityRange;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.Volume;
import io.berth.volume.VolumeChange;
import io.berth.volume.VolumeParameters;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModifyVolumeTest {
    @TempDir
    Path folder;

    private Path fast;
    private Pools pools;
    private Volumes volumes;

    @BeforeEach
    void open() {
        fast = folder.resolve("fast");
        pools = Pools.serving(List.of(TemporaryPool.config(folder, "fast", "local", "")));
        volumes = new Volumes(pools, Clock.systemUTC());
    }

    @AfterEach
    void close() {
        pools.close();
    }

    private Volume create(String... parameters) {
        Map<String, String> strings = new HashMap<>();
        for (int i = 0; i < parameters.length; i += 2) {
            strings.put(parameters[i], parameters[i + 1]);
        }
        return volumes.create(new Volumes.Wanted("v", CapacityRange.ANY, VolumeParameters.parse(strings), false));
    }

    private static VolumeChange change(String key, String value) {
        return VolumeChange.parse(Map.of(key, value));
    }

    private static Consumer<Throwable> kind(Fault.Kind kind) {
        return thrown -> assertThat(thrown)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(kind));
    }

    private Ownership ownershipOnDisk() throws Exception {
        Path data = fast.resolve("fast.v");
        return new Ownership(
                (Integer) Files.getAttribute(data, "unix:uid"),
                (Integer) Files.getAttribute(data, "unix:gid"),
                (Integer) Files.getAttribute(data, "unix:mode") & 07777);
    }

    @Test
    void whatIsGivenChangesAndNothingElse() throws Exception {
        create("uid", "5", "gid", "6", "mode", "2750");
        volumes.modify("fast.v", change("gid", "7"));
        assertThat(ownershipOnDisk()).isEqualTo(new Ownership(5, 7, 02750));
        volumes.modify("fast.v", change("mode", "0700"));
        assertThat(ownershipOnDisk()).isEqualTo(new Ownership(5, 7, 0700));
        volumes.modify("fast.v", change("onDelete", "retain"));
        Volume volume = volumes.modify("fast.v", VolumeChange.parse(Map.of()));
        assertThat(volume.onDelete()).isEqualTo(OnDelete.RETAIN);
        assertThat(volume.ownership()).isEqualTo(new Ownership(5, 7, 0700));
        assertThat(volumes.get("fast.v")).isEqualTo(volume);
    }

    @Test
    void aVolumeThatIsKeptOnDeleteIsKept() {
        create();
        volumes.modify("fast.v", change("onDelete", "retain"));
        volumes.delete("fast.v");
        assertThat(fast.resolve("fast.v")).isEmptyDirectory();
    }

    @Test
    void aVolumeThatIsNotThereIsNotFound() {
        for (String id : List.of("fast.none", "other.v", "nonsense")) {
            assertThatThrownBy(() -> volumes.modify(id, change("mode", "0700"))).satisfies(kind(Fault.Kind.NOT_FOUND));
        }
    }

    @Test
    void nothingChangesWhenAPartCannot() throws Exception {
        Volume before = create("uid", "5");
        Files.delete(fast.resolve("fast.v"));
        assertThatThrownBy(() ->
                        volumes.modify("fast.v", VolumeChange.parse(Map.of("onDelete", "retain", "mode", "0700"))))
                .satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThat(volumes.get("fast.v")).isEqualTo(before);
    }

    @Test
    void aNumberOfFilesThatThePoolCannotLimitIsRefusedAndNothingChanges() {
        try (TestFileSystem btrfs = TestFileSystem.mount("btrfs", 256 << 20)) {
            TestFileSystem.shell(btrfs.root(), "btrfs quota enable .");
            try (Pools limited =
                    Pools.serving(List.of(TemporaryPool.config(btrfs.root(), "strict", "local", ",limit=enforced")))) {
                Volumes made = new Volumes(limited, Clock.systemUTC());
                Volume before = made.create(new Volumes.Wanted(
                        "v", CapacityRange.exactly(8 << 20), VolumeParameters.parse(Map.of()), false));
                assertThatThrownBy(() -> made.modify(
                                "strict.v", VolumeChange.parse(Map.of("inodes", "5", "onDelete", "retain"))))
                        .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                        .hasMessageContaining("inodes");
                assertThat(made.get("strict.v")).isEqualTo(before);
            }
        }
    }

    @Test
    void anAdoptedFolderKeepsItsOwnerAndIsNeverDeleted() throws Exception {
        Files.createDirectory(fast.resolve("data"));
        Volume adopted = create("subDir", "data", "onDelete", "retain");
        for (VolumeChange change : List.of(change("onDelete", "delete"), change("uid", "5"), change("mode", "0700"))) {
            assertThatThrownBy(() -> volumes.modify("fast.v", change)).satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        }
        assertThat(volumes.modify("fast.v", change("onDelete", "retain"))).isEqualTo(adopted);
    }
}
