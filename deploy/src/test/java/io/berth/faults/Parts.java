package io.berth.faults;

import io.berth.docker.DockerSettings;
import io.berth.docker.VolumeDriver;
import io.berth.hostpath.HostPaths;
import io.berth.pool.Pool;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.service.Attachments;
import io.berth.service.GroupSnapshots;
import io.berth.service.Health;
import io.berth.service.NodeVolumes;
import io.berth.service.Snapshots;
import io.berth.service.Volumes;
import io.berth.socket.Endpoint;
import io.berth.volume.NodeId;
import io.berth.volume.PoolName;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a driver consists of, without its sockets: a local pool {@code p} and Docker's state, both on one disk. Making it
 * is a start of the driver.
 */
final class Parts implements AutoCloseable {
    static final NodeId NODE = NodeId.parse("n").orElseThrow();

    final Volumes volumes;
    final Snapshots snapshots;
    final GroupSnapshots groups;
    final Attachments attachments;
    final NodeVolumes node;
    final VolumeDriver docker;
    final Path root;

    private final Pools pools;

    /**
     * Starts them.
     *
     * @param disk where the disk is mounted
     */
    Parts(Path disk) {
        root = disk.resolve("pool");
        try {
            Files.createDirectories(root);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Clock clock = Clock.systemUTC();
        pools = Pools.serving(
                List.of(PoolConfig.parse("p=local:" + root + ",size=100Gi,limit=advisory")), Optional.of(NODE));
        volumes = new Volumes(pools, clock);
        snapshots = new Snapshots(pools, clock);
        groups = new GroupSnapshots(pools, clock);
        attachments = new Attachments(pools, NODE, 0);
        HostPaths hostPaths = new HostPaths(List.of());
        node = new NodeVolumes(pools, volumes, hostPaths);
        pool();
        docker = VolumeDriver.open(
                new DockerSettings(
                        new Endpoint(disk.resolve("unused.sock")),
                        Optional.empty(),
                        Optional.empty(),
                        disk.resolve("state"),
                        OptionalInt.empty(),
                        false),
                volumes,
                snapshots,
                node,
                new Health(pools, volumes, hostPaths));
    }

    Pool pool() {
        return pools.get(new PoolName("p"));
    }

    /** Empties the trash. */
    void reap() {
        while (pool().trash().reap(1000).removed() > 0) {}
    }

    @Override
    public void close() {
        docker.close();
        pools.close();
    }
}
