package io.berth.docker;

import io.berth.socket.Endpoint;
import io.berth.volume.PoolName;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What the plugin is told.
 *
 * @param socket where it is served; its file name is the plugin's name
 * @param defaultPool the pool of volumes that are made without saying which; empty: the only one
 * @param stateDir what is to outlive the process lies in its folder {@code docker}
 * @param removeAll whether Docker may remove volumes that it did not make
 */
public record DockerSettings(Endpoint socket, Optional<PoolName> defaultPool, Path stateDir, boolean removeAll) {}
