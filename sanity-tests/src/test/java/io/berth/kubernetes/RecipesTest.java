package io.berth.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.berth.sanity.Await;
import io.berth.sanity.Driver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The examples that need no server, each on a cluster where the pods of the chart serve it. */
@Tag("kubernetes")
@Timeout(1200)
class RecipesTest {
    @TempDir
    static Path folder;

    private static Cluster cluster;

    @BeforeAll
    @Timeout(2400) // it may have to build the image
    static void start() {
        cluster = Cluster.start(folder);
    }

    @AfterAll
    static void end() {
        if (cluster != null) {
            cluster.close();
        }
    }

    /** The claims' volumes go with them, from the cluster and from the pools. */
    @AfterEach
    void nothingIsLeft() {
        cluster.kubectl("delete", "pods", "--all", Cluster.TIMEOUT);
        cluster.kubectl("delete", "volumesnapshots,persistentvolumeclaims", "--all", Cluster.TIMEOUT);
        Await.until(
                Cluster.PATIENCE,
                () -> cluster.get("persistentvolumes").at("/items").isEmpty(),
                () -> cluster.kubectl("get", "persistentvolumes"));
        for (String pool : List.of("disk", "shared")) {
            assertThat(cluster.onNode("ls", "/var/lib/berth/" + pool)).as(pool).isEmpty();
        }
    }

    @Test
    void everyValueSetAndExampleIsWhatTheApiServerTakes() throws IOException {
        cluster.kubectl("apply", "--dry-run=server", "--filename=" + Cluster.DEPLOY.resolve("examples"));
        for (Path set : Chart.valueSets()) {
            cluster.validateChart(set);
        }
    }

    @Test
    void aStaticVolumeIsBoundAndItsFilesOutliveIt() {
        cluster.apply("04-static");
        cluster.awaitReady("static");
        assertThat(cluster.onNode("cat", Cluster.ALLOWED + "/retain/file", Cluster.ALLOWED + "/delete/file"))
                .isEqualTo("kept\nkept");
        cluster.kubectl("delete", "pod/static");
        cluster.kubectl("delete", "persistentvolumeclaim/static-retain", "persistentvolumeclaim/static-delete");
        cluster.await(
                "persistentvolume/static-retain",
                volume -> volume.at("/status/phase").asText().equals("Released"));
        cluster.kubectl("delete", "persistentvolume/static-retain");
        cluster.kubectl("wait", "--for=delete", "persistentvolume/static-delete", Cluster.TIMEOUT);
        assertThat(cluster.onNode("cat", Cluster.ALLOWED + "/retain/file", Cluster.ALLOWED + "/delete/file"))
                .isEqualTo("kept\nkept");
    }

    @Test
    void aLocalVolumeIsHeldToItsSizeExpandedSnapshotRestoredAndCloned() {
        cluster.apply("05-local");
        cluster.awaitReady("writer");
        assertThat(cluster.complaint(
                        "writer", "dd if=/dev/zero of=/data/big bs=1M count=150; s=$?; rm /data/big; exit $s"))
                .containsAnyOf("Disk quota exceeded", "No space left");

        cluster.kubectl(
                "patch",
                "persistentvolumeclaim/data",
                "--patch={\"spec\": {\"resources\": {\"requests\": {\"storage\": \"200Mi\"}}}}");
        cluster.await(
                "persistentvolumeclaim/data",
                claim -> claim.at("/status/capacity/storage").asText().equals("200Mi"));
        cluster.exec("writer", "dd if=/dev/zero of=/data/big bs=1M count=150 && sync && rm /data/big");

        cluster.apply("05-snapshot");
        cluster.await(
                "volumesnapshot/data",
                snapshot -> snapshot.at("/status/readyToUse").asBoolean());
        cluster.exec("writer", "echo second > /data/file && sync");
        cluster.apply("05-restore");
        cluster.awaitReady("reader");
        assertThat(cluster.exec("reader", "cat /restored/file /cloned/file")).isEqualTo("first\nsecond");
    }

    @Test
    void aNodeThatIsTooFullIsNotChosen() {
        cluster.apply("05-full");
        cluster.awaitEvent("FailedScheduling", "huge", "did not have enough free storage");
    }

