package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.fault.Fault;
import io.berth.mount.Mounts;
import io.berth.service.Volumes;
import io.berth.volume.CapacityRange;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A file system that is mounted below a pool's folder: nothing can be renamed from one to the other. */
class NestedFileSystemTest {
    @TempDir
    Path folder;

    private Path team;
    private Pools pools;
    private Volumes volumes;

    @BeforeEach
    void serve() throws IOException {
        pools = Pools.serving(List.of(TemporaryPool.config(folder, "fast", "hostpath", "")));
        volumes = new Volumes(pools, Clock.systemUTC());
        team = Files.createDirectory(folder.resolve("fast/team"));
    }

    @AfterEach
    void close() {
        pools.close();
        TemporaryPool.unmountBelow(folder);
    }

    private void mount() {
        Mounts.tmpfs("dataset", team, 4 << 20, 0755, 0, 0, Set.of());
    }

    private Volume create(String name, String subDir, Optional<Volume> source, String... more) {
        Map<String, String> parameters = new HashMap<>(Map.of("subDir", subDir));
        for (int i = 0; i < more.length; i += 2) {
            parameters.put(more[i], more[i + 1]);
        }
        return volumes.create(new Volumes.Wanted(
                name,
                CapacityRange.ANY,
                VolumeParameters.parse(parameters),
                false,
                false,
                Optional.empty(),
                source.map(volume -> new Source.OfVolume(volume.id()))));
    }

    private void assertRefused(Runnable create) {
        assertThatThrownBy(create::run)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContainingAll("mounted at " + team, "a pool of its own");
        assertThat(TemporaryPool.names(folder.resolve("fast/.berth/creating"))).isEmpty();
        assertThat(TemporaryPool.names(folder.resolve("fast/.berth/copying"))).isEmpty();
        assertThat(folder.resolve("fast/.berth/paths/team")).doesNotExist();
    }

    @Test
    void noVolumeIsMadeCopiedOrAdoptedThere() throws IOException {
        mount();
        Files.createDirectory(team.resolve("found"));
        Volume source = create("source", "source", Optional.empty());
        volumes.delete(source.id().toString());
        assertRefused(() -> create("v", "team/v", Optional.empty()));
        assertRefused(() -> create("v", "team/deep/v", Optional.empty()));
        assertRefused(() -> create("v", "team/found", Optional.empty(), "onDelete", "retain"));
        assertRefused(() -> create("v", "team", Optional.empty(), "onDelete", "retain"));
        assertThat(TemporaryPool.names(team)).containsExactly("found");
    }

    @Test
    void aCopyIsRefusedBeforeItIsMade() {
        mount();
        Volume source = create("source", "source", Optional.empty());
        assertRefused(() -> create("v", "team/v", Optional.of(source)));
        assertThat(TemporaryPool.names(team)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"delete", "archive"})
    void whatLiesThereAlreadyStaysAVolumeUntilItsDataIsMoved(String onDelete) throws IOException {
        Volume volume = create("v", "team/v", Optional.empty(), "onDelete", onDelete);
        mount();
        Path data = Files.createDirectory(team.resolve("v"));
        assertThatThrownBy(() -> volumes.delete(volume.id().toString()))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContainingAll("mounted at " + team, "remove " + data + " by hand");
        assertThat(volumes.find(volume.id().toString())).isPresent();
        Files.delete(data);
        volumes.delete(volume.id().toString());
        assertThat(volumes.find(volume.id().toString())).isEmpty();
    }

    @Test
    void anArchiveIsNotBroughtBackThere() {
        Volume volume = create("v", "team/v", Optional.empty(), "onDelete", "archive");
        volumes.delete(volume.id().toString());
        mount();
        Pool pool = pools.get(volume.id().pool());
        assertRefused(() -> {
            Volume unused = pool.volumes().archives().restore(io.berth.catalog.ArchiveName.of(volume));
        });
        Mounts.unmount(team);
        assertThat(pool.volumes().archives().restore(io.berth.catalog.ArchiveName.of(volume)))
                .isEqualTo(volume);
    }
}
