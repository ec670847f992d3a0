package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The distribution's {@code berth serve} in a folder:
 *
 * <pre>
 * csi.sock   its socket
 * fast/      pool fast, local
 * shared/    pool shared, hostpath
 * allowed/   the host paths that are allowed
 * node/      staging and target paths
 * log        what it writes
 * </pre>
 *
 * It may be killed and started again in the same folder. Closing it unmounts whatever is mounted below the folder.
 */
public final class Driver implements AutoCloseable {
    /** The built distribution. */
    public static final Path DISTRIBUTION = Path.of(System.getProperty("berth.distribution", "../deploy/target/berth"))
            .toAbsolutePath()
            .normalize();

    public static final String NAME = "local.csi.berth.io";
    public static final String NODE = "n1";

    private static final Duration START = Duration.ofMinutes(2);
    private static final Duration STOP = Duration.ofMinutes(1);

    private final Path folder;
    private final List<String> flags;
    private final Map<String, String> environment;
    private Process process;
    private Client client;

    private Driver(Path folder, List<String> flags, Map<String, String> environment, Process process, Client client) {
        this.folder = folder;
        this.flags = flags;
        this.environment = environment;
        this.process = process;
        this.client = client;
    }

    /** Starts a driver with both pools and waits until it is ready. */
    public static Driver start(Path folder) {
        return start(folder, List.of());
    }

    /**
     * Starts a driver and waits until it is ready.
     *
     * @param flags after the usual ones; those that name pools take the place of the two, and one that names the node that
     *     of {@link #NODE}
     */
    public static Driver start(Path folder, List<String> flags) {
        return start(folder, flags, Map.of());
    }

    /** Starts a driver with variables too. */
    static Driver start(Path folder, List<String> flags, Map<String, String> environment) {
        Driver driver = startUnready(folder, flags, environment);
        driver.awaitReady();
        return driver;
    }

    /** Starts a driver and waits until it answers, ready or not. */
    static Driver startUnready(Path folder, List<String> flags) {
        return startUnready(folder, flags, Map.of());
    }

    private static Driver startUnready(Path folder, List<String> flags, Map<String, String> environment) {
        for (String name : List.of("fast", "shared", "allowed", "node")) {
            makeFolder(folder.resolve(name));
        }
        Path socket = folder.resolve("csi.sock");
        Process process = spawn(folder, flags, environment);
        awaitAnswer(process, socket, folder);
        return new Driver(folder, flags, environment, process, Client.connect(socket));
    }

    /** Starts the process and waits for nothing. */
    public static Process spawn(Path folder, List<String> flags) {
        return spawn(folder, flags, Map.of());
    }

