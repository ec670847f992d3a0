package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TemporaryPool;
import io.berth.hostpath.HostPaths;
import io.berth.linux.OpenFile;
import io.berth.linux.PathHandle;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.pool.Pools;
import io.berth.service.VolumeMounts.Shown;
import io.berth.volume.AccessMode;
import io.berth.volume.CapacityRange;
import io.berth.volume.VolumeParameters;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Images and volumes in memory of other drivers on this machine count too, so of these there are at least so many. */
@Timeout(120)
class VolumeMountsTest {
    @TempDir
    private Path folder;

    private Pools pools;
    private Volumes volumes;
    private NodeVolumes node;

    @BeforeEach
    void open() {
        pools = Pools.serving(List.of(TemporaryPool.config(folder, "fast", "local", "")));
        volumes = new Volumes(pools, Clock.systemUTC());
        node = new NodeVolumes(pools, volumes, new HostPaths(List.of()));
        pools.problem(); // opens it
    }

    @AfterEach
    void close() {
        TemporaryPool.unmountBelow(folder);
        pools.close();
    }

    private int count(Shown shown) {
        return VolumeMounts.count(pools, MountTable.read()).getOrDefault(shown, -1);
    }

    private String create(Map<String, String> parameters) {
        return volumes.create(new Volumes.Wanted(
                        "v", CapacityRange.atLeast(16 << 20), VolumeParameters.parse(parameters), false))
                .id()
                .toString();
    }

    private void publish(String id, Optional<Path> staging, Path target, Map<String, String> context) {
        node.publish(new PublishRequest(
                id, staging, target, AccessMode.SINGLE_NODE_WRITER, Set.of(), OptionalLong.empty(), context));
    }

    @Test
    void aDirectoryCountsOnceStagedAndOncePublished() {
        Path staging = folder.resolve("staging");
        Path target = folder.resolve("target");
        assertThat(count(Shown.DIRECTORY)).isZero();
        String id = create(Map.of());
        node.stage(id, staging, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of());
        assertThat(count(Shown.DIRECTORY)).isEqualTo(1);
        publish(id, Optional.of(staging), target, Map.of());
        assertThat(count(Shown.DIRECTORY)).isEqualTo(2);
        node.unpublish(id, target);
        node.unstage(id, staging);
        assertThat(count(Shown.DIRECTORY)).isZero();
    }

    @Test
    void thePoolAndItsRecordsAreNoVolumes() throws Exception {
        for (String shown : List.of("fast", "fast/.berth")) {
            Path target = Files.createDirectories(folder.resolve("shown").resolve(shown));
            try (OpenFile source = PathHandle.open(folder.resolve(shown)).orElseThrow()) {
                Mounts.bind(source, target, Set.of());
            }
        }
        assertThat(count(Shown.DIRECTORY)).isZero();
    }

    @Test
    void anImageIsCounted() {
        String id = create(Map.of("format", "image"));
        Path staging = folder.resolve("staging");
        node.stage(id, staging, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of());
        assertThat(count(Shown.IMAGE)).isPositive();
        assertThat(count(Shown.DIRECTORY)).isZero();
        node.unstage(id, staging);
    }

    @Test
    void aVolumeInMemoryIsCounted() {
        Map<String, String> context = Map.of("csi.storage.k8s.io/ephemeral", "true", "medium", "Memory", "size", "1Mi");
        publish("csi-0a1b", Optional.empty(), folder.resolve("target"), context);
        assertThat(count(Shown.MEMORY)).isPositive();
    }
}
