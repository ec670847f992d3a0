package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.GetCapacityRequest;
import io.berth.csi.v1.NodeGetVolumeStatsRequest;
import io.berth.csi.v1.NodePublishVolumeRequest;
import io.berth.csi.v1.NodeStageVolumeRequest;
import io.berth.csi.v1.VolumeCapability;
import io.berth.csi.v1.VolumeCapability.AccessMode.Mode;
import io.berth.uml.KernelNfsServer;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * What users of csi-driver-nfs and of nfs-subdir-external-provisioner bring with them: StorageClasses, mount options,
 * PersistentVolumes. Runs on a kernel of its own.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NfsMovers {
    private static final long MIB = 1 << 20;
    private static final String SERVER = "127.0.0.1";
    private static final String SHARE = "/xfs";

    private final KernelNfsServer server = KernelNfsServer.running();

    private Driver driver;
    private Client client;
    private Path export;

    @BeforeAll
    void start(@TempDir Path folder) throws IOException {
        driver = Driver.start(
                folder,
                List.of("--pool=home=nfs:" + server.xfs(), "--pool=fast=local:" + folder + "/fast,limit=advisory"));
        client = driver.client();
        export = server.xfsOnServer();
        Files.createDirectories(export.resolve("team"));
    }

    @AfterAll
    void stop() throws IOException {
        driver.assertNothingLeftIn(emptied());
        driver.close();
        Driver.unmountBelow(Path.of("/run/berth")); // a killed driver leaves its mount for the next
    }

    /** The export without what the tests keep in it. */
    private Path emptied() throws IOException {
        for (Path kept : Driver.files(export)) {
            if (!kept.endsWith(".berth")) {
                Command.succeed("rm", "-r", kept.toString());
            }
        }
        for (Path record : Driver.files(export.resolve(".berth/archived"))) {
            Files.delete(record);
        }
        return export;
    }

    private static CreateVolumeRequest.Builder creation(String name, Map<String, String> parameters) {
        return Client.creation("home", name, MIB)
                .clearParameters()
                .putAllParameters(parameters)
                .putParameters("csi.storage.k8s.io/pvc/name", "data")
                .putParameters("csi.storage.k8s.io/pvc/namespace", "shop")
                .putParameters("csi.storage.k8s.io/pv/name", name);
    }

    private String create(String name, Map<String, String> parameters) {
        return client.controller()
                .createVolume(creation(name, parameters).build())
                .getVolume()
                .getVolumeId();
    }

    private static Failure refused(Runnable call) {
        Failure failure = Failure.of(call);
        assertThat(failure.code()).as(failure.message()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        return failure;
    }

    private List<String> archives(String folder) {
        return Driver.files(export).stream()
                .map(path -> path.getFileName().toString())
                .filter(name -> name.startsWith("archived-" + folder + "-"))
                .toList();
    }

    private static String mode(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    @Test
    void aStorageClassOfCsiDriverNfsMakesTheFoldersItsUsersKnow() throws IOException {
        String plain = create("pvc-1", Map.of("server", SERVER, "share", SHARE));
        assertThat(plain).isEqualTo("home.pvc-1");
        assertThat(mode(export.resolve("pvc-1"))).isEqualTo("rwxr-xr-x");
        assertThat(create("pvc-1", Map.of("server", SERVER, "share", SHARE + "/")))
                .isEqualTo(plain);
        client.delete(plain);
        assertThat(export.resolve("pvc-1")).doesNotExist();

        String named = create(
                "pvc-2",
                Map.of(
                        "server", SERVER,
                        "share", SHARE + "/team",
                        "subDir", "${pvc.metadata.namespace}/${pvc.metadata.name}",
                        "onDelete", "archive",
                        "mountPermissions", "0770"));
        Path folder = export.resolve("team/shop/data");
        assertThat(mode(folder)).isEqualTo("rwxrwx---");
        Files.writeString(folder.resolve("file"), "kept");
        client.delete(named);
        assertThat(folder).doesNotExist();
        assertThat(archives("data")).hasSize(1);
        assertThat(export.resolve(archives("data").getFirst()).resolve("file")).hasContent("kept");
        Command.succeed("rm", "-r", export.resolve(archives("data").getFirst()).toString());

        String retained = create("pvc-3", Map.of("server", SERVER, "share", SHARE, "onDelete", "retain"));
        client.delete(retained);
        assertThat(export.resolve("pvc-3")).isDirectory();
    }

    @Test
    void aStorageClassOfNfsSubdirExternalProvisionerMakesTheFoldersItsUsersKnow() throws IOException {
        String kept = create("pvc-4", Map.of("pool", "home", "archiveOnDelete", "true"));
        Path folder = export.resolve("shop-data-pvc-4");
        assertThat(mode(folder)).isEqualTo("rwxrwxrwx");
        client.delete(kept);
        assertThat(folder).doesNotExist();
        assertThat(archives("shop-data-pvc-4")).hasSize(1);

        client.delete(create("pvc-5", Map.of("pool", "home", "archiveOnDelete", "false")));
        assertThat(archives("shop-data-pvc-5")).isEmpty();
        assertThat(export.resolve("shop-data-pvc-5")).doesNotExist();

        String patterned = create(
                "pvc-6",
                Map.of("pool", "home", "pathPattern", "${.PVC.namespace}/of-${.PVC.name}", "onDelete", "delete"));
        assertThat(mode(export.resolve("shop/of-data"))).isEqualTo("rwxrwxrwx");
        client.delete(patterned);
        assertThat(export.resolve("shop/of-data")).doesNotExist();
        refused(() -> create("pvc-7", Map.of("pool", "home", "archiveOnDelete", "maybe")));
    }

    @Test
    void noOtherServerOrShareIsUsed() {
        for (Map<String, String> place : List.of(
                Map.of("server", SERVER, "share", "/memory"),
                Map.of("server", SERVER, "share", "/"),
                Map.of("server", SERVER, "share", "/xfs/../memory"),
                Map.of("server", "nas.example", "share", SHARE),
                Map.of("server", SERVER),
                Map.of("server", SERVER, "share", SHARE, "pool", "home"),
                Map.of("server", SERVER, "share", SHARE, "subDir", "../../etc"),
                Map.of("server", SERVER, "share", SHARE, "subDir", ".berth/volumes"))) {
            refused(() -> create("pvc-8", place));
        }
        assertThat(refused(() -> create("pvc-8", Map.of("server", SERVER, "share", "/memory")))
                        .message())
                .contains("home=nfs:127.0.0.1:/xfs", "--pool");
        assertThat(client.controller()
                        .getCapacity(GetCapacityRequest.newBuilder()
                                .putParameters("server", SERVER)
                                .putParameters("share", SHARE)
                                .build())
                        .getAvailableCapacity())
                .isPositive();
    }

    private NodeStageVolumeRequest.Builder staging(String id, String... flags) {
        VolumeCapability.MountVolume mount = VolumeCapability.MountVolume.newBuilder()
                .addAllMountFlags(List.of(flags))
                .build();
        return NodeStageVolumeRequest.newBuilder()
                .setVolumeId(id)
                .setStagingTargetPath(driver.place("stage").toString())
                .setVolumeCapability(Client.capability(Mode.MULTI_NODE_MULTI_WRITER).toBuilder()
                        .setMount(mount));
    }

    private void stage(NodeStageVolumeRequest.Builder request) {
        var unused = client.node().nodeStageVolume(request.build());
    }

    private Path publish(String id, Map<String, String> attributes, String... flags) {
        NodePublishVolumeRequest.Builder request = Client.publication(id, driver.place("stage"), driver.place("target"))
                .putAllVolumeContext(attributes)
                .setVolumeCapability(staging(id, flags).getVolumeCapability());
        client.publish(request);
        return driver.place("target");
    }

    private void takeAway(String id) {
        client.unpublish(id, driver.place("target"));
        client.unstage(id, driver.place("stage"));
        assertThat(MountTable.below(driver.place(""))).isEmpty();
    }

    private static Set<String> optionsOfFileSystemAt(Path path) {
        return MountTable.below(path).getFirst().superOptions();
    }

    private NodeGetVolumeStatsRequest stats(String id) {
        return NodeGetVolumeStatsRequest.newBuilder()
                .setVolumeId(id)
                .setVolumePath(driver.place("target").toString())
                .build();
    }

    @Test
    void mountOptionsOfTheClassAndOfTheSecretReachTheKernel() throws IOException {
        String id = create("options", Map.of("pool", "home"));
        String[] flags = {"nfsvers=4.1", "soft,timeo=70", "noatime"};
        stage(staging(id, flags).putSecrets("mountOptions", "retrans=4"));
        stage(staging(id, flags));
        assertThat(optionsOfFileSystemAt(driver.place("stage"))).contains("vers=4.1", "soft", "timeo=70", "retrans=4");
        assertThat(MountTable.below(Path.of("/run/berth")))
                .as("the pool's alone")
                .hasSize(1);
        Path target = publish(id, Map.of(), flags);
        Files.writeString(target.resolve("file"), "by other options");
        assertThat(export.resolve(id).resolve("file")).hasContent("by other options");
        assertThat(client.node().nodeGetVolumeStats(stats(id)).getUsageCount()).isPositive();
        assertThat(Failure.of(() -> client.delete(id)).message()).contains("in use");
        takeAway(id);

        for (String injected : List.of("rw,exec=/bin/sh", "soft\nhard", "vers=4.2,addr=10.0.0.1", "soft,hard")) {
            refused(() -> stage(staging(id, injected)));
            Failure secret = refused(() -> stage(staging(id).putSecrets("mountOptions", injected)));
            assertThat(secret.message()).doesNotContain(injected);
        }
        client.delete(id);
        String local = client.create("fast", "local", MIB).getVolumeId();
        assertThat(refused(() -> stage(NodeStageVolumeRequest.newBuilder()
                                .setVolumeId(local)
                                .setStagingTargetPath(driver.place("stage").toString())
                                .setVolumeCapability(Client.capability(Mode.SINGLE_NODE_WRITER).toBuilder()
                                        .setMount(VolumeCapability.MountVolume.newBuilder()
                                                .addMountFlags("soft")))))
                        .message())
                .contains("soft", "fast");
        client.delete(local);
    }

    private String createWith(String... flags) {
        CreateVolumeRequest request = creation("flags", Map.of("pool", "home"))
                .clearVolumeCapabilities()
                .addVolumeCapabilities(staging("flags", flags).getVolumeCapability())
                .build();
        return client.controller().createVolume(request).getVolume().getVolumeId();
    }

    @Test
    void mountOptionsOfAClassAreTakenOrRefusedBeforeAVolumeIsMade() {
        assertThat(refused(() -> createWith("nfsvers=4.2", "nconnect=4")).message())
                .contains("\"nconnect=4\"", "--pool home=nfs:" + server.xfs() + ",nconnect=4");
        assertThat(refused(() -> createWith("addr=10.0.0.1")).message()).contains("addr=10.0.0.1");
        assertThat(export.resolve("home.flags")).doesNotExist();
        String[] flags = {"minorversion=1", "_netdev,intr", "x-systemd.automount", "nocto", ""};
        String id = createWith(flags);
        stage(staging(id, flags));
        assertThat(optionsOfFileSystemAt(driver.place("stage"))).contains("vers=4.1", "nocto");
        client.unstage(id, driver.place("stage"));
        stage(staging(id, "nconnect=4")); // a volume that is there is mounted, whatever its class says
        client.unstage(id, driver.place("stage"));
        client.delete(id);
    }

    @Test
    void mountOptionsOfASecretForPublishingAreThoseOfThatTarget() throws IOException {
        String id = create("published", Map.of("pool", "home"));
        stage(staging(id));
        NodePublishVolumeRequest.Builder request = Client.publication(id, driver.place("stage"), driver.place("target"))
                .setVolumeCapability(staging(id).getVolumeCapability())
                .putSecrets("mountOptions", "nfsvers=4.1,soft,noatime,ro");
        client.publish(request);
        client.publish(request);
        MountTable.Mount target = MountTable.below(driver.place("target")).getFirst();
        assertThat(target.superOptions()).contains("vers=4.1", "soft");
        assertThat(target.options()).contains("noatime", "ro");
        assertThat(optionsOfFileSystemAt(driver.place("stage"))).contains("vers=4.2", "hard");
        assertThat(client.node().nodeGetVolumeStats(stats(id)).getUsageCount()).isPositive();
        takeAway(id);
        assertThat(MountTable.below(Path.of("/run/berth"))).hasSize(1);
        client.delete(id);

        String local = client.create("fast", "plain", MIB).getVolumeId();
        client.stage(local, driver.place("stage"));
        Failure failure =
                refused(() -> client.publish(Client.publication(local, driver.place("stage"), driver.place("target"))
                        .putSecrets("mountOptions", "soft")));
        assertThat(failure.message()).contains("mountOptions", local).doesNotContain("soft");
        takeAway(local);
        client.delete(local);
    }

    @Test
    void aVolumeThatCsiDriverNfsMadeIsUsedWhereItIs() throws IOException {
        Path folder = Files.createDirectories(export.resolve("team/pvc-old"));
        Files.writeString(folder.resolve("file"), "from before");
        String id = SERVER + "#xfs/team#pvc-old##";
        Map<String, String> attributes = Map.of(
                "server", SERVER,
                "share", SHARE + "/team",
                "subDir", "pvc-old",
                "mountPermissions", "0770",
                "csi.storage.k8s.io/pvc/name", "data",
                "storage.kubernetes.io/csiProvisionerIdentity", "1-nfs.csi.k8s.io");
        for (String handle : List.of(id, "any-handle")) {
            stage(staging(handle).putAllVolumeContext(attributes));
            Path shown = publish(handle, attributes);
            assertThat(shown.resolve("file")).hasContent("from before");
            assertThat(mode(folder)).isEqualTo("rwxrwx---");
            assertThat(client.node().nodeGetVolumeStats(stats(handle)).getUsageCount())
                    .isPositive();
            if (handle.equals(id)) {
                assertThat(Failure.of(() -> client.delete(id + "delete")).message())
                        .contains("in use");
            }
            takeAway(handle);
        }
        Map<String, String> readOnly = new TreeMap<>(attributes);
        readOnly.remove("mountPermissions");
        readOnly.put("mountpermissions", "0"); // csi-driver-nfs reads its keys in small and capital letters
        readOnly.put("mountoptions", "ro");
        stage(staging(id).putAllVolumeContext(readOnly));
        Path target = publish(id, readOnly);
        assertThat(publish(id, readOnly)).isEqualTo(target);
        assertThatThrownBy(() -> Files.createFile(target.resolve("new"))).hasMessageContaining("Read-only");
        takeAway(id);
        assertThat(Failure.of(() -> client.delete(id)).message()).contains("reclaim policy", "#retain");
        client.delete(id + "retain");
        client.delete(SERVER + "#memory#pvc-old##delete");
        assertThat(folder.resolve("file")).hasContent("from before");
        client.delete(id + "archive");
        client.delete(id + "archive");
        assertThat(folder).doesNotExist();
        assertThat(archives("pvc-old")).hasSize(1);
    }

    @Test
    void attributesThatLeadElsewhereAreRefused() throws IOException {
        Files.createSymbolicLink(export.resolve("team/planted"), Path.of("/etc"));
        Files.createSymbolicLink(export.resolve("team/up"), Path.of("../.."));
        String volume = create("mine", Map.of("server", SERVER, "share", SHARE + "/team"));
        for (Map<String, String> attributes : List.of(
                Map.of("server", SERVER, "share", SHARE),
                Map.of("server", SERVER, "share", "/memory"),
                Map.of("server", SERVER, "share", SHARE, "subDir", "../memory"),
                Map.of("server", SERVER, "share", SHARE, "subDir", ".berth"),
                Map.of("server", SERVER, "share", SHARE, "subDir", "team/planted"),
                Map.of("server", SERVER, "share", SHARE, "subDir", "team/up/etc"),
                Map.of("server", SERVER, "share", SHARE, "subDir", "team/mine"),
                Map.of("server", SERVER, "share", SHARE, "subDir", "team/mine/in"),
                Map.of("server", SERVER, "share", SHARE, "subDir", "team"),
                Map.of("server", SERVER, "share", SHARE, "subDir", "team/x", "path", "/etc"),
                Map.of("server", SERVER, "share", SHARE, "subDir", "team/x", "mountPermissions", "rwx"),
                Map.of("server", SERVER, "share", SHARE, "subDir", "team/x", "mountOptions", "exec=/bin/sh"))) {
            Failure failure = Failure.of(() -> stage(staging("handle").putAllVolumeContext(attributes)));
            assertThat(failure.code())
                    .as("%s: %s", attributes, failure.message())
                    .isIn(Status.Code.INVALID_ARGUMENT, Status.Code.FAILED_PRECONDITION, Status.Code.NOT_FOUND);
            assertThat(MountTable.below(driver.place(""))).isEmpty();
        }
        assertThat(Failure.of(() -> client.delete(SERVER + "#xfs#team##delete")).message())
                .contains("around");
        client.delete(SERVER + "#xfs#team/../../etc##delete");
        assertThat(export.resolve("team/mine")).isDirectory();
        client.delete(volume);
    }

    @Test
    void theDoctorLooksAtAnExportAndLeavesNothingThere() {
        List<Path> before = Driver.files(export);
        Command.Result result = Command.run(
                Duration.ofMinutes(1),
                Map.of(),
                List.of(Driver.command(), "doctor", "--pool=home=nfs:" + server.xfs()));
        assertThat(result.out())
                .contains("NFS 4.2", "owners in pool home can be given", "locks in pool home")
                .contains("the server clones files", "clock of pool home");
        assertThat(Driver.files(export)).isEqualTo(before);
        assertThat(Command.run(
                                Duration.ofMinutes(1),
                                Map.of(),
                                List.of(Driver.command(), "doctor", "--pool=home=nfs:127.0.0.1:/none"))
                        .out())
                .contains("broken", "exports no such path");
    }
}
