package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.csi.v1.CapacityRange;
import io.berth.csi.v1.ControllerGetCapabilitiesRequest;
import io.berth.csi.v1.ControllerServiceCapability;
import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.GetPluginCapabilitiesRequest;
import io.berth.csi.v1.GetPluginInfoRequest;
import io.berth.csi.v1.NodeGetCapabilitiesRequest;
import io.berth.csi.v1.NodeGetInfoRequest;
import io.berth.csi.v1.NodePublishVolumeRequest;
import io.berth.csi.v1.NodeServiceCapability;
import io.berth.csi.v1.NodeStageVolumeRequest;
import io.berth.csi.v1.PluginCapability;
import io.berth.csi.v1.Volume;
import io.berth.csi.v1.VolumeCapability;
import io.berth.csi.v1.VolumeCapability.AccessMode.Mode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The plugin for cluster volumes, which a dockerd creates and runs by its two interface types. An older dockerd has no
 * cluster volumes yet, so there the calls are made as Swarm makes them since Docker 23: with its paths, its capabilities, and
 * without NodeUnstageVolume.
 */
@Timeout(180)
class SwarmPluginTest {
    private static final Path STAGED = Path.of("/data/staged");
    private static final Path PUBLISHED = Path.of("/data/published");
    private static final String VOLUME = "9vx1wckmipqkyhk4gs1j8j7yk";

    @TempDir
    Path folder;

    @Test
    void aServiceHasAVolumeOfItsSwarm() throws IOException {
        Path pools = Files.createDirectory(folder.resolve("pools"));
        Path pool = Files.createDirectory(pools.resolve("shared"));
        try (Dockerd dockerd = Dockerd.start(Docker.NEWER, Files.createDirectory(folder.resolve("dockerd")))) {
            create(dockerd);
            enable(dockerd, pools);
            dockerd.docker("swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1");
            await(() -> dockerd.docker("node", "inspect", "--format={{.Description.CSIInfo}}", "self")
                    .contains("swarm"));
            dockerd.docker(
                    "volume",
                    "create",
                    "--driver=swarm",
                    "--scope=multi",
                    "--sharing=all",
                    "--type=mount",
                    "--required-bytes=16M",
                    "--opt=pool=shared",
                    "web");
            dockerd.docker(
                    "service",
                    "create",
                    "--detach",
                    "--name=writer",
                    "--no-resolve-image",
                    "--network=host",
                    "--replicas=2",
                    "--mount=type=cluster,source=web,target=/data",
                    Dockerd.IMAGE,
                    "sh",
                    "-c",
                    "hostname >>/data/hosts; exec sleep 1000000");
            Path hosts = pool.resolve("shared.web/hosts");
            await(() -> Files.exists(hosts) && Files.readString(hosts).lines().count() == 2);

            dockerd.docker("service", "rm", "writer");
            dockerd.docker("volume", "update", "--availability=drain", "web");
            await(() -> dockerd.tryDocker("volume", "rm", "web").code() == 0);
            await(() -> Files.notExists(pool.resolve("shared.web")));
            dockerd.docker("swarm", "leave", "--force");
            dockerd.docker("plugin", "disable", "--force", "swarm");
        }
    }

    private interface Question {
        boolean answer() throws IOException;
    }

