package io.berth.docker;

import io.berth.hostpath.HostPaths;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.service.Health;
import io.berth.service.NodeVolumes;
import io.berth.service.Snapshots;
import io.berth.service.Volumes;
import io.berth.socket.EndedCall;
import io.berth.socket.Endpoint;
import io.berth.volume.PoolName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * A plugin that serves three pools in a folder, {@code fast} (local, the default), {@code home} (hostpath, with folders
 * found) and {@code nas} (nfs, on the server itself), allows the host's paths in {@code allowed}, and can be started anew.
 */
final class Plugin implements AutoCloseable {
    final Path folder;
    final Path socket;
    final Path mounts;
    /** What holds from the next {@link #restart} on. */
    boolean removesAll;

    Pools pools;
    Volumes volumes;
    Snapshots snapshots;
    NodeVolumes node;
    OptionalInt stateGroup = OptionalInt.empty();
    /** The calls that were told of. */
    final Queue<EndedCall> ended = new ConcurrentLinkedQueue<>();

    private DockerServer server;

    Plugin(Path folder) throws IOException {
        this.folder = folder.toRealPath();
        this.socket = this.folder.resolve("berth.sock");
        this.mounts = this.folder.resolve("state/mounts");
        Files.createDirectory(this.folder.resolve("fast"));
        Files.createDirectory(this.folder.resolve("home"));
        Files.createDirectory(this.folder.resolve("nas"));
        Files.createDirectory(this.folder.resolve("allowed"));
        start();
    }

    private void start() {
        pools = Pools.serving(List.of(
                config("fast", "local", ""),
                config("home", "hostpath", ",discover=true"),
                PoolConfig.parse("nas=nfs:nas.example:/export,path=" + folder.resolve("nas"))));
        volumes = new Volumes(pools, Clock.systemUTC());
        snapshots = new Snapshots(pools, Clock.systemUTC());
        HostPaths hostPaths = new HostPaths(List.of(folder.resolve("allowed")));
        node = new NodeVolumes(pools, volumes, hostPaths);
        DockerSettings settings = new DockerSettings(
                new Endpoint(socket),
                Optional.empty(),
                Optional.of(new PoolName("fast")),
                folder.resolve("state"),
                stateGroup,
                removesAll);
        server = DockerServer.start(
                settings,
                8,
                Duration.ofSeconds(10),
                Optional.of(ended::add),
                VolumeDriver.open(
                        settings,
                        volumes,
                        snapshots,
                        node,
                        new Health(pools, volumes, hostPaths),
                        Duration.ofMinutes(1))); // no test is to fail because the machine is slow
    }

    private PoolConfig config(String name, String kind, String options) {
        return PoolConfig.parse(name + "=" + kind + ":" + folder.resolve(name) + ",limit=advisory" + options);
    }

    boolean isInPlace() {
        return server.isInPlace();
    }

    PluginClient connect() throws IOException {
        return new PluginClient(socket);
    }

    /** What the process after this one sees: mounts stay, memory is lost. */
    void restart() {
        server.close();
        pools.close();
        start();
    }

    List<MountPoint> mounted() {
        return MountTable.read().mounts().stream()
                .filter(mount -> mount.target().startsWith(folder))
                .toList();
    }

    /** The files that keep mount ids. */
    List<String> idFiles() throws IOException {
        try (var files = Files.list(folder.resolve("state/docker/ids"))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.contains("@"))
                    .sorted()
                    .toList();
        }
    }

    @Override
    public void close() {
        server.close();
        mounted().reversed().forEach(mount -> Mounts.unmount(mount.target()));
        pools.close();
    }
}
