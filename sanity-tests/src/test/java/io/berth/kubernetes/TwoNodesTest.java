package io.berth.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.berth.sanity.Await;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * The examples that need an NFS server or a second node, on a cluster of two nodes, each with a kernel of its own. The pods of
 * the chart serve them; the server is that of the first node's kernel.
 */
@Tag("kubernetes-nfs")
@Timeout(1800)
@Execution(ExecutionMode.CONCURRENT)
class TwoNodesTest {
    @TempDir
    static Path folder;

    private static Cluster cluster;

    private long begin;

    @BeforeAll
    @Timeout(2400) // it may have to build the image
    static void start() {
        cluster = Cluster.startTwoNodes(folder);
        cluster.create("""
                apiVersion: v1
                kind: Pod
                metadata: {name: server, namespace: kube-system}
                spec:
                  nodeName: node1
                  terminationGracePeriodSeconds: 1
                  containers:
                    - name: main
                      image: busybox:1
                      workingDir: /export
                      volumeMounts: [{name: export, mountPath: /export}]
                  volumes: [{name: export, hostPath: {path: /run/export/xfs, type: Directory}}]
                """);
        cluster.kubectl("wait", "--for=condition=Ready", "pod/server", "--namespace=kube-system", Cluster.TIMEOUT);
    }

    @AfterAll
    static void end() {
        if (cluster != null) {
            cluster.close();
        }
    }

    @BeforeEach
    void begin() {
        begin = System.nanoTime();
    }

    /** The claims' volumes go with them, from the cluster, from the server and from the disks. */
    @AfterEach
    void nothingIsLeft(TestInfo test) {
        cluster.kubectl("delete", "deployments,statefulsets,pods", "--all", Cluster.TIMEOUT);
        cluster.kubectl("delete", "persistentvolumeclaims", "--all", Cluster.TIMEOUT);
        cluster.kubectl("wait", "--for=delete", "persistentvolumes", "--all", Cluster.TIMEOUT);
        assertThat(onServer("ls -A")).isEqualTo(".berth");
        for (String node : List.of("node1", "node2")) {
            assertThat(onDisk(node)).as(node).containsExactly(".berth");
        }
        System.out.printf("%s: %.0f s%n", test.getDisplayName(), Cluster.seconds(begin));
    }

    /** What a shell's command prints that runs where the server has the pool. */
    private static String onServer(String command) {
        return cluster.kubectl("exec", "server", "--namespace=kube-system", "--", "sh", "-c", command);
    }

    /** What is in the pool of a node's disk. */
    private static List<String> onDisk(String node) {
        String pod = cluster.get(
                        "pods",
                        "--namespace=kube-system",
                        "--selector=app.kubernetes.io/component=local-node",
                        "--field-selector=spec.nodeName=" + node)
                .at("/items/0/metadata/name")
                .asText();
        return cluster.kubectl(
                        "exec",
                        pod,
                        "--namespace=kube-system",
                        "--container=berth",
                        "--",
                        "ls",
                        "-A",
                        "/var/lib/berth/disk")
                .lines()
                .toList();
    }

    @Test
    void replicasOnTwoNodesShareOneVolume() {
        cluster.apply("01-shared");
        cluster.kubectl("rollout", "status", "deployment/shared", Cluster.TIMEOUT);
        List<JsonNode> pods = cluster.get("pods").at("/items").valueStream().toList();
        assertThat(pods)
                .extracting(pod -> pod.at("/spec/nodeName").asText())
                .containsExactlyInAnyOrder("node1", "node2");
        String first = pods.get(0).at("/metadata/name").asText();
        String second = pods.get(1).at("/metadata/name").asText();
        assertThat(cluster.exec(first, "cat /data/" + second)).isEqualTo("here");
        assertThat(cluster.exec(second, "cat /data/" + first)).isEqualTo("here");
    }

    /** The pods' mounts are of the node, not of the pod of Berth that made them. */
    @Test
    void noWriteFailsWhilePodsOfBerthStartAnew() {
        cluster.apply("01-shared");
        cluster.kubectl("rollout", "status", "deployment/shared", Cluster.TIMEOUT);
        String pod = cluster.get("pods").at("/items/0/metadata/name").asText();
        cluster.exec(pod, "(while date >> /data/log; do sleep 0.1; done; touch /tmp/failed) >/dev/null 2>&1 &");
        String drivers = "daemonset/berth-nfs-node";
        cluster.kubectl("rollout", "restart", drivers, "--namespace=kube-system");
        cluster.kubectl("rollout", "status", drivers, "--namespace=kube-system", Cluster.TIMEOUT);
        int before = lines();
        Await.until(Cluster.PATIENCE, () -> lines() > before, () -> "nothing is written any more");
        cluster.exec(pod, "test ! -e /tmp/failed");
    }

    /** Of the log, as the server has it. */
    private static int lines() {
        return Integer.parseInt(onServer("cat */log | wc -l"));
    }

