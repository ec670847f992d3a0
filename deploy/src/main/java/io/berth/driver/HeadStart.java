package io.berth.driver;

import io.berth.csi.v1.Csi;
import io.berth.linux.Linux;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.nio.channels.ServerSocketChannel;

/**
 * Loads what a driver's first call needs while the settings are read. One thread does the one, one the other, and a machine
 * with two processors starts so much sooner.
 */
public final class HeadStart {
    private HeadStart() {}

    /** Begins; whoever needs something that is not loaded yet waits for it or loads it. */
    public static void begin(Role role) {
        Thread thread = new Thread(() -> load(role), "head-start");
        thread.setDaemon(true);
        thread.start();
    }

    private static void load(Role role) {
        Linux.geteuid(); // the C library
        loadSockets();
        if (role.hasCsi()) {
            var unused = Csi.getDescriptor();
        }
    }

    /** Java's sockets of this kind come with a random generator, for which it looks through all its cryptography. */
    private static void loadSockets() {
        try {
            ServerSocketChannel.open(StandardProtocolFamily.UNIX).close();
        } catch (IOException e) {
            throw new UncheckedIOException("a socket that is not bound", e);
        }
    }
}
