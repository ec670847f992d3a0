package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Message;
import io.berth.csi.v1.CapacityRange;
import io.berth.csi.v1.ControllerExpandVolumeRequest;
import io.berth.csi.v1.ControllerPublishVolumeRequest;
import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.GetCapacityRequest;
import io.berth.csi.v1.GetPluginCapabilitiesRequest;
import io.berth.csi.v1.GetPluginInfoRequest;
import io.berth.csi.v1.ListSnapshotsRequest;
import io.berth.csi.v1.ListSnapshotsResponse;
import io.berth.csi.v1.ListVolumesRequest;
import io.berth.csi.v1.ListVolumesResponse;
import io.berth.csi.v1.NodeExpandVolumeRequest;
import io.berth.csi.v1.NodeGetInfoRequest;
import io.berth.csi.v1.NodeGetInfoResponse;
import io.berth.csi.v1.NodePublishVolumeRequest;
import io.berth.csi.v1.NodeStageVolumeRequest;
import io.berth.csi.v1.PluginCapability;
import io.berth.csi.v1.Topology;
import io.berth.csi.v1.TopologyRequirement;
import io.berth.csi.v1.ValidateVolumeCapabilitiesRequest;
import io.berth.csi.v1.Volume;
import io.berth.csi.v1.VolumeCapability;
import io.berth.csi.v1.VolumeCapability.AccessMode.Mode;
import io.berth.csi.v1.VolumeContentSource;
import io.berth.csi.v1.VolumeUsage;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole lives of volumes over the socket. */
@Timeout(120)
class LifeTest {
    private static final long MIB = 1 << 20;
    private static final String TOPOLOGY_KEY = "topology." + Driver.NAME + "/node";

    @TempDir
    Path folder;

    private Driver driver;
    private Client client;

    @BeforeEach
    void start() {
        driver = Driver.start(folder);
        client = driver.client();
    }

    @AfterEach
    void stop() {
        driver.close();
    }

    /** Makes a call twice: it may be repeated, and answers the same. */
    private static <T extends Message> T twice(Supplier<T> call) {
        T first = call.get();
        assertThat(call.get()).isEqualTo(first);
        return first;
    }

    private static void twice(Runnable call) {
        call.run();
        call.run();
    }

    @ParameterizedTest
    @ValueSource(strings = {"fast", "shared"})
    void aVolumeLivesAndLeavesNothing(String pool) throws IOException {
        Volume volume = twice(() -> client.create(pool, "pvc-1", MIB));
        String id = volume.getVolumeId();
        assertThat(id).isEqualTo(pool + ".pvc-1");
        assertThat(volume.getCapacityBytes()).isEqualTo(MIB);
        assertThat(twice(() -> client.get(id))).isEqualTo(volume);

        Path staging = driver.place("staging");
        Path one = driver.place("one");
        Path two = driver.place("two");
        twice(() -> client.stage(id, staging));
        NodePublishVolumeRequest.Builder several = Client.publication(id, staging, one)
                .setVolumeCapability(Client.capability(Mode.SINGLE_NODE_MULTI_WRITER));
        twice(() -> client.publish(several));
        twice(() -> client.publish(several.setTargetPath(two.toString())));
        Files.writeString(one.resolve("greeting"), "good morning");
        assertThat(two.resolve("greeting")).hasContent("good morning");
        assertThat(MountTable.below(driver.place(""))).hasSize(3);

        assertThat(expand(id, 2 * MIB, one)).isEqualTo(2 * MIB);
        assertThat(client.get(id).getCapacityBytes()).isEqualTo(2 * MIB);

        twice(() -> client.unpublish(id, one));
        twice(() -> client.unpublish(id, two));
        assertThat(one).doesNotExist();
        twice(() -> client.unstage(id, staging));
        client.stage(id, staging);
        assertThat(staging.resolve("greeting")).hasContent("good morning");
        client.unstage(id, staging);
        twice(() -> client.delete(id));
        assertThat(Failure.of(() -> client.get(id)).code()).isEqualTo(Status.Code.NOT_FOUND);
        driver.assertNothingLeft(pool);
    }