    @Test
    void ephemeralVolumesHoldWhatTheyMayAndGoWithTheirPod() {
        cluster.apply("06-ephemeral");
        cluster.awaitReady("scratch");
        assertThat(cluster.exec("scratch", "grep -c ' /memory tmpfs ' /proc/mounts"))
                .isEqualTo("1");
        for (String volume : List.of("disk", "memory", "generic")) {
            cluster.exec("scratch", "dd if=/dev/zero of=/" + volume + "/some bs=1M count=10 && sync");
            assertThat(cluster.complaint("scratch", "dd if=/dev/zero of=/" + volume + "/more bs=1M count=20"))
                    .as(volume)
                    .containsAnyOf("Disk quota exceeded", "No space left");
        }
    }

    @Test
    void pathsOfTheHostAreThereInEachType() {
        cluster.onNode(
                "sh",
                "-c",
                "cd " + Cluster.ALLOWED
                        + " && mkdir directory && echo 1 > file && mknod null c 1 3 && mknod loop b 7 0");
        cluster.onNode(
                "python3", "-c", "import socket; socket.socket(socket.AF_UNIX).bind('" + Cluster.ALLOWED + "/socket')");
        cluster.apply("07-hostpath");
        cluster.awaitReady("hostpaths");
        cluster.exec(
                "hostpaths",
                "cd /paths && test -d any && test -d directory-or-create && test -d directory && test -f file-or-create"
                        + " && test -f file && test -S socket && test -c char-device && test -b block-device");
        assertThat(cluster.onNode("cat", Cluster.ALLOWED + "/file")).isEqualTo("1");
    }

    @Test
    void aPathThatIsNotAllowedIsRefused() {
        cluster.apply("07-refused");
        cluster.awaitEvent("FailedMount", "refused", "host path of an inline volume /etc is not allowed");
    }

    @Test
    void groupsReadOnlyMountsFoldersOptionsAndRawBlocksAreAsThePodSays() {
        cluster.apply("08-options");
        cluster.awaitReady("options");
        assertThat(cluster.exec("options", "touch /files/own && stat -c '%u %g' /files/own"))
                .isEqualTo("1000 2000");
        assertThat(cluster.complaint("options", "touch /read-only/file")).contains("Read-only file system");
        assertThat(cluster.exec("options", "touch /part/file && ls /files/some/folder"))
                .isEqualTo("file");
        assertThat(cluster.exec("options", "grep ' /files ' /proc/mounts")).contains("noexec", "noatime");
        assertThat(cluster.kubectl(
                        "exec",
                        "options",
                        "--container=blocks",
                        "--",
                        "sh",
                        "-c",
                        "echo block | dd of=/dev/blocks conv=notrunc 2>/dev/null && head -c 5 /dev/blocks"
                                + " && blockdev --getsize64 /dev/blocks"))
                .isEqualTo("block" + (16 << 20));
    }

    @Test
    void aDatabaseLosesNothingWhenPodsOfItAndOfBerthDieAndItsSnapshotIsSound() {
        cluster.importImage("postgresql");
        cluster.apply("09-database");
        Database database = new Database(cluster, "database-0");
        database.awaitReady();
        database.create();
        database.work();

        cluster.kubectl("rollout", "restart", "daemonset/berth-local-node", "--namespace=kube-system");
        cluster.kubectl("rollout", "status", "daemonset/berth-local-node", "--namespace=kube-system", Cluster.TIMEOUT);
        database.awaitTransfers();

        long before = database.transfers();
        cluster.apply("09-restore");
        cluster.kubectl("wait", "--for=jsonpath={.status.readyToUse}=true", "volumesnapshot/database", Cluster.TIMEOUT);
        long after = database.transfers();
        Database restored = new Database(cluster, "restored-database");
        restored.awaitReady();
        restored.assertSound();
        assertThat(restored.transfers()).isBetween(before, after);

        long written = database.transfers();
        String killed = cluster.get("pod/database-0").at("/metadata/uid").asText();
        cluster.kubectl("delete", "pod/database-0", "--grace-period=1");
        cluster.await(
                "pods",
                pods -> pods.at("/items")
                        .valueStream()
                        .map(pod -> pod.at("/metadata"))
                        .anyMatch(pod -> pod.at("/name").asText().equals("database-0")
                                && !pod.at("/uid").asText().equals(killed)));
        database.awaitReady();
        database.assertSound();
        assertThat(database.transfers()).isGreaterThanOrEqualTo(written);
        cluster.kubectl("delete", "statefulset/database", Cluster.TIMEOUT);
    }