    private static void await(Question question) {
        Await.until(
                Duration.ofMinutes(1),
                () -> {
                    try {
                        return question.answer();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                () -> "the swarm does not get there");
    }

    private void enable(Dockerd dockerd, Path pools) throws IOException {
        Path hostname = Files.writeString(folder.resolve("hostname"), "worker-1\n");
        dockerd.docker(
                "plugin",
                "set",
                "swarm",
                "pools.source=" + pools,
                "hostname.source=" + hostname,
                "BERTH_POOL=shared=hostpath:/pools/shared");
        dockerd.docker("plugin", "enable", "swarm");
    }

    @Test
    void aClusterVolumeLivesAndLeavesNothing() throws IOException {
        Path pools = Files.createDirectory(folder.resolve("pools"));
        Path pool = Files.createDirectory(pools.resolve("shared"));
        try (Dockerd dockerd = Dockerd.start(Docker.INSTALLED, Files.createDirectory(folder.resolve("dockerd")))) {
            create(dockerd);
            enable(dockerd, pools);
            String plugin = dockerd.docker("plugin", "inspect", "--format={{.Id}}", "swarm");
            try (Client client = Client.connect(Dockerd.PLUGINS.resolve(plugin).resolve("berth-csi.sock"))) {
                isWhatSwarmAsksFor(client);
                Volume volume = create(client);
                assertThat(pool.resolve("shared.web")).isDirectory();
                Path shown = folder.resolve("dockerd/data/plugins")
                        .resolve(plugin)
                        .resolve("propagated-mount")
                        .resolve(VOLUME);
                for (String task : List.of("first", "second")) {
                    publish(client, volume);
                    assertThat(run(dockerd, shown, "echo " + task + " >>/data/file && cat /data/file"))
                            .endsWith(task);
                    client.unpublish(volume.getVolumeId(), PUBLISHED.resolve(VOLUME));
                }
                assertThat(pool.resolve("shared.web/file")).hasContent("first\nsecond\n");
                client.delete(volume.getVolumeId());
                assertThat(pool.resolve("shared.web")).doesNotExist();
                assertThat(shown).doesNotExist();
            }
            dockerd.docker("plugin", "disable", "swarm");
            dockerd.docker("plugin", "rm", "swarm");
        }
    }

    private static void create(Dockerd dockerd) {
        Command.Result created = Command.run(
                Duration.ofMinutes(2),
                dockerd.environment(),
                List.of(Driver.DISTRIBUTION.resolve("docker-plugin/create").toString(), "--swarm", "swarm"));
        assertThat(created.code()).as("%s", created).isZero();
    }

    private static void isWhatSwarmAsksFor(Client client) {
        Await.until(Duration.ofMinutes(1), client::isReady, () -> "the plugin is not ready");
        assertThat(client.identity()
                        .getPluginInfo(GetPluginInfoRequest.getDefaultInstance())
                        .getName())
                .isEqualTo("csi.berth.io");
        assertThat(client
                        .identity()
                        .getPluginCapabilities(GetPluginCapabilitiesRequest.getDefaultInstance())
                        .getCapabilitiesList()
                        .stream()
                        .map(capability -> capability.getService().getType()))
                .contains(PluginCapability.Service.Type.CONTROLLER_SERVICE);
        assertThat(client
                        .controller()
                        .controllerGetCapabilities(ControllerGetCapabilitiesRequest.getDefaultInstance())
                        .getCapabilitiesList()
                        .stream()
                        .map(capability -> capability.getRpc().getType()))
                .contains(ControllerServiceCapability.RPC.Type.CREATE_DELETE_VOLUME)
                .doesNotContain(ControllerServiceCapability.RPC.Type.PUBLISH_UNPUBLISH_VOLUME);
        assertThat(client
                        .node()
                        .nodeGetCapabilities(NodeGetCapabilitiesRequest.getDefaultInstance())
                        .getCapabilitiesList()
                        .stream()
                        .map(capability -> capability.getRpc().getType()))
                .contains(NodeServiceCapability.RPC.Type.STAGE_UNSTAGE_VOLUME);
        assertThat(client.node()
                        .nodeGetInfo(NodeGetInfoRequest.getDefaultInstance())
                        .getNodeId())
                .isEqualTo("worker-1");
    }

    /** As {@code --scope multi --sharing all --type mount --required-bytes 16M --limit-bytes 16M --opt pool=shared web}. */
    private static Volume create(Client client) {
        CreateVolumeRequest request = CreateVolumeRequest.newBuilder()
                .setName("web")
                .putParameters("pool", "shared")
                .addVolumeCapabilities(capability())
                .setCapacityRange(
                        CapacityRange.newBuilder().setRequiredBytes(16 << 20).setLimitBytes(16 << 20))
                .build();
        Volume volume = client.controller().createVolume(request).getVolume();
        assertThat(client.controller().createVolume(request).getVolume()).isEqualTo(volume);
        return volume;
    }

    private static VolumeCapability capability() {
        return Client.capability(Mode.MULTI_NODE_MULTI_WRITER);
    }

    private static void publish(Client client, Volume volume) {
        var unused = client.node()
                .nodeStageVolume(NodeStageVolumeRequest.newBuilder()
                        .setVolumeId(volume.getVolumeId())
                        .setStagingTargetPath(STAGED.resolve(VOLUME).toString())
                        .setVolumeCapability(capability())
                        .putAllVolumeContext(volume.getVolumeContextMap())
                        .build());
        client.publish(NodePublishVolumeRequest.newBuilder()
                .setVolumeId(volume.getVolumeId())
                .setStagingTargetPath(STAGED.resolve(VOLUME).toString())
                .setTargetPath(PUBLISHED.resolve(VOLUME).toString())
                .setVolumeCapability(capability())
                .putAllVolumeContext(volume.getVolumeContextMap()));
    }

    /** As a task's container has it: a bind mount of where the plugin's mount propagates to. */
    private static String run(Dockerd dockerd, Path volume, String command) {
        return dockerd.docker(
                "run",
                "--rm",
                "--network=none",
                "--mount=type=bind,source=" + volume + ",target=/data",
                Dockerd.IMAGE,
                "sh",
                "-c",
                command);
    }
}
