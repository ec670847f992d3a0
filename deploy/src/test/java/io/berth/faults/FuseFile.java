package io.berth.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import jnr.ffi.LastError;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.types.size_t;

/**
 * A file system with one file, {@code disk}, that this process serves to the kernel (fuse(4), linux/fuse.h). Nothing of
 * the file is cached by the kernel, so each write of a loop device over it arrives here, and its flush as an fsync. One
 * thread answers, so requests have one order.
 */
final class FuseFile implements AutoCloseable {
    /** What the file holds; called by one thread. */
    interface Content {
        long size();

        /** Puts bytes from this place on into the buffer, as many as it has room for. */
        void read(long offset, ByteBuffer into);

        /** Takes all bytes of the buffer. */
        void write(long offset, ByteBuffer from);

        /** From now on these bytes are zero. */
        void clear(long offset, long length);

        /** What was written before outlives a loss of power. */
        void flush();
    }

    private static final int O_RDWR = 2;
    private static final int O_CLOEXEC = 0x80000;
    private static final int MNT_DETACH = 2;
    private static final int MAX_WRITE = 1 << 20;
    private static final int ENOENT = 2;
    private static final int EINTR = 4;
    private static final int ENODEV = 19;
    private static final int ENOSYS = 38;

    private static final int HEADER = 40;
    private static final int OUT_HEADER = 16;
    private static final int BIG_WRITES = 1 << 5;
    private static final int MAX_PAGES = 1 << 22;
    private static final int DIRECT_IO = 1;
    private static final long ROOT = 1;
    private static final long FILE = 2;
    private static final String NAME = "disk";

    private static final Calls LIBC = LibraryLoader.create(Calls.class).load("libc.so.6");

    /** Public only in the class file, where jnr-ffi needs it. */
    public interface Calls {
        int open(@In String path, int flags);

        int close(int fd);

        long read(int fd, @Out ByteBuffer buffer, @size_t long length);

        long write(int fd, @In ByteBuffer buffer, @size_t long length);

        int mount(@In String source, @In String target, @In String type, long flags, @In String data);

        int umount2(@In String target, int flags);
    }

    /**
     * Breaks the connection with the kernel when this process was killed. It would break by itself when the process is gone,
     * but it may never go: what waits for the file cannot be killed.
     */
    private static final String GUARD = """
            trap '' HUP INT TERM # which a whole group of processes is sent
            mount -t fusectl none "$2"
            while grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$0/status"; do sleep 0.5; done
            echo 1 > "$2/$1/abort"
            """;

    private final Path mountPoint;
    private final Content content;
    private final int device;
    private final Thread server;
    private final Process guard;