    @Test
    void volumesOfLocalPathProvisionerMoveOver() {
        cluster.onNode(
                "sh",
                "-c",
                "cd " + Cluster.ALLOWED + " && mkdir pvc-0b1c_default_moved && echo old > pvc-0b1c_default_moved/file");
        cluster.apply("10-local-path");
        cluster.awaitReady("moved");
        assertThat(cluster.exec("moved", "cat /moved/file")).isEqualTo("old");
        assertThat(cluster.exec("moved", "stat -c %a /new")).isEqualTo("777");
        assertThat(cluster.complaint("moved", "dd if=/dev/zero of=/new/big bs=1M count=150"))
                .containsAnyOf("Disk quota exceeded", "No space left");
        cluster.kubectl("delete", "pod/moved", "persistentvolumeclaim/moved", Cluster.TIMEOUT);
        cluster.kubectl("delete", "persistentvolume/moved", "storageclass/local-path", Cluster.TIMEOUT);
        assertThat(cluster.onNode("cat", Cluster.ALLOWED + "/pvc-0b1c_default_moved/file"))
                .isEqualTo("old");
    }

    /** Whoever is root on a node has its token; that it does for its own volumes all it must, the other recipes show. */
    @Test
    void theTokenOfANodeMakesNoVolumeOfAnother() {
        String volume = """
                apiVersion: v1
                kind: PersistentVolume
                metadata: {name: of-a-node}
                spec:
                  capacity: {storage: 1Gi}
                  accessModes: [ReadWriteOnce]
                  persistentVolumeReclaimPolicy: Retain
                  csi: {driver: local.csi.berth.io, volumeHandle: disk.of-a-node}
                  nodeAffinity:
                    required:
                      nodeSelectorTerms:
                        - matchExpressions:
                            - {key: topology.local.csi.berth.io/node, operator: In, values: [node1]}
                """;
        assertThat(cluster.kubectl(asNode("node1", "create", volume))).contains("created");
        assertThat(cluster.complaint(List.of(asNode("node2", "create", volume))))
                .contains("whose nodeAffinity is that node");
        String path = volume.replace(
                "csi: {driver: local.csi.berth.io, volumeHandle: disk.of-a-node}", "hostPath: {path: /etc}");
        assertThat(cluster.complaint(List.of(asNode("node1", "create", path))))
                .contains("makes, changes and deletes its own PersistentVolumes only");
        cluster.create(volume);
        try {
            assertThat(cluster.complaint(List.of(asNode("node2", "delete", volume))))
                    .contains("whose nodeAffinity is that node");
            assertThat(cluster.kubectl(asNode("node1", "delete", volume))).contains("deleted");
        } finally {
            cluster.kubectl("delete", "persistentvolume/of-a-node");
        }
    }

    /** A try of kubectl with what the API server makes of a token of the driver's pod on a node. */
    private static String[] asNode(String node, String verb, String manifest) {
        return new String[] {
            verb,
            "--dry-run=server",
            "--as=system:serviceaccount:kube-system:berth-local-node",
            "--as-user-extra=authentication.kubernetes.io/node-name=" + node,
            "--filename=" + cluster.write(manifest)
        };
    }

    @Test
    void noWriteFailsWhileBerthIsUpgraded() {
        cluster.apply("05-local");
        beginToWrite();
        cluster.upgrade("log.level=debug");
        cluster.upgrade("log.level=info");
        assertWritingGoesOn();
    }

    @Test
    void podsGoOnWithoutBerthAndAPoolComesBackFromItsBackup() {
        cluster.apply("05-local");
        beginToWrite();
        cluster.create(claim("kept", "berth-hostpath"));
        String pod = pod("keeper", "kept");
        cluster.create(pod);
        cluster.awaitReady("keeper");
        cluster.exec("keeper", "echo kept > /data/file && chown 7:8 /data/file");
        cluster.kubectl("delete", "pod/keeper", Cluster.TIMEOUT);

        cluster.uninstallChart();
        String pool = Cluster.SHARED.toString();
        cluster.onNode("tar", "--acls", "--xattrs", "-C", pool, "-cf", "/var/lib/berth/backup.tar", ".");
        cluster.onNode("find", pool, "-mindepth", "1", "-delete");
        assertWritingGoesOn();
        cluster.onNode("tar", "--acls", "--xattrs", "-C", pool, "-xpf", "/var/lib/berth/backup.tar");
        cluster.installChart();

        cluster.create(pod);
        cluster.awaitReady("keeper");
        assertThat(cluster.exec("keeper", "cat /data/file && stat -c '%u %g' /data/file"))
                .isEqualTo("kept\n7 8");
        assertWritingGoesOn();
    }

