package io.berth.demo;

import io.berth.csi.CsiChannel;
import io.berth.csi.v1.CapacityRange;
import io.berth.csi.v1.ControllerExpandVolumeRequest;
import io.berth.csi.v1.ControllerGrpc;
import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.DeleteVolumeRequest;
import io.berth.csi.v1.IdentityGrpc;
import io.berth.csi.v1.ListVolumesRequest;
import io.berth.csi.v1.NodeGetVolumeStatsRequest;
import io.berth.csi.v1.NodeGrpc;
import io.berth.csi.v1.NodePublishVolumeRequest;
import io.berth.csi.v1.NodeStageVolumeRequest;
import io.berth.csi.v1.NodeUnpublishVolumeRequest;
import io.berth.csi.v1.NodeUnstageVolumeRequest;
import io.berth.csi.v1.ProbeRequest;
import io.berth.csi.v1.VolumeCapability;
import io.berth.driver.Driver;
import io.berth.driver.Role;
import io.berth.fault.Fault;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.settings.Settings;
import io.berth.socket.Endpoint;
import io.berth.volume.ByteSize;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * A client that talks to a driver as Kubernetes would: to one of its own, with a pool in a temporary folder, or to one that
 * runs. Closing it unmounts and removes all that is its own, whatever happened before.
 */
public final class Demo implements AutoCloseable {
    private static final String POOL = "demo";
    private static final long SIZE = 64L << 20;
    private static final long LARGER = 128L << 20;
    private static final Duration START = Duration.ofSeconds(10);
    private static final Duration POLL = Duration.ofMillis(2);
    private static final int DEADLINE_SECONDS = 10;
    private static final int LIVES = 200;

    private final PrintWriter out;
    private final Path folder;
    private final Optional<Driver> driver;
    private final Endpoint endpoint;
    private final CsiChannel channel;
    private final ControllerGrpc.ControllerBlockingStub controller;
    private final NodeGrpc.NodeBlockingStub node;
    private final CountDownLatch closed = new CountDownLatch(1);
    private int steps;
    private boolean quiet;
    private boolean isClosed;

    private Demo(PrintWriter out, Path folder, Endpoint endpoint, Optional<Driver> driver) {
        this.out = out;
        this.folder = folder;
        this.endpoint = endpoint;
        this.driver = driver;
        this.channel = CsiChannel.open(endpoint);
        this.controller = ControllerGrpc.newBlockingStub(channel.channel());
        this.node = NodeGrpc.newBlockingStub(channel.channel());
    }

    /** Starts a driver of its own. */
    public static Demo start(PrintWriter out, String version) throws IOException {
        Path folder = newFolder();
        Path pool = Files.createDirectory(folder.resolve("pool"));
        Path socket = folder.resolve("csi.sock");
        Settings settings = Settings.read(
                Map.of(
                        "endpoint", List.of(socket.toString()),
                        "node-id", List.of("demo-node"),
                        "pool", List.of(POOL + "=local:" + pool + ",size=1Gi,limit=advisory")),
                Map.of());
        Driver driver = Driver.start(settings, Role.SERVE, version);
        return new Demo(out, folder, new Endpoint(socket), Optional.of(driver));
    }

    /** Talks to a driver of one pool that runs on this machine. */
    public static Demo of(PrintWriter out, Endpoint endpoint) throws IOException {
        return new Demo(out, newFolder(), endpoint, Optional.empty());
    }

    private static Path newFolder() throws IOException {
        return Files.createTempDirectory("berth-demo-").toRealPath();
    }

    private interface Step {
        String run() throws IOException;
    }

    private void step(String call, Step step) throws IOException {
        long start = System.nanoTime();
        String result = step.run();
        double millis = (System.nanoTime() - start) / 1e6;
        if (!quiet) {
            out.printf(Locale.ROOT, "%2d  %-24s %7.1f ms  %s%n", ++steps, call, millis, result);
        }
    }

    /** Takes a volume through its life and prints each step; then again and again, to see how long it takes once warm. */
    public void run() throws IOException {
        out.println("A driver serves on " + endpoint);
        step("Probe", this::probe);
        life();
        step("ListVolumes", () -> "volumes: " + list());
        quiet = true;
        long[] nanos = new long[LIVES];
        for (int i = 0; i < LIVES; i++) {
            long start = System.nanoTime();
            life();
            nanos[i] = System.nanoTime() - start;
        }
        quiet = false;
        Arrays.sort(nanos);
        out.printf(
                Locale.ROOT,
                "Those were first times. %d more lives, all steps each: the middle one took %.1f ms.%n",
                LIVES,
                nanos[LIVES / 2] / 1e6);
    }

    private void life() throws IOException {
        String id = create();
        Path staging = folder.resolve("staging");
        Path writer = folder.resolve("writer");
        Path reader = folder.resolve("reader");
        use(id, staging, writer, reader);
        step("ControllerExpandVolume", () -> expand(id));
        step("NodeGetVolumeStats", () -> stats(id, writer));
        step("ListVolumes", () -> "volumes: " + list());
        takeAway(id, staging, writer, reader);
    }

    private String probe() {
        IdentityGrpc.IdentityBlockingStub identity =
                IdentityGrpc.newBlockingStub(channel.channel()).withWaitForReady();
        long deadline = System.nanoTime() + START.toNanos();
        while (!identity.withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
                .probe(ProbeRequest.getDefaultInstance())
                .getReady()
                .getValue()) {
            if (System.nanoTime() > deadline) {
                throw new Fault(Fault.Kind.UNAVAILABLE, "the driver is not ready after " + START.toSeconds() + " s");
            }
            LockSupport.parkNanos(POLL.toNanos());
        }
        return "the driver is ready";
    }

