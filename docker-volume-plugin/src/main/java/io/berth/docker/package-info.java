/**
 * The Docker volume plugin: Docker's VolumeDriver API on Jetty over a Unix socket. Begin with
 * {@link io.berth.docker.VolumeDriver}, which is what Docker can ask for; {@link io.berth.docker.DockerServer} serves it.
 */
@NullMarked
package io.berth.docker;

import org.jspecify.annotations.NullMarked;
