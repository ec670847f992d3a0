package io.berth.csi;

import io.berth.fault.Fault;
import io.berth.socket.Endpoint;
import java.time.Duration;
import java.util.List;

/**
 * Makes the driver known to the kubelet of this node: serves its plugin registration API on a socket in the kubelet's
 * folder, for as long as the driver is to be known. A kubelet that starts anew finds the socket again. Thread-safe.
 */
public final class RegistrationServer implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private final SocketServer server;
    private final RegistrationService service;

    private RegistrationServer(SocketServer server, RegistrationService service) {
        this.server = server;
        this.service = service;
    }

    /**
     * Begins to serve; the CSI socket must be served by then, for the kubelet calls it at once.
     *
     * @param socket in the kubelet's plugins_registry
     * @param csiSocket as the kubelet sees it
     * @throws Fault FAILED_PRECONDITION when the socket cannot be had
     */
    public static RegistrationServer start(Endpoint socket, DriverName driver, Endpoint csiSocket) {
        RegistrationService service = new RegistrationService(driver, csiSocket);
        return new RegistrationServer(
                SocketServer.start("registration", socket, List.of(service.bindService())), service);
    }

    /** Whether the kubelet finds the socket: false when somebody has removed or replaced its file. */
    public boolean isInPlace() {
        return server.isInPlace();
    }

    /** Whether the kubelet said last that it knows the driver. */
    public boolean isRegistered() {
        return service.isRegistered();
    }

    /** Removes the socket, upon which the kubelet forgets the driver. Takes two seconds at most. */
    @Override
    public void close() {
        server.stop(PATIENCE);
    }
}