    private String create() throws IOException {
        String[] id = new String[1];
        step("CreateVolume", () -> {
            id[0] = controller()
                    .createVolume(CreateVolumeRequest.newBuilder()
                            .setName("berth-demo")
                            .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(SIZE))
                            .addVolumeCapabilities(capability())
                            .build())
                    .getVolume()
                    .getVolumeId();
            return id[0] + ", " + ByteSize.format(SIZE);
        });
        return id[0];
    }

    private void use(String id, Path staging, Path writer, Path reader) throws IOException {
        step("NodeStageVolume", () -> {
            var unused = node().nodeStageVolume(NodeStageVolumeRequest.newBuilder()
                    .setVolumeId(id)
                    .setStagingTargetPath(staging.toString())
                    .setVolumeCapability(capability())
                    .build());
            return "mounted once on this node";
        });
        step("NodePublishVolume", () -> publish(id, staging, writer, false));
        step("write", () -> {
            Files.writeString(writer.resolve("greeting"), "Hello from the writer");
            return writer.resolve("greeting").toString();
        });
        step("NodePublishVolume", () -> publish(id, staging, reader, true));
        step("read", () -> "the second mount reads \"" + Files.readString(reader.resolve("greeting")) + "\"");
        step("write", () -> refused(reader));
    }

    private String publish(String id, Path staging, Path target, boolean readOnly) {
        var unused = node().nodePublishVolume(NodePublishVolumeRequest.newBuilder()
                .setVolumeId(id)
                .setStagingTargetPath(staging.toString())
                .setTargetPath(target.toString())
                .setVolumeCapability(capability())
                .setReadonly(readOnly)
                .build());
        return target + (readOnly ? ", read-only" : "");
    }

    private static String refused(Path reader) throws IOException {
        try {
            Files.writeString(reader.resolve("greeting"), "changed");
        } catch (FileSystemException e) {
            return "the second mount refuses: " + e.getReason();
        }
        throw new Fault(Fault.Kind.INTERNAL, "a read-only mount was written to");
    }

    private String expand(String id) {
        long bytes = controller()
                .controllerExpandVolume(ControllerExpandVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(LARGER))
                        .build())
                .getCapacityBytes();
        return "now " + ByteSize.format(bytes) + ", while it is in use";
    }

    private String stats(String id, Path path) {
        long available = node().nodeGetVolumeStats(NodeGetVolumeStatsRequest.newBuilder()
                        .setVolumeId(id)
                        .setVolumePath(path.toString())
                        .build())
                .getUsage(0)
                .getAvailable();
        return ByteSize.format(available) + " free on its disk";
    }

    private int list() {
        return controller().listVolumes(ListVolumesRequest.getDefaultInstance()).getEntriesCount();
    }

    private void takeAway(String id, Path staging, Path writer, Path reader) throws IOException {
        for (Path target : List.of(reader, writer)) {
            step("NodeUnpublishVolume", () -> {
                var unused = node().nodeUnpublishVolume(NodeUnpublishVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setTargetPath(target.toString())
                        .build());
                return target + " is gone";
            });
        }
        step("NodeUnstageVolume", () -> {
            var unused = node().nodeUnstageVolume(NodeUnstageVolumeRequest.newBuilder()
                    .setVolumeId(id)
                    .setStagingTargetPath(staging.toString())
                    .build());
            return "unmounted";
        });
        step("DeleteVolume", () -> {
            var unused = controller()
                    .deleteVolume(
                            DeleteVolumeRequest.newBuilder().setVolumeId(id).build());
            return "its data is in the trash, the reaper empties it";
        });
    }

    /** Says what may be tried while the driver runs. */
    public void explain() {
        String pool = " --pool " + POOL + "=local:" + folder.resolve("pool");
        out.println();
        out.println("The driver goes on until Ctrl-C. From another terminal, for example:");
        out.println("  berth pools list" + pool);
        out.println("  berth volumes list" + pool);
        out.println("  berth doctor" + pool);
        out.println("  csi-sanity --csi.endpoint " + endpoint + " --csi.mountdir " + folder.resolve("m/target")
                + " --csi.stagingdir " + folder.resolve("m/staging") + " --csi.testvolumesize 1048576");
    }

    /** Waits until it is closed. */
    public void await() {
        try {
            closed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private ControllerGrpc.ControllerBlockingStub controller() {
        return controller.withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private NodeGrpc.NodeBlockingStub node() {
        return node.withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private static VolumeCapability capability() {
        return VolumeCapability.newBuilder()
                .setMount(VolumeCapability.MountVolume.getDefaultInstance())
                .setAccessMode(VolumeCapability.AccessMode.newBuilder()
                        .setMode(VolumeCapability.AccessMode.Mode.SINGLE_NODE_MULTI_WRITER))
                .build();
    }

    /** Stops the driver, unmounts what is mounted below the folder and removes it. */
    @Override
    public synchronized void close() {
        if (isClosed) {
            return;
        }
        isClosed = true;
        channel.close();
        driver.ifPresent(Driver::close);
        MountTable.read().mounts().stream()
                .map(MountPoint::target)
                .filter(target -> target.startsWith(folder))
                .sorted(Comparator.reverseOrder())
                .forEach(Mounts::unmount);
        removeFolder();
        closed.countDown();
    }

    /** Only after everything below it is unmounted. */
    private void removeFolder() {
        try (Stream<Path> tree = Files.walk(folder)) {
            for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new Fault(Fault.Kind.INTERNAL, "cannot remove " + folder + ": " + Fault.reason(e), e);
        }
    }
}