    private static Process spawn(Path folder, List<String> flags, Map<String, String> environment) {
        ProcessBuilder builder = new ProcessBuilder(commandLine(folder, flags))
                .redirectErrorStream(true)
                .redirectOutput(
                        ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()));
        // Tests kill drivers more often than a copy is tried again.
        builder.environment().putIfAbsent("BERTH_JAVA_OPTS", "-Dberth.copies.tries=1000000");
        builder.environment().putAll(environment);
        try {
            return builder.start();
        } catch (IOException e) {
            throw new AssertionError("build the distribution first (mvn package): " + e.getMessage(), e);
        }
    }

    private static List<String> commandLine(Path folder, List<String> flags) {
        List<String> line = new ArrayList<>(List.of(
                command(),
                "serve",
                "--endpoint=unix://" + folder.resolve("csi.sock"),
                "--driver-name=" + NAME,
                "--allow-host-path=" + folder.resolve("allowed"),
                "--allow-inline-host-path=" + folder.resolve("allowed")));
        if (flags.stream().noneMatch(flag -> flag.startsWith("--node-id"))) {
            line.add("--node-id=" + NODE);
        }
        if (flags.stream().noneMatch(flag -> flag.startsWith("--pool"))) {
            line.add("--pool=fast=local:" + folder.resolve("fast") + ",limit=advisory");
            line.add("--pool=shared=hostpath:" + folder.resolve("shared"));
            line.addAll(List.of("--inline-pool=fast", "--inline-pool=shared"));
        }
        line.addAll(flags);
        return line;
    }

    /** The {@code berth} command. */
    public static String command() {
        return DISTRIBUTION.resolve("bin/berth").toString();
    }

    private static void awaitAnswer(Process process, Path socket, Path folder) {
        Await.until(START, () -> !process.isAlive() || answers(socket), () -> "nothing on " + socket + log(folder));
        assertThat(process.isAlive()).as("%s", log(folder)).isTrue();
    }

    /** Whether somebody accepts connections on a socket. */
    public static boolean answers(Path socket) {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            return channel.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    private void awaitReady() {
        Await.until(
                START,
                () -> {
                    try {
                        return client.isReady();
                    } catch (StatusRuntimeException e) {
                        throw new AssertionError("the driver cannot be used" + log(folder), e);
                    }
                },
                () -> "not ready" + log(folder));
    }

    /** Ends the process at once, as a crash or the kernel's out-of-memory killer does. */
    void kill9() {
        process.destroyForcibly();
        awaitEnd();
    }

    /** Asks the process to end, waits, and gives its exit code. */
    public int terminate() {
        process.destroy();
        return awaitEnd();
    }

    private int awaitEnd() {
        try {
            assertThat(process.waitFor(STOP.toSeconds(), TimeUnit.SECONDS))
                    .as("the driver ends within %s%s", STOP, log(folder))
                    .isTrue();
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while the driver ends", e);
        } finally {
            client.close();
        }
    }

    /** Starts the process again after it was ended, and waits for nothing; the caller ends it. */
    Process spawnAgain() {
        return spawn(folder, flags, environment);
    }

    /** Starts it again after it was ended, and waits until it is ready. */
    void restart() {
        process = spawnAgain();
        connect();
    }

    private void connect() {
        awaitAnswer(process, socket(), folder);
        client = Client.connect(socket());
        awaitReady();
    }

    /** Kills it and starts another in its place, whether or not it ends; gives the killed one. */
    Process replaceKilled() {
        Process killed = process;
        killed.destroyForcibly();
        client.close();
        Object socket = socketFile();
        process = spawnAgain();
        Await.until(START, () -> !socketFile().equals(socket), () -> "the socket was not replaced" + log(folder));
        connect();
        return killed;
    }

    /** What tells the file of the socket from another at its path. */
    private Object socketFile() {
        try {
            return Files.getAttribute(socket(), "unix:ino");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public Client client() {
        return client;
    }

    public long pid() {
        return process.pid();
    }

    public Path socket() {
        return folder.resolve("csi.sock");
    }

    /** A path to stage a volume at or to publish it at; nothing is there yet. */
    public Path place(String name) {
        return folder.resolve("node").resolve(name);
    }

    /** The root of a pool. */
    public Path pool(String name) {
        return folder.resolve(name);
    }

    Path allowed() {
        return folder.resolve("allowed");
    }

    /** What it wrote since it was started first. */
    String log() {
        return log(folder);
    }

    private static String log(Path folder) {
        try {
            return "\nits log:\n" + Files.readString(folder.resolve("log"));
        } catch (IOException e) {
            return "\nno log: " + e;
        }
    }

    /** Holds when nothing is left in a pool: no volume, snapshot, record, intent or claim, no trash (after a while), no mount. */
    void assertNothingLeft(String pool) {
        assertNothingLeftIn(pool(pool));
    }

    /** As {@link #assertNothingLeft}, of a pool with this root. */
    void assertNothingLeftIn(Path pool) {
        Path records = pool.resolve(".berth");
        Await.until(Duration.ofMinutes(2), () -> files(records.resolve("trash")).isEmpty(), () -> "trash in " + pool);
        assertThat(files(pool)).as("volumes in pool %s", pool).allMatch(path -> path.equals(records));
        for (String name : List.of(
                "creating",
                "volumes",
                "deleting",
                "archived",
                "paths",
                "tmp",
                "copying",
                "snapshots/creating",
                "snapshots/ready",
                "snapshots/deleting",
                "snapshots/tmp",
                "snapshots/by-source",
                "snapshots/copying",
                "snapshots/data",
                "snapshots/groups/creating",
                "snapshots/groups/ready",
                "snapshots/groups/deleting")) {
            assertThat(files(records.resolve(name)))
                    .as("%s in pool %s", name, pool)
                    .isEmpty();
        }
        for (Path node : files(records.resolve("nodes"))) {
            assertThat(files(node)).as("volumes of %s", node).isEmpty();
        }
        assertThat(MountTable.below(folder.resolve("node"))).isEmpty();
    }

    /** What is in a folder. */
    public static List<Path> files(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void makeFolder(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ends the process however it is, and unmounts what is mounted below its folder. */
    @Override
    public void close() {
        process.destroyForcibly();
        awaitEnd();
        unmountBelow(folder);
    }

    /** Unmounts everything below a folder, the last mounts first. */
    static void unmountBelow(Path folder) {
        for (MountTable.Mount mount : MountTable.below(folder).reversed()) {
            Command.succeed("umount", "--lazy", mount.target().toString());
        }
    }
}
