package io.berth.socket;

import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.PathHandle;
import io.berth.linux.UnixSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The file of a listening Unix socket. It is bound under a passing name and renamed when its mode is right, so nobody meets
 * it too early, and the one it replaces is there until then.
 */
public final class SocketFile {
    private static final String FOLDER_MODE = "rwxr-x---";
    private static final int SOCKET_MODE = 0660;

    private final Path path;
    private final Path passing;
    private final Optional<SocketOwner> owner;
    private volatile List<Object> identity = List.of();

    /**
     * The socket file that is to be at this path.
     *
     * @param owner empty: this process's
     */
    public SocketFile(Path path, Optional<SocketOwner> owner) {
        this.path = path;
        this.owner = owner;
        this.passing =
                path.resolveSibling(".b" + Long.toString(ProcessHandle.current().pid(), 36));
    }

    /**
     * Makes missing folders and looks at what is there.
     *
     * @return where to bind
     * @throws Fault FAILED_PRECONDITION when somebody serves there, or something else than a socket is there
     */
    public Path prepare() throws IOException {
        Path folder = path.getParent();
        if (folder != null) {
            Files.createDirectories(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(FOLDER_MODE)));
        }
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            int type = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS) & 0170000;
            if (type != 0140000) {
                throw new Fault(
                        Fault.Kind.FAILED_PRECONDITION, "endpoint " + path + ": a file that is no socket is there");
            }
            if (UnixSocket.isServed(path)) {
                throw new Fault(Fault.Kind.FAILED_PRECONDITION, "endpoint " + path + ": another process serves there");
            }
        }
        Files.deleteIfExists(passing);
        return passing;
    }

    /** Puts the socket that was bound where it belongs, replacing a stale one. */
    public void publish() throws IOException {
        letIn();
        Files.move(passing, path, StandardCopyOption.ATOMIC_MOVE);
        identity = identity(path);
    }

    /** Follows no symbolic link, for the folder may be the owner's, who could put one there. */
    private void letIn() throws IOException {
        Path folder = Objects.requireNonNull(passing.getParent());
        try (Directory opened = Directory.open(folder);
                PathHandle file = PathHandle.open(opened, passing.getFileName().toString())
                        .orElseThrow(() -> new NoSuchFileException(passing.toString()))) {
            file.chmod(SOCKET_MODE);
        }
        if (owner.isPresent()) {
            PosixFileAttributeView view =
                    Files.getFileAttributeView(passing, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
            view.setOwner(owner.get().user());
            if (owner.get().group().isPresent()) {
                view.setGroup(owner.get().group().get());
            }
        }
    }

    /** The number of a removed file may be the next one's, but not its time too. */
    private static List<Object> identity(Path path) throws IOException {
        return List.of(
                Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS),
                Files.getAttribute(path, "unix:ctime", LinkOption.NOFOLLOW_LINKS));
    }

    /**
     * Whether callers find the socket and are let in: it was published, nobody has removed or replaced it since, and it
     * takes connections. Makes one.
     */
    public boolean isInPlace() {
        try {
            return identity(path).equals(identity) && UnixSocket.isServed(path);
        } catch (IOException | Fault e) {
            return false; // gone, or its folder is
        }
    }

    /** Removes the socket unless it is a successor's by now. */
    public void remove() {
        try {
            if (identity(path).equals(identity)) {
                Files.deleteIfExists(path);
            }
        } catch (NoSuchFileException e) {
            return; // gone already
        } catch (IOException e) {
            throw new Fault(Fault.Kind.FAILED_PRECONDITION, "cannot remove " + path + ": " + Fault.reason(e), e);
        }
    }
}