    /** The chart is installed anew for it, because a CSIDriver cannot be changed in this. */
    @Test
    void aVolumeIsGivenToItsNodeByExternalAttacher() {
        cluster.importImage("csi-attacher");
        cluster.uninstallChart();
        cluster.installChart("hostpath.attach=true");
        try {
            cluster.create(claim("given", "berth-hostpath"));
            cluster.create(pod("given", "given"));
            cluster.awaitReady("given");
            assertThat(cluster.exec("given", "echo given > /data/file && cat /data/file"))
                    .isEqualTo("given");
            JsonNode attachments = cluster.get("volumeattachments").at("/items");
            assertThat(attachments).hasSize(1);
            assertThat(attachments.at("/0/spec/nodeName").asText()).isEqualTo("node1");
            assertThat(attachments.at("/0/status/attached").asBoolean()).isTrue();
            nothingIsLeft();
            cluster.await("volumeattachments", items -> items.at("/items").isEmpty());
        } finally {
            cluster.uninstallChart();
            cluster.installChart();
        }
    }

    /** Pod {@code writer} writes a line after the other, and notes when it cannot. */
    private static void beginToWrite() {
        cluster.awaitReady("writer");
        cluster.exec("writer", "(while :; do date >> /data/log || echo failed >> /tmp/failed; done) >/dev/null 2>&1 &");
    }

    private static void assertWritingGoesOn() {
        int before = lines();
        Await.until(Cluster.PATIENCE, () -> lines() > before, () -> "nothing is written any more");
        cluster.exec("writer", "test ! -e /tmp/failed");
    }

    private static int lines() {
        return Integer.parseInt(cluster.exec("writer", "wc -l < /data/log"));
    }

    /** Beside a driver that does nothing, which shows the cluster's and the provisioner's own time. */
    @Test
    void aHundredClaimsAtOnceAreBound() {
        double chart = bindHundred("berth-hostpath");
        assertThat(cluster.onNode("sh", "-c", "ls " + Cluster.SHARED + " | wc -l"))
                .isEqualTo("101");
        nothingIsLeft();

        cluster.makePool("many");
        createClass("many");
        double berth;
        try (Controller unused = Controller.start(cluster, "many")) {
            berth = bindHundred("many");
            nothingIsLeft();
        }
        createClass("idle");
        double idle;
        try (IdleDriver unused = IdleDriver.start(cluster, "idle", folder.resolve("idle.sock"))) {
            idle = bindHundred("idle");
            nothingIsLeft();
        }
        System.out.printf(
                "100 claims bound after %.1f s by the chart's pods, %.1f s by processes, %.1f s with a driver that does nothing%n",
                chart, berth, idle);
    }

    /** How long it takes, in seconds. One more is bound before, so that all processes are there. */
    private static double bindHundred(String storageClass) {
        cluster.create(claim("first", storageClass));
        awaitBound();
        String claims = IntStream.range(0, 100)
                .mapToObj(i -> claim("many-" + i, storageClass))
                .collect(Collectors.joining("---\n"));
        long start = System.nanoTime();
        cluster.create(claims);
        awaitBound();
        return Cluster.seconds(start);
    }

    private static void awaitBound() {
        cluster.kubectl(
                "wait", "--for=jsonpath={.status.phase}=Bound", "persistentvolumeclaims", "--all", Cluster.TIMEOUT);
    }

    /** Of driver {@code NAME.csi.berth.io}. */
    private static void createClass(String name) {
        cluster.create("""
                apiVersion: storage.k8s.io/v1
                kind: StorageClass
                metadata: {name: %1$s}
                provisioner: %1$s.csi.berth.io
                """.formatted(name));
    }