    /** Expands on the controller and on the node, each twice. */
    private long expand(String id, long bytes, Path path) {
        CapacityRange range = CapacityRange.newBuilder().setRequiredBytes(bytes).build();
        long onController = twice(() -> client.controller()
                        .controllerExpandVolume(ControllerExpandVolumeRequest.newBuilder()
                                .setVolumeId(id)
                                .setCapacityRange(range)
                                .build()))
                .getCapacityBytes();
        assertThat(twice(() -> client.node()
                                .nodeExpandVolume(NodeExpandVolumeRequest.newBuilder()
                                        .setVolumeId(id)
                                        .setVolumePath(path.toString())
                                        .setCapacityRange(range)
                                        .build()))
                        .getCapacityBytes())
                .isEqualTo(onController);
        return onController;
    }

    @Test
    void aThousandPublishesLeaveOneMount() {
        String id = client.create("fast", "v", MIB).getVolumeId();
        client.stage(id, driver.place("s"));
        for (int i = 0; i < 1000; i++) {
            client.publish(id, driver.place("s"), driver.place("t"));
        }
        assertThat(MountTable.below(driver.place("t"))).hasSize(1);
    }

    @Test
    void aVolumeThatIsNotThereCanBeTakenAway() {
        for (String id : List.of("fast.never", "nowhere.never", "no-dot", "../x")) {
            client.unpublish(id, driver.place("never"));
            client.unstage(id, driver.place("never"));
            client.delete(id);
        }
    }

    @Test
    void theSameNameWithAnotherCapacityIsAnotherVolume() {
        client.create("fast", "v", MIB);
        Failure failure = Failure.of(() -> client.create("fast", "v", 2 * MIB));
        assertThat(failure.code()).isEqualTo(Status.Code.ALREADY_EXISTS);
        assertThat(failure.message()).contains("fast.v", "capacity", Long.toString(MIB));
    }

    @Test
    void pagesShowEveryVolumeOnce() {
        Set<String> made = new HashSet<>();
        for (int i = 0; i < 25; i++) {
            made.add(client.create(i % 2 == 0 ? "fast" : "shared", "v" + i, 0).getVolumeId());
        }
        List<String> seen = new ArrayList<>();
        String token = "";
        do {
            ListVolumesResponse page = list(token, 4);
            assertThat(page.getEntriesCount()).isBetween(1, 4);
            page.getEntriesList().forEach(entry -> seen.add(entry.getVolume().getVolumeId()));
            token = page.getNextToken();
        } while (!token.isEmpty());
        assertThat(seen).containsExactlyInAnyOrderElementsOf(made);
        assertThat(list("", 0).getEntriesCount()).isEqualTo(25);
        assertThat(Failure.of(() -> list("no-token", 4)).code()).isEqualTo(Status.Code.ABORTED);
    }

    private ListVolumesResponse list(String token, int max) {
        return client.controller()
                .listVolumes(ListVolumesRequest.newBuilder()
                        .setStartingToken(token)
                        .setMaxEntries(max)
                        .build());
    }

    @Test
    void snapshotsAreListedByTheirIdTheirSourceAndBoth() {
        for (String volume : List.of("v", "w")) {
            client.create("fast", volume, MIB);
            for (int i = 0; i < 3; i++) {
                assertThat(client.snapshot("fast." + volume, volume + i).getReadyToUse())
                        .isTrue();
            }
        }
        assertThat(listed("", "")).hasSize(6);
        assertThat(listed("", "fast.v")).containsExactlyInAnyOrder("fast.v0", "fast.v1", "fast.v2");
        assertThat(listed("", "fast.none")).isEmpty();
        assertThat(listed("fast.w1", "")).containsExactly("fast.w1");
        assertThat(listed("fast.w1", "fast.w")).containsExactly("fast.w1");
        assertThat(listed("fast.w1", "fast.v")).isEmpty();
        assertThat(listed("fast.none", "")).isEmpty();
    }

    /** Page by page, two on each; an empty text is no filter. */
    private List<String> listed(String snapshot, String source) {
        List<String> ids = new ArrayList<>();
        String token = "";
        do {
            ListSnapshotsResponse page = client.controller()
                    .listSnapshots(ListSnapshotsRequest.newBuilder()
                            .setSnapshotId(snapshot)
                            .setSourceVolumeId(source)
                            .setMaxEntries(2)
                            .setStartingToken(token)
                            .build());
            assertThat(page.getEntriesCount()).isLessThanOrEqualTo(2);
            page.getEntriesList().forEach(entry -> ids.add(entry.getSnapshot().getSnapshotId()));
            token = page.getNextToken();
        } while (!token.isEmpty());
        return ids;
    }

