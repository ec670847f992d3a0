package io.berth.driver;

import io.berth.csi.DriverName;
import io.berth.csi.Endpoint;
import io.berth.csi.NodeTopology;
import io.berth.pool.PoolConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * What a driver is made of.
 *
 * @param hostPaths the host paths that may be mounted
 * @param maxCalls calls at once
 * @param slowCall a call that takes longer is logged
 * @param stopTimeout how long the calls that run when it stops have to end
 * @param reapRate files and folders removed from the trash in a second
 * @param maxVolumes how many volumes the scheduler may give this node; 0: no limit
 */
public record DriverConfig(
        Set<Service> services,
        Endpoint endpoint,
        DriverName name,
        String nodeId,
        String version,
        List<PoolConfig> pools,
        List<Path> hostPaths,
        int maxCalls,
        Duration slowCall,
        Duration stopTimeout,
        int reapRate,
        long maxVolumes) {
    /** The CSI services beside Identity. */
    public enum Service {
        CONTROLLER,
        NODE
    }

    public DriverConfig {
        services = Set.copyOf(services);
        pools = List.copyOf(pools);
        hostPaths = List.copyOf(hostPaths);
    }

    NodeTopology topology() {
        return new NodeTopology(name.text(), nodeId);
    }
}