    /**
     * Beside the chart's pods, because the kubelet waits longer after each death: a controller that is killed as soon as the
     * record of a volume appears, and external-provisioner, which ends with it.
     */
    @Test
    void aControllerThatIsKilledFiftyTimesLeaksNoVolume() {
        Path pool = cluster.makePool("killed");
        createClass("killed");
        int rounds = 0;
        for (int unanswered = 0; unanswered < 50; rounds++) {
            assertThat(rounds)
                    .as("rounds of which %d calls had no answer", unanswered)
                    .isLessThan(500);
            String claim = "persistentvolumeclaim/killed-" + rounds;
            cluster.create(claim("killed-" + rounds, "killed"));
            String volume = cluster.get(claim).at("/metadata/uid").asText();
            try (Controller unused = Controller.start(cluster, "killed")) {
                Await.until(Cluster.PATIENCE, () -> hasRecord(pool, volume), () -> claim + cluster.get(claim));
            }
            if (cluster.get(claim).at("/status/phase").asText().equals("Pending")) {
                unanswered++;
            }
        }
        System.out.printf("of %d calls that were killed 50 had no answer%n", rounds);
        try (Controller unused = Controller.start(cluster, "killed")) {
            awaitBound();
            assertThat(Driver.files(pool)).as("volumes and .berth").hasSize(rounds + 1);
            nothingIsLeft();
            assertThat(Driver.files(pool)).containsExactly(pool.resolve(".berth"));
            for (String records : List.of("creating", "volumes", "deleting")) {
                Await.until(
                        Cluster.PATIENCE,
                        () -> Driver.files(pool.resolve(".berth").resolve(records))
                                .isEmpty(),
                        () -> "records in " + records);
            }
        }
    }

    private static boolean hasRecord(Path pool, String volume) {
        return Stream.of("creating", "volumes")
                .map(pool.resolve(".berth")::resolve)
                .filter(Files::isDirectory)
                .flatMap(folder -> Driver.files(folder).stream())
                .anyMatch(file -> file.toString().contains(volume));
    }

    /** A pod that has a claim's volume at {@code /data}. */
    private static String pod(String name, String claim) {
        return """
                apiVersion: v1
                kind: Pod
                metadata: {name: %s}
                spec:
                  terminationGracePeriodSeconds: 1
                  containers:
                    - name: main
                      image: busybox:1
                      command: [sleep, infinity]
                      volumeMounts: [{name: data, mountPath: /data}]
                  volumes: [{name: data, persistentVolumeClaim: {claimName: %s}}]
                """.formatted(name, claim);
    }

    private static String claim(String name, String storageClass) {
        return """
                apiVersion: v1
                kind: PersistentVolumeClaim
                metadata: {name: %s}
                spec:
                  accessModes: [ReadWriteMany]
                  storageClassName: %s
                  resources: {requests: {storage: 1Mi}}
                """.formatted(name, storageClass);
    }

    private static List<JsonNode> nodePods() {
        List<JsonNode> pods = cluster.get("pods", "--namespace=kube-system", "--selector=app.kubernetes.io/name=berth")
                .at("/items")
                .valueStream()
                .filter(pod -> pod.at("/metadata/name").asText().contains("-node-"))
                .toList();
        assertThat(pods).hasSize(2);
        return pods;
    }

    @Test
    void aNodePodIsSmall() {
        for (JsonNode pod : nodePods()) {
            String name = pod.at("/metadata/name").asText();
            int kilobytes = Integer.parseInt(cluster.kubectl(
                    "exec",
                    name,
                    "--namespace=kube-system",
                    "--container=berth",
                    "--",
                    "sh",
                    "-c",
                    "sed -n 's/VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/1/status"));
            System.out.printf("%s has %d kB resident%n", name, kilobytes);
            assertThat(kilobytes).as(name).isBetween(10_000, 100_000);
        }
    }

    /** One after the other: where all pods of the chart start at once they wait for a processor. */
    @Test
    void aNodePodThatStartsAnewIsReady() {
        for (String driver : List.of("hostpath", "local")) {
            String pods = "daemonset/berth-" + driver + "-node";
            cluster.kubectl("rollout", "restart", pods, "--namespace=kube-system");
            cluster.kubectl("rollout", "status", pods, "--namespace=kube-system", Cluster.TIMEOUT);
        }
        for (JsonNode pod : nodePods()) {
            System.out.printf(
                    "%s was ready after %d s%n",
                    pod.at("/metadata/name").asText(), untilReady(pod).toSeconds());
        }
    }

    /** From the start of Berth's container until the kubelet found the pod ready; both times are whole seconds. */
    private static Duration untilReady(JsonNode pod) {
        Instant start = pod.at("/status/containerStatuses")
                .valueStream()
                .filter(container -> container.at("/name").asText().equals("berth"))
                .map(container ->
                        Instant.parse(container.at("/state/running/startedAt").asText()))
                .findFirst()
                .orElseThrow();
        Instant ready = pod.at("/status/conditions")
                .valueStream()
                .filter(condition -> condition.at("/type").asText().equals("Ready"))
                .map(condition ->
                        Instant.parse(condition.at("/lastTransitionTime").asText()))
                .findFirst()
                .orElseThrow();
        return Duration.between(start, ready);
    }
}