    @Test
    void whatIsPromisedIsNoLongerAvailable() {
        driver.close();
        driver = Driver.start(
                folder,
                List.of("--pool=fast=local:" + folder.resolve("fast") + ",size=10Mi,overcommit=2,limit=advisory"));
        client = driver.client();
        assertThat(availableIn("fast")).isEqualTo(20 * MIB);
        client.create("fast", "a", 15 * MIB);
        assertThat(availableIn("fast")).isEqualTo(5 * MIB);
        Failure failure = Failure.of(() -> client.create("fast", "b", 6 * MIB));
        assertThat(failure.code()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(failure.message()).contains("pool fast", Long.toString(6 * MIB));
        client.delete("fast.a");
        client.create("fast", "b", 20 * MIB);
        assertThat(availableIn("fast")).isZero();
    }

    /** Asked as external-provisioner does, by the parameters of a class as they are. */
    private long availableIn(String pool) {
        return client.controller()
                .getCapacity(GetCapacityRequest.newBuilder()
                        .putParameters("pool", pool)
                        .putParameters("subDir", "${pvc.metadata.namespace}/${pvc.metadata.name}")
                        .putParameters("csi.storage.k8s.io/fstype", "ext4")
                        .build())
                .getAvailableCapacity();
    }

    @Test
    void localVolumesSayWhereTheyAreAndOthersAreEverywhere() {
        NodeGetInfoResponse info = client.node().nodeGetInfo(NodeGetInfoRequest.getDefaultInstance());
        assertThat(info.getNodeId()).isEqualTo(Driver.NODE);
        assertThat(info.getAccessibleTopology()).isEqualTo(place(Driver.NODE));
        assertThat(client.create("fast", "v", 0).getAccessibleTopologyList()).containsExactly(place(Driver.NODE));
        assertThat(client.create("shared", "v", 0).getAccessibleTopologyList()).isEmpty();

        CreateVolumeRequest elsewhere = Client.creation("fast", "w", 0)
                .setAccessibilityRequirements(TopologyRequirement.newBuilder().addRequisite(place("n2")))
                .build();
        Failure failure = Failure.of(() -> client.controller().createVolume(elsewhere));
        assertThat(failure.code()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(failure.message()).contains("accessibility_requirements", TOPOLOGY_KEY);
        GetCapacityRequest there = GetCapacityRequest.newBuilder()
                .putParameters("pool", "fast")
                .setAccessibleTopology(place("n2"))
                .build();
        assertThat(client.controller().getCapacity(there).getAvailableCapacity())
                .isZero();
    }

    /** external-provisioner lets another node be chosen after this error alone. */
    @Test
    void aCopyOfWhatIsNotHereIsLeftToAnotherNode() {
        for (VolumeContentSource source : List.of(Client.ofSnapshot("fast.s"), Client.ofVolume("fast.v"))) {
            CreateVolumeRequest.Builder copy =
                    Client.creation("fast", "copy", 0).setVolumeContentSource(source);
            assertThat(Failure.of(() -> client.controller().createVolume(copy.build()))
                            .code())
                    .isEqualTo(Status.Code.NOT_FOUND);
            copy.setAccessibilityRequirements(TopologyRequirement.newBuilder().addRequisite(place(Driver.NODE)));
            Failure failure = Failure.of(() -> client.controller().createVolume(copy.build()));
            assertThat(failure.code()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            assertThat(failure.message()).contains("volume_content_source", TOPOLOGY_KEY, Driver.NODE);
        }
        assertThat(Driver.files(driver.pool("fast")))
                .containsExactly(driver.pool("fast").resolve(".berth"));
    }

    private static Topology place(String node) {
        return Topology.newBuilder().putSegments(TOPOLOGY_KEY, node).build();
    }

    @Test
    void theIdentityIsWhatWasConfigured() {
        assertThat(client.identity()
                        .getPluginInfo(GetPluginInfoRequest.getDefaultInstance())
                        .getName())
                .isEqualTo(Driver.NAME);
        assertThat(client.identity()
                        .getPluginCapabilities(GetPluginCapabilitiesRequest.getDefaultInstance())
                        .getCapabilitiesList())
                .extracting(capability -> capability.getService().getType())
                .contains(
                        PluginCapability.Service.Type.CONTROLLER_SERVICE,
                        PluginCapability.Service.Type.VOLUME_ACCESSIBILITY_CONSTRAINTS);
    }

    @ParameterizedTest
    @CsvSource({
        "fast, MULTI_NODE_MULTI_WRITER, false",
        "fast, MULTI_NODE_READER_ONLY, true",
        "shared, MULTI_NODE_MULTI_WRITER, true",
        "fast, SINGLE_NODE_WRITER, true"
    })
    void aModeIsConfirmedWhereThePoolCanDoIt(String pool, Mode mode, boolean confirmed) {
        String id = client.create(pool, "v", 0).getVolumeId();
        assertThat(client.controller()
                        .validateVolumeCapabilities(ValidateVolumeCapabilitiesRequest.newBuilder()
                                .setVolumeId(id)
                                .addVolumeCapabilities(Client.capability(mode))
                                .build())
                        .hasConfirmed())
                .isEqualTo(confirmed);
    }

    @ParameterizedTest
    @EnumSource(names = {"SINGLE_NODE_WRITER", "SINGLE_NODE_SINGLE_WRITER"})
    void aSingleWriterHasOneTarget(Mode mode) {
        String id = client.create("fast", "v", MIB).getVolumeId();
        client.stage(id, driver.place("s"));
        NodePublishVolumeRequest.Builder request = Client.publication(id, driver.place("s"), driver.place("one"))
                .setVolumeCapability(Client.capability(mode));
        client.publish(request);
        Failure failure = Failure.of(() ->
                client.publish(request.clone().setTargetPath(driver.place("two").toString())));
        assertThat(failure.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(failure.message()).contains(id, driver.place("one").toString(), mode.name());
        assertThat(driver.place("two")).doesNotExist();
        client.unpublish(id, driver.place("one"));
        client.publish(request.setTargetPath(driver.place("two").toString()));
    }

    /** As Kubernetes asks for a ReadOnlyMany claim that begins with another's data. */
    @Test
    void aLocalVolumeIsReadAtSeveralTargetsOfItsNode() throws IOException {
        String source = client.create("fast", "v", MIB).getVolumeId();
        Files.writeString(driver.pool("fast").resolve(source).resolve("file"), "kept");
        String id = client.controller()
                .createVolume(Client.creation("fast", "r", MIB)
                        .setVolumeContentSource(Client.ofVolume(source))
                        .setVolumeCapabilities(0, Client.capability(Mode.MULTI_NODE_READER_ONLY))
                        .build())
                .getVolume()
                .getVolumeId();
        client.stage(id, driver.place("s"));
        for (String target : List.of("one", "two")) {
            client.publish(Client.publication(id, driver.place("s"), driver.place(target))
                    .setVolumeCapability(Client.capability(Mode.MULTI_NODE_READER_ONLY)));
            assertThat(driver.place(target).resolve("file")).hasContent("kept");
            assertThat(Command.run("touch", driver.place(target).resolve("new").toString())
                            .err())
                    .contains("Read-only file system");
        }
    }

    @Test
    void aReadOnlyPublishCannotBeWritten() throws IOException {
        String id = client.create("fast", "v", MIB).getVolumeId();
        client.stage(id, driver.place("s"));
        Files.writeString(driver.place("s").resolve("file"), "kept");
        NodePublishVolumeRequest.Builder request =
                Client.publication(id, driver.place("s"), driver.place("t")).setReadonly(true);
        twice(() -> client.publish(request));
        assertThat(driver.place("t").resolve("file")).hasContent("kept");
        assertThat(Command.run("touch", driver.place("t").resolve("new").toString())
                        .err())
                .contains("Read-only file system");
        Failure failure = Failure.of(() -> client.publish(request.clone().setReadonly(false)));
        assertThat(failure.code()).isEqualTo(Status.Code.ALREADY_EXISTS);
    }

    @Test
    void mountFlagsAreThoseOfTheMount() {
        String id = client.create("fast", "v", MIB).getVolumeId();
        client.stage(id, driver.place("s"));
        client.publish(Client.publication(id, driver.place("s"), driver.place("t"))
                .setVolumeCapability(flags("noexec", "nosuid,nodev", "noatime")));
        assertThat(MountTable.below(driver.place("t")).getFirst().options())
                .contains("rw", "noexec", "nosuid", "nodev", "noatime");
        Failure failure = Failure.of(() -> client.publish(
                Client.publication(id, driver.place("s"), driver.place("u")).setVolumeCapability(flags("loop"))));
        assertThat(failure.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(failure.message()).contains("mount_flags", "loop", "noexec");
    }

    private static VolumeCapability flags(String... flags) {
        return Client.capability(Mode.SINGLE_NODE_WRITER).toBuilder()
                .setMount(VolumeCapability.MountVolume.newBuilder().addAllMountFlags(List.of(flags)))
                .build();
    }

    @Test
    void theMountGroupMayWrite() throws IOException {
        String id = client.create("fast", "v", MIB).getVolumeId();
        VolumeCapability group = Client.capability(Mode.SINGLE_NODE_WRITER).toBuilder()
                .setMount(VolumeCapability.MountVolume.newBuilder().setVolumeMountGroup("2345"))
                .build();
        Path target = driver.place("t");
        var unused = client.node()
                .nodeStageVolume(NodeStageVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setStagingTargetPath(driver.place("s").toString())
                        .setVolumeCapability(group)
                        .build());
        client.publish(Client.publication(id, driver.place("s"), target).setVolumeCapability(group));
        assertThat(Files.getAttribute(target, "unix:gid")).isEqualTo(2345);
        assertThat((int) Files.getAttribute(target, "unix:mode") & 02070).isEqualTo(02070);
    }

    @Test
    void ownerAndModeAreThoseOfTheParameters() throws IOException {
        var unused = client.controller()
                .createVolume(Client.creation("fast", "v", 0)
                        .putParameters("uid", "1000")
                        .putParameters("gid", "1001")
                        .putParameters("mode", "0750")
                        .build());
        client.stage("fast.v", driver.place("s"));
        assertThat(Files.getAttribute(driver.place("s"), "unix:uid")).isEqualTo(1000);
        assertThat(Files.getAttribute(driver.place("s"), "unix:gid")).isEqualTo(1001);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(driver.place("s"))))
                .isEqualTo("rwxr-x---");
    }

    @Test
    void aVolumeInUseIsNotDeleted() {
        String id = client.create("fast", "v", MIB).getVolumeId();
        client.stage(id, driver.place("s"));
        Failure failure = Failure.of(() -> client.delete(id));
        assertThat(failure.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(failure.message()).contains(id, driver.place("s").toString());
        assertThat(client.get(id).getVolumeId()).isEqualTo(id);
    }

    @Test
    void aVolumeIsPublishedFromWhereItWasStaged() {
        String id = client.create("fast", "v", MIB).getVolumeId();
        Failure failure = Failure.of(() -> client.publish(id, driver.place("s"), driver.place("t")));
        assertThat(failure.code()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(failure.message()).contains(id, "not staged");
        assertThat(driver.place("t")).doesNotExist();
    }

    @Test
    void statisticsCountBytesAndInodes() {
        String id = client.create("fast", "v", MIB).getVolumeId();
        client.stage(id, driver.place("s"));
        List<VolumeUsage> usage = client.stats(id, driver.place("s"));
        assertThat(usage)
                .extracting(VolumeUsage::getUnit)
                .containsExactlyInAnyOrder(VolumeUsage.Unit.BYTES, VolumeUsage.Unit.INODES);
        assertThat(usage).allSatisfy(of -> {
            assertThat(of.getTotal()).isPositive();
            assertThat(of.getUsed() + of.getAvailable()).isPositive().isLessThanOrEqualTo(of.getTotal());
        });
        assertThat(Failure.of(() -> client.stats(id, driver.place("elsewhere"))).code())
                .isEqualTo(Status.Code.NOT_FOUND);
    }

    @Test
    void volumesStayMountedWhileTheDriverIsReplaced() throws IOException {
        String id = client.create("fast", "v", MIB).getVolumeId();
        client.stage(id, driver.place("s"));
        client.publish(id, driver.place("s"), driver.place("t"));
        Files.writeString(driver.place("t").resolve("file"), "kept");
        assertThat(driver.terminate()).isZero();
        assertThat(driver.socket()).doesNotExist();
        assertThat(driver.place("t").resolve("file")).hasContent("kept");
        driver.restart();
        client = driver.client();
        client.publish(id, driver.place("s"), driver.place("t"));
        assertThat(MountTable.below(driver.place("t"))).hasSize(1);
        client.unpublish(id, driver.place("t"));
        client.unstage(id, driver.place("s"));
        client.delete(id);
        driver.assertNothingLeft("fast");
    }

    @Test
    void anRpcThatIsNotOfferedSaysSo() {
        Failure failure = Failure.of(
                () -> client.controller().controllerPublishVolume(ControllerPublishVolumeRequest.getDefaultInstance()));
        assertThat(failure.code()).isEqualTo(Status.Code.UNIMPLEMENTED);
    }
}
