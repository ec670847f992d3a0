package io.berth.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.sanity.Command;
import io.berth.sanity.Driver;
import io.berth.uml.KernelNfsServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The examples that need an NFS server, on a cluster where the pods of the chart serve them. Runs on a kernel of its own, whose
 * network is the node's: there the server is.
 */
class NfsRecipes {
    /** A folder that every system has and that nothing uses. */
    private static final Path FOLDER = Path.of("/mnt");

    private static final KernelNfsServer SERVER = KernelNfsServer.running();

    private static Cluster cluster;

    @BeforeAll
    static void start() {
        Command.succeed("mount", "-t", "tmpfs", "-o", "size=5G", "cluster", FOLDER.toString());
        cluster = Cluster.start(FOLDER, "values-nfs.yaml", "--uts");
        cluster.awaitDrivers(1);
    }

    @AfterAll
    static void end() {
        if (cluster != null) {
            cluster.close();
        }
    }

    @AfterEach
    void nothingIsLeft() {
        cluster.kubectl("delete", "deployments,statefulsets,pods", "--all", Cluster.TIMEOUT);
        cluster.kubectl("delete", "persistentvolumeclaims", "--all", Cluster.TIMEOUT);
        cluster.kubectl("wait", "--for=delete", "persistentvolumes", "--all", Cluster.TIMEOUT);
        assertThat(Driver.files(SERVER.xfsOnServer()))
                .containsExactly(SERVER.xfsOnServer().resolve(".berth"));
    }

    @Test
    void twoReplicasShareOneVolume() {
        cluster.apply("01-shared");
        cluster.kubectl("rollout", "status", "deployment/shared", Cluster.TIMEOUT);
        List<String> pods = cluster.kubectl("get", "pods", "--selector=app=shared", "--output=name")
                .lines()
                .map(pod -> pod.substring("pod/".length()))
                .toList();
        assertThat(pods).hasSize(2);
        assertThat(cluster.exec(pods.get(0), "cat /data/" + pods.get(1))).isEqualTo("here");
        assertThat(cluster.exec(pods.get(1), "cat /data/" + pods.get(0))).isEqualTo("here");
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
    void classesOfNfsSubdirExternalProvisionerArchiveOrDelete() throws IOException {
        cluster.apply("03-nfs-client");
        cluster.kubectl(
                "wait", "--for=jsonpath={.status.phase}=Bound", "persistentvolumeclaims", "--all", Cluster.TIMEOUT);
        Path export = SERVER.xfsOnServer();
        Files.writeString(export.resolve("default-forgotten/file"), "forgotten");
        Files.writeString(export.resolve("default-archived/file"), "archived");
        cluster.kubectl("delete", "persistentvolumeclaims", "--all", Cluster.TIMEOUT);
        cluster.kubectl("wait", "--for=delete", "persistentvolumes", "--all", Cluster.TIMEOUT);
        List<Path> left = Driver.files(export);
        assertThat(left).hasSize(2).contains(export.resolve(".berth"));
        Path archive = left.stream()
                .filter(path -> path.getFileName().toString().startsWith("archived-default-archived-"))
                .findFirst()
                .orElseThrow(() -> new AssertionError(left));
        assertThat(archive.resolve("file")).hasContent("archived");
        Command.succeed("rm", "-r", archive.toString());
    }
}
