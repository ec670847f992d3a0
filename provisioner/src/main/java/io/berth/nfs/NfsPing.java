package io.berth.nfs;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Asks an NFS server whether it lives, by the call of NFS that does nothing (NULL, RFC 1813), over a connection of its own:
 * no file system of the kernel is touched. Thread-safe.
 */
final class NfsPing {
    private static final Duration DEADLINE = Duration.ofSeconds(1);
    /** An answer, or silence, holds so long; many callers may ask at once. */
    private static final Duration FRESH = Duration.ofSeconds(1);

    private static final int CALL = 0;
    private static final int REPLY = 1;
    private static final int RPC_VERSION = 2;
    private static final int NFS_PROGRAM = 100003;
    /** Whether the server speaks this one does not matter. */
    private static final int NFS_VERSION = 4;

    private static final int NULL_PROCEDURE = 0;
    private static final int LAST_FRAGMENT = 1 << 31;

    private final InetSocketAddress server;
    private long asked;
    private boolean lives;
    private Duration took = Duration.ZERO;

    NfsPing(InetAddress address, int port) {
        this.server = new InetSocketAddress(address, port);
        this.asked = System.nanoTime() - FRESH.toNanos();
    }

    /** Whether the server answers; takes two seconds at most for each that asks at once. */
    synchronized boolean lives() {
        if (System.nanoTime() - asked >= FRESH.toNanos()) {
            long begun = System.nanoTime();
            lives = ask();
            asked = System.nanoTime();
            took = Duration.ofNanos(asked - begun);
        }
        return lives;
    }

    /** How long the server took to connect and answer; empty when it is silent. Takes as long as {@link #lives}. */
    synchronized Optional<Duration> answerTime() {
        return lives() ? Optional.of(took) : Optional.empty();
    }

    private boolean ask() {
        int id = ThreadLocalRandom.current().nextInt();
        try (Socket socket = new Socket()) {
            socket.setSoTimeout((int) DEADLINE.toMillis());
            socket.connect(server, (int) DEADLINE.toMillis());
            socket.getOutputStream().write(call(id));
            DataInputStream in = new DataInputStream(socket.getInputStream());
            // Whatever it says of the call, it has understood it.
            return in.readInt() < 0 && in.readInt() == id && in.readInt() == REPLY;
        } catch (IOException e) {
            return false; // that it does not answer is the answer
        }
    }

    /** A call message without credentials in one fragment. See RFC 5531, sections 9 and 11. */
    private byte[] call(int id) {
        int[] words = {id, CALL, RPC_VERSION, NFS_PROGRAM, NFS_VERSION, NULL_PROCEDURE, 0, 0, 0, 0};
        ByteBuffer message = ByteBuffer.allocate(4 + 4 * words.length);
        message.putInt(LAST_FRAGMENT | 4 * words.length);
        for (int word : words) {
            message.putInt(word);
        }
        return message.array();
    }
}
