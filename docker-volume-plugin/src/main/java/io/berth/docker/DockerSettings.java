package io.berth.docker;

import io.berth.socket.Endpoint;
import io.berth.socket.SocketOwner;
import io.berth.volume.PoolName;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the plugin is told.
 *
 * @param socket where it is served; its file name is the plugin's name
 * @param socketOwner who may call by it beside root; empty: nobody
 * @param defaultPool the pool of volumes that are made without saying which; empty: the only one
 * @param stateDir what is to outlive the process lies in its folder {@code docker}
 * @param stateGroup the number of a group that may pass through that folder to what is mounted there; empty: none
 * @param removeAll whether Docker may remove volumes that it did not make
 */
public record DockerSettings(
        Endpoint socket,
        Optional<SocketOwner> socketOwner,
        Optional<PoolName> defaultPool,
        Path stateDir,
        OptionalInt stateGroup,
        boolean removeAll) {}