    private FuseFile(Path mountPoint, Content content, int device) throws IOException {
        this.mountPoint = mountPoint;
        this.content = content;
        this.device = device;
        this.server = new Thread(this::serve, "fuse");
        server.setDaemon(true);
        server.start();
        this.guard = new ProcessBuilder(
                        "unshare",
                        "--mount",
                        "sh",
                        "-euc",
                        GUARD,
                        Long.toString(ProcessHandle.current().pid()),
                        Files.getAttribute(mountPoint, "unix:dev").toString(),
                        Files.createDirectory(control()).toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    /** Mounts it on a new folder. */
    static FuseFile mount(Path mountPoint, Content content) {
        try {
            Files.createDirectory(mountPoint);
            int device = check(LIBC.open("/dev/fuse", O_RDWR | O_CLOEXEC), "open /dev/fuse");
            String options = "fd=" + device + ",rootmode=40000,user_id=0,group_id=0";
            check(LIBC.mount("berth-test", mountPoint.toString(), "fuse.berth-test", 0, options), "mount fuse");
            return new FuseFile(mountPoint, content, device);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path control() {
        return mountPoint.resolveSibling(mountPoint.getFileName() + ".control");
    }

    /** Where the file is. */
    Path path() {
        return mountPoint.resolve(NAME);
    }

    private static int check(int result, String call) {
        if (result < 0) {
            throw new IllegalStateException(call + ": errno " + errno());
        }
        return result;
    }

    private static int errno() {
        return LastError.getLastError(Runtime.getRuntime(LIBC));
    }

    private void serve() {
        ByteBuffer request = ByteBuffer.allocateDirect(MAX_WRITE + 4096).order(ByteOrder.nativeOrder());
        ByteBuffer answer = ByteBuffer.allocateDirect(MAX_WRITE + 4096).order(ByteOrder.nativeOrder());
        while (true) {
            request.clear();
            long length = LIBC.read(device, request, request.capacity());
            if (length < 0) {
                int errno = errno();
                if (errno == ENODEV) {
                    return; // unmounted
                }
                if (errno == EINTR || errno == ENOENT) {
                    continue; // ENOENT: the request was taken back
                }
                throw new IllegalStateException("read /dev/fuse: errno " + errno);
            }
            request.limit((int) length);
            answer.clear().position(OUT_HEADER);
            int error = handle(request, answer);
            if (error <= 0) {
                send(request.getLong(8), error, answer);
            }
        }
    }

    /** The answer's length and error come first. */
    private void send(long unique, int error, ByteBuffer answer) {
        int length = error == 0 ? answer.position() : OUT_HEADER;
        answer.putInt(0, length).putInt(4, error).putLong(8, unique);
        answer.position(0);
        LIBC.write(device, answer, length); // ENOENT: whoever asked is gone
    }

    /** Writes what is answered; gives 0, a negative errno, or 1 for a request that gets no answer. */
    private int handle(ByteBuffer request, ByteBuffer answer) {
        int opcode = request.getInt(4);
        long node = request.getLong(16);
        request.position(HEADER);
        switch (opcode) {
            case 1 -> { // LOOKUP
                if (!NAME.equals(name(request))) {
                    return -ENOENT;
                }
                answer.putLong(FILE).putLong(0).putLong(3600).putLong(3600).putLong(0);
                putAttributes(FILE, answer);
            }
            case 3, 4 -> { // GETATTR, SETATTR
                answer.putLong(3600).putLong(0);
                putAttributes(node, answer);
            }
            case 14, 27 -> answer.putLong(0).putInt(DIRECT_IO).putInt(0); // OPEN, OPENDIR
            case 15 -> { // READ
                request.getLong();
                long offset = request.getLong();
                int size = Math.clamp(content.size() - offset, 0, request.getInt());
                answer.limit(OUT_HEADER + size);
                content.read(offset, answer);
                answer.limit(answer.capacity());
            }
            case 16 -> { // WRITE
                request.getLong();
                long offset = request.getLong();
                int size = request.getInt();
                request.position(HEADER + 40);
                content.write(offset, request);
                answer.putInt(size).putInt(0);
            }
            case 17 -> answer.put(new byte[80]); // STATFS
            case 20 -> content.flush(); // FSYNC
            case 26 -> initialize(answer);
            case 43 -> { // FALLOCATE, of a loop device: to punch a hole or to write zeros
                request.getLong();
                content.clear(request.getLong(), request.getLong());
            }
            case 18, 25, 29, 34 -> {} // RELEASE, FLUSH, RELEASEDIR, ACCESS
            case 2, 36, 38, 42 -> { // FORGET, INTERRUPT, DESTROY, BATCH_FORGET
                return 1;
            }
            default -> {
                return -ENOSYS;
            }
        }
        return 0;
    }

    private static void initialize(ByteBuffer answer) {
        answer.putInt(7).putInt(31).putInt(0).putInt(BIG_WRITES | MAX_PAGES);
        answer.putShort((short) 64).putShort((short) 48).putInt(MAX_WRITE).putInt(1);
        answer.putShort((short) (MAX_WRITE / 4096)).putShort((short) 0);
        answer.put(new byte[32]);
    }

    private static String name(ByteBuffer request) {
        StringBuilder name = new StringBuilder();
        for (byte b = request.get(); b != 0; b = request.get()) {
            name.append((char) b);
        }
        return name.toString();
    }

    private void putAttributes(long node, ByteBuffer answer) {
        long size = node == ROOT ? 0 : content.size();
        answer.putLong(node).putLong(size).putLong(size / 512);
        answer.put(new byte[36]); // times
        answer.putInt(node == ROOT ? 040700 : 0100600).putInt(1);
        answer.putInt(0).putInt(0).putInt(0).putInt(4096).putInt(0);
    }

    @Override
    public void close() {
        try {
            guard.destroyForcibly().waitFor(); // it sees the mount too, so that would stay
            check(LIBC.umount2(mountPoint.toString(), MNT_DETACH), "umount fuse");
            server.join();
            Files.delete(control());
            Files.delete(mountPoint);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        LIBC.close(device);
    }
}
