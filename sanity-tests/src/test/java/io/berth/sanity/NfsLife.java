package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.NodePublishVolumeRequest;
import io.berth.csi.v1.VolumeCapability.AccessMode.Mode;
import io.berth.uml.KernelNfsServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole lives of volumes on an export, over the socket. Runs on a kernel of its own. */
class NfsLife {
    private static final long MIB = 1 << 20;

    private final KernelNfsServer server = KernelNfsServer.running();

    @TempDir
    Path folder;

    private Driver driver;
    private Client client;

    @BeforeEach
    void start() {
        driver = Driver.start(folder, List.of("--pool=home=nfs:" + server.xfs() + ",nfsvers=4.2"));
        client = driver.client();
    }

    @AfterEach
    void stop() {
        driver.close();
        Driver.unmountBelow(Path.of("/run/berth")); // a killed driver leaves its mount for the next
    }

    private static CreateVolumeRequest.Builder creation(String name) {
        return Client.creation("home", name, MIB)
                .clearVolumeCapabilities()
                .addVolumeCapabilities(Client.capability(Mode.MULTI_NODE_MULTI_WRITER));
    }

    private String create(CreateVolumeRequest.Builder request) {
        return client.controller().createVolume(request.build()).getVolume().getVolumeId();
    }

    private Path publish(String id) {
        client.stage(id, driver.place(id));
        NodePublishVolumeRequest.Builder request = Client.publication(id, driver.place(id), driver.place(id + "-t"))
                .setVolumeCapability(Client.capability(Mode.MULTI_NODE_MULTI_WRITER));
        client.publish(request);
        client.publish(request);
        return driver.place(id + "-t");
    }

    private void takeAway(String id) {
        client.unpublish(id, driver.place(id + "-t"));
        client.unstage(id, driver.place(id));
    }

    @Test
    void aVolumeItsSnapshotAndItsRestoreLiveAndLeaveNothing() throws IOException {
        String id = create(creation("original"));
        assertThat(id).isEqualTo("home.original");
        Path original = publish(id);
        assertThat(Files.getFileStore(original).type()).isEqualTo("nfs4");
        Files.writeString(original.resolve("file"), "before");
        String snapshot = client.snapshot(id, "snapshot").getSnapshotId();
        Files.writeString(original.resolve("file"), "after");

        String restored = create(creation("restored").setVolumeContentSource(Client.ofSnapshot(snapshot)));
        String clone = create(creation("clone").setVolumeContentSource(Client.ofVolume(id)));
        assertThat(publish(restored).resolve("file")).hasContent("before");
        assertThat(publish(clone).resolve("file")).hasContent("after");
        assertThat(original.resolve("file")).hasContent("after");

        client.deleteSnapshot(snapshot);
        for (String each : List.of(id, restored, clone)) {
            takeAway(each);
            client.delete(each);
        }
        driver.assertNothingLeftIn(server.xfsOnServer());
    }

    @Test
    void volumesStayMountedWhileTheDriverIsReplaced() throws IOException {
        String id = create(creation("stays"));
        Path target = publish(id);
        assertThat(driver.terminate()).isZero();
        assertThat(MountTable.below(Path.of("/run/berth"))).isEmpty();
        Files.writeString(target.resolve("file"), "written meanwhile");
        driver.restart();
        client = driver.client();
        publish(id);
        assertThat(target.resolve("file")).hasContent("written meanwhile");
        assertThat(MountTable.below(driver.place(""))).hasSize(2);
        takeAway(id);
        client.delete(id);
        driver.assertNothingLeftIn(server.xfsOnServer());
    }

    @Test
    void aDriverThatWasKilledFindsItsMountAgain() throws IOException {
        String id = create(creation("survives"));
        Path target = publish(id);
        List<MountTable.Mount> before = MountTable.below(Path.of("/run/berth"));
        driver.kill9();
        driver.restart();
        client = driver.client();
        assertThat(MountTable.below(Path.of("/run/berth"))).hasSize(1).isEqualTo(before);
        Files.writeString(target.resolve("file"), "good morning");
        takeAway(id);
        client.delete(id);
        driver.assertNothingLeftIn(server.xfsOnServer());
        assertThat(driver.terminate()).isZero();
        assertThat(MountTable.below(Path.of("/run/berth"))).isEmpty();
        driver.restart();
    }

    @Test
    void aThousandVolumesLiveAndLeaveAsManyMountsAsThereWere() throws Exception {
        List<MountTable.Mount> before = MountTable.below(Path.of("/"));
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> lives = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                String name = "one-of-many-" + i;
                lives.add(threads.submit(() -> {
                    String id = create(creation(name));
                    client.stage(id, driver.place(id));
                    client.publish(id, driver.place(id), driver.place(id + "-t"));
                    takeAway(id);
                    client.delete(id);
                }));
            }
            for (Future<?> life : lives) {
                life.get();
            }
        }
        assertThat(MountTable.below(Path.of("/"))).isEqualTo(before);
        driver.assertNothingLeftIn(server.xfsOnServer());
    }
}
