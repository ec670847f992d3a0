package io.berth.csi;

import io.berth.fault.Fault;
import java.io.IOException;
import java.net.ConnectException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** The file of a listening Unix socket: made room for before binding, and removed by who made it. */
final class SocketFile {
    private static final String FOLDER_MODE = "rwxr-x---";
    private static final String SOCKET_MODE = "rw-rw----";

    private final Path path;
    private final Object inode;

    private SocketFile(Path path, Object inode) {
        this.path = path;
        this.inode = inode;
    }

    /**
     * Makes missing folders and takes away a socket that nobody serves.
     *
     * @throws Fault FAILED_PRECONDITION when somebody serves there, or something else than a socket is there
     */
    static void makeRoom(Path path) throws IOException {
        Path folder = path.getParent();
        if (folder != null) {
            Files.createDirectories(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(FOLDER_MODE)));
        }
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        int type = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS) & 0170000;
        if (type != 0140000) {
            throw new Fault(Fault.Kind.FAILED_PRECONDITION, "endpoint " + path + ": a file that is no socket is there");
        }
        if (isServed(path)) {
            throw new Fault(Fault.Kind.FAILED_PRECONDITION, "endpoint " + path + ": another process serves there");
        }
        Files.deleteIfExists(path);
    }

    private static boolean isServed(Path path) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            return channel.isConnected();
        } catch (ConnectException e) {
            return false;
        } catch (java.net.SocketException e) {
            return !String.valueOf(e.getMessage()).contains("refused");
        }
    }

    /** Takes charge of the socket that was just bound. */
    static SocketFile bound(Path path) throws IOException {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(SOCKET_MODE));
        return new SocketFile(path, inode(path));
    }

    private static Object inode(Path path) throws IOException {
        return Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS);
    }

    /** Removes the socket unless it is a successor's by now. */
    void remove() {
        try {
            if (inode(path).equals(inode)) {
                Files.deleteIfExists(path);
            }
        } catch (NoSuchFileException e) {
            return; // gone already
        } catch (IOException e) {
            throw new Fault(Fault.Kind.FAILED_PRECONDITION, "cannot remove " + path + ": " + e, e);
        }
    }
}