    @Test
    void podsOfAStatefulSetFindTheirVolumesAgain() {
        cluster.apply("02-statefulset");
        for (int replicas : List.of(3, 1, 3)) {
            cluster.kubectl("scale", "statefulset/numbered", "--replicas=" + replicas);
            cluster.kubectl("rollout", "status", "statefulset/numbered", Cluster.TIMEOUT);
            cluster.kubectl(
                    "wait", "--for=jsonpath={.status.replicas}=" + replicas, "statefulset/numbered", Cluster.TIMEOUT);
        }
        assertThat(cluster.exec("numbered-0", "cat /data/names")).isEqualTo("numbered-0");
        assertThat(cluster.exec("numbered-1", "cat /data/names")).isEqualTo("numbered-1\nnumbered-1");
        assertThat(cluster.exec("numbered-2", "cat /data/names")).isEqualTo("numbered-2\nnumbered-2");
    }

    @Test
    void classesOfNfsSubdirExternalProvisionerArchiveOrDelete() {
        cluster.apply("03-nfs-client");
        cluster.kubectl(
                "wait", "--for=jsonpath={.status.phase}=Bound", "persistentvolumeclaims", "--all", Cluster.TIMEOUT);
        onServer("echo forgotten > default-forgotten/file && echo archived > default-archived/file");
        cluster.kubectl("delete", "persistentvolumeclaims", "--all", Cluster.TIMEOUT);
        cluster.kubectl("wait", "--for=delete", "persistentvolumes", "--all", Cluster.TIMEOUT);
        assertThat(onServer("ls")).startsWith("archived-default-archived-").hasLineCount(1);
        assertThat(onServer("cat archived-*/file && rm -r archived-*")).isEqualTo("archived");
        assertThat(onServer("ls -A")).isEqualTo(".berth");
    }

    /** A volume of the set is larger than the disk of node1; that of node2 holds two, and then no other. */
    @Test
    void localVolumesAreMadeWhereThereIsRoomAndPodsWaitWhereThereIsNone() {
        cluster.apply("05-statefulset");
        cluster.kubectl("wait", "--for=jsonpath={.status.readyReplicas}=2", "statefulset/members", Cluster.TIMEOUT);
        List<String> waiting = new ArrayList<>(List.of("members-0", "members-1", "members-2"));
        for (String pod : List.copyOf(waiting)) {
            String node = nodeOf(pod);
            if (!node.isEmpty()) {
                assertThat(node).isEqualTo("node2");
                assertThat(nodesOfVolume("data-" + pod)).containsExactly("node2");
                assertThat(cluster.exec(pod, "cat /data/name")).isEqualTo(pod);
                cluster.exec(pod, "dd if=/dev/zero of=/data/more bs=1M count=10 && sync");
                waiting.remove(pod);
            }
        }
        assertThat(waiting).hasSize(1);
        cluster.awaitEvent("FailedScheduling", waiting.get(0), "2 node(s) did not have enough free storage");

        cluster.apply("05-local");
        cluster.awaitReady("writer");
        assertThat(nodeOf("writer")).isEqualTo("node1");
        assertThat(nodesOfVolume("data")).containsExactly("node1");
        assertThat(cluster.exec("writer", "cat /data/file")).isEqualTo("first");

        assertThat(onDisk("node1")).as("a volume and .berth").hasSize(2);
        assertThat(onDisk("node2")).as("two volumes and .berth").hasSize(3);
        assertThat(nodeOf(waiting.get(0))).isEmpty();
    }

    /** The scheduler does not know where a claim's source is; the claim of a pod that it put elsewhere is not lost. */
    @Test
    void aCloneIsMadeOnTheNodeThatHasItsSource() {
        cluster.apply("05-local");
        cluster.awaitReady("writer");
        String here = nodeOf("writer");
        String elsewhere = here.equals("node1") ? "node2" : "node1";
        cluster.create("""
                apiVersion: v1
                kind: PersistentVolumeClaim
                metadata: {name: cloned}
                spec:
                  accessModes: [ReadWriteOnce]
                  storageClassName: berth-local
                  resources: {requests: {storage: 100Mi}}
                  dataSource: {kind: PersistentVolumeClaim, name: data}
                """);
        cluster.create(readerOn(elsewhere));
        cluster.awaitEvent("ProvisioningFailed", "cloned", "a copy is made where its source is");
        cluster.kubectl("delete", "pod/reader", Cluster.TIMEOUT);
        cluster.create(readerOn(here));
        cluster.awaitReady("reader");
        assertThat(cluster.exec("reader", "cat /cloned/file")).isEqualTo("first");
    }

    private static String readerOn(String node) {
        return """
                apiVersion: v1
                kind: Pod
                metadata: {name: reader}
                spec:
                  nodeSelector: {kubernetes.io/hostname: %s}
                  terminationGracePeriodSeconds: 1
                  containers:
                    - name: main
                      image: busybox:1
                      command: [sleep, infinity]
                      volumeMounts: [{name: cloned, mountPath: /cloned}]
                  volumes: [{name: cloned, persistentVolumeClaim: {claimName: cloned}}]
                """.formatted(node);
    }

    /** Empty as long as the scheduler has found none. */
    private static String nodeOf(String pod) {
        return cluster.get("pod/" + pod).at("/spec/nodeName").asText();
    }

    /** The nodes that the volume of a claim lets its pods run on. */
    private static List<String> nodesOfVolume(String claim) {
        String volume = cluster.get("persistentvolumeclaim/" + claim)
                .at("/spec/volumeName")
                .asText();
        return cluster.get("persistentvolume/" + volume)
                .at("/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values")
                .valueStream()
                .map(JsonNode::asText)
                .toList();
    }
}
