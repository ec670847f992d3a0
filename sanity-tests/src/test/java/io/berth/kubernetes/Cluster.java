package io.berth.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.berth.sanity.Await;
import io.berth.sanity.Command;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * A Kubernetes with the image and the chart of Berth in it, as {@code sanity-tests/src/test/kubernetes/cluster} brings it
 * up. Its processes and mounts have namespaces of their own, so nothing of it outlives this object or this
 * process; what is left of control groups is removed.
 */
final class Cluster implements AutoCloseable {
    static final Path DEPLOY = Path.of("../deploy").toAbsolutePath().normalize();
    static final Duration PATIENCE = Duration.ofMinutes(10);

    /** The same for kubectl. */
    static final String TIMEOUT = "--timeout=" + PATIENCE.toSeconds() + "s";

    /** Where the node's pool of kind hostpath and the paths that are allowed are. */
    static final Path SHARED = Path.of("/var/lib/berth/shared");

    static final Path ALLOWED = Path.of("/var/lib/berth/allowed");

    private static final String CHART = DEPLOY.resolve("chart/berth").toString();
    private static final Path RIG = Path.of("src/test/kubernetes").toAbsolutePath();
    private static final JsonMapper JSON = new JsonMapper();

    private final Path folder;
    private final Path values;
    private final Process process;

    private Cluster(Path folder, Path values, Process process) {
        this.folder = folder;
        this.values = values;
        this.process = process;
    }

    /**
     * Builds the image, brings a cluster of one node up in a folder and installs the chart with pools on the node's disk.
     *
     * @param folder empty, with a short path and 4 GB of room
     */
    static Cluster start(Path folder) {
        return start(folder, 0, "values.yaml");
    }

    /**
     * The same with two nodes, node1 and node2, on kernels of their own that take up to 3 GB of memory each. Each has a pool on
     * its own disk, node1 a small one; node1 has the server of the pool on NFS too.
     */
    static Cluster startTwoNodes(Path folder) {
        return start(folder, 2, "values-two-nodes.yaml");
    }

    private static Cluster start(Path folder, int kernels, String values) {
        buildImage();
        long start = System.nanoTime();
        Cluster cluster = new Cluster(folder, RIG.resolve(values), spawn(folder, kernels));
        try {
            Await.until(
                    PATIENCE,
                    () -> !cluster.process.isAlive() || Files.exists(folder.resolve("ready")),
                    () -> "no cluster" + cluster.log());
            assertThat(cluster.process.isAlive()).as("%s", cluster.log()).isTrue();
            System.out.printf("the cluster was ready after %.0f s", seconds(start));
            cluster.installChart();
            System.out.printf(", Berth after %.0f s%n", seconds(start));
            return cluster;
        } catch (RuntimeException | Error e) {
            cluster.close();
            throw e;
        }
    }

    /** One at a time, for two clusters may come up at once; the second finds it built. */
    private static synchronized void buildImage() {
        Command.Result image = Command.run(
                Duration.ofMinutes(15),
                Map.of(),
                List.of(DEPLOY.resolve("image/build").toString()));
        assertThat(image.code()).as("%s", image).isZero();
    }

    /** How long ago an instant of {@link System#nanoTime} is. */
    static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }

    private static Process spawn(Path folder, int kernels) {
        ProcessBuilder builder = new ProcessBuilder(
                        "unshare",
                        "--mount",
                        "--propagation=private",
                        "--pid",
                        "--fork",
                        "--kill-child",
                        "--net",
                        "--uts",
                        RIG.resolve("cluster").toString(),
                        folder.toString(),
                        Integer.toString(kernels))
                .redirectErrorStream(true)
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(folder.resolve("out").toFile());
        builder.environment().put("KUBERNETES", Binaries.FOLDER.toString());
        builder.environment()
                .put("BERTH_IMAGE", DEPLOY.resolve("target/image/image.tar").toString());
        try {
            return builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Installs the chart and waits until its pods are ready and every kubelet knows its drivers.
     *
     * @param changes values other than the cluster's, each as {@code NAME=VALUE}
     */
    void installChart(String... changes) {
        helm(Stream.concat(
                        Stream.of("install", "berth", CHART, "--values=" + values),
                        Stream.of(changes).map("--set="::concat))
                .toArray(String[]::new));
        awaitRollout();
        int drivers = get("csidrivers").at("/items").size();
        await(
                "csinodes",
                nodes -> nodes.at("/items")
                        .valueStream()
                        .allMatch(node -> node.at("/spec/drivers").size() == drivers));
    }

    /** Lets the API server look at what the chart makes of values; the Prometheus operator's objects are not known here. */
    void validateChart(Path values) {
        String manifests = onNode(
                Binaries.program("helm"),
                "template",
                "other", // not merged into the pods that are there
                CHART,
                Chart.VERSION,
                "--namespace=kube-system",
                "--values=" + values,
                "--set=metrics.podMonitor.enabled=false,metrics.rules.enabled=false",
                // What the drivers that are there have; the API server lets nobody change it.
                "--set=local.csiDriver.volumeLifecycleModes={Persistent,Ephemeral}",
                "--set=hostpath.csiDriver.volumeLifecycleModes={Persistent,Ephemeral}");
        assertThat(kubectl("apply", "--dry-run=server", "--filename=" + write(manifests)))
                .as("%s", values)
                .contains("daemonset.apps");
    }

    /** Changes a value of the chart as an administrator does, and waits until every pod is of the new kind. */
    void upgrade(String value) {
        helm("upgrade", "berth", CHART, "--values=" + values, "--set=" + value);
        awaitRollout();
    }

    /** Helm is content already when no more pods are missing than may be. */
    private void awaitRollout() {
        for (String kind : List.of("daemonsets", "deployments")) {
            kubectl(
                    "rollout",
                    "status",
                    kind,
                    "--namespace=kube-system",
                    "--selector=app.kubernetes.io/name=berth",
                    TIMEOUT);
        }
    }

    /** Takes Berth away; its pods are gone then. */
    void uninstallChart() {
        helm("uninstall", "berth");
        kubectl(
                "wait",
                "--for=delete",
                "pods",
                "--namespace=kube-system",
                "--selector=app.kubernetes.io/name=berth",
                TIMEOUT);
    }

    private void helm(String... command) {
        onNode(Stream.concat(
                        Stream.of(Binaries.program("helm"), "--namespace=kube-system"),
                        Stream.concat(Stream.of(command), Stream.of("--wait", "--timeout=15m")))
                .toArray(String[]::new));
    }

    /** Runs a command on the node that must succeed, and gives what it prints, without white space around it. */
    String onNode(String... command) {
        Command.Result result = tryOnNode(command);
        assertThat(result.code())
                .as("%s wrote %s%s%s", List.of(command), result.out(), result.err(), log())
                .isZero();
        return result.out().strip();
    }

    private Command.Result tryOnNode(String... command) {
        return Command.run(Duration.ofMinutes(20), environment(), onNodeLine(command));
    }

    private Map<String, String> environment() {
        return Map.of("KUBECONFIG", kubeconfig().toString());
    }

    private List<String> onNodeLine(String... command) {
        long init = process.children()
                .findFirst()
                .orElseThrow(() -> new AssertionError("the cluster has ended" + log()))
                .pid();
        List<String> line =
                new ArrayList<>(List.of("nsenter", "--target=" + init, "--mount", "--pid", "--net", "--uts"));
        line.addAll(List.of(command));
        return line;
    }

    /** Runs kubectl, which must succeed, and gives what it prints. */
    String kubectl(String... arguments) {
        return onNode(Stream.concat(Stream.of(Binaries.program("kubectl")), Stream.of(arguments))
                .toArray(String[]::new));
    }

    /** An object, as {@code kind/name}, or all of a kind; of the default namespace, unless options say otherwise. */
    JsonNode get(String object, String... options) {
        try {
            return JSON.readTree(kubectl(Stream.concat(Stream.of("get", object, "--output=json"), Stream.of(options))
                    .toArray(String[]::new)));
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    /** Gives the node an image that {@code build} has made. */
    void importImage(String name) {
        onNode(
                "ctr",
                "--namespace=k8s.io",
                "images",
                "import",
                Binaries.FOLDER.resolve("images").resolve(name + ".tar").toString());
    }

    /** Creates what a file of {@code deploy/examples} says. */
    void apply(String example) {
        kubectl("apply", "--filename=" + DEPLOY.resolve("examples").resolve(example + ".yaml"));
    }

    /** Waits until an object is as it should be. */
    void await(String object, Predicate<JsonNode> wanted) {
        Await.until(
                PATIENCE,
                () -> wanted.test(get(object)),
                () -> object + " is " + get(object).toPrettyString() + kubectl("get", "events"));
    }

    /** Waits until a pod is ready. */
    void awaitReady(String pod) {
        kubectl("wait", "--for=condition=Ready", "pod/" + pod, TIMEOUT);
    }

    /** Waits for an event that tells of an object. */
    void awaitEvent(String reason, String name, String... words) {
        Await.until(
                PATIENCE,
                () -> {
                    String events = kubectl(
                            "get", "events", "--field-selector=reason=" + reason + ",involvedObject.name=" + name);
                    return Stream.of(words).allMatch(events::contains);
                },
                () -> kubectl("get", "events"));
    }

    /** Runs a shell's command in a pod, which must succeed, and gives what it prints. */
    String exec(String pod, String command) {
        return kubectl("exec", pod, "--", "sh", "-c", command);
    }

    /** What a shell's command in a pod complains that must fail. */
    String complaint(String pod, String command) {
        return complaint(List.of("exec", pod, "--", "sh", "-c", command));
    }

    /** What kubectl complains, which must fail. */
    String complaint(List<String> arguments) {
        Command.Result result = tryOnNode(Stream.concat(Stream.of(Binaries.program("kubectl")), arguments.stream())
                .toArray(String[]::new));
        assertThat(result.code()).as("%s", result).isNotZero();
        return result.err();
    }

    private String log() {
        try {
            return "\n" + Files.readString(folder.resolve("out")) + "logs are in " + folder.resolve("log");
        } catch (IOException e) {
            return "\nno log: " + e;
        }
    }

    /** Makes an empty folder for a pool, {@code /var/lib/berth/NAME} on the node, and gives where it is from outside. */
    Path makePool(String name) {
        try {
            return Files.createDirectory(folder.resolve("var/lib/berth").resolve(name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Creates the objects of a manifest. */
    void create(String manifest) {
        kubectl("create", "--filename=" + write(manifest));
    }

    /** Writes a manifest where the node sees it. */
    Path write(String manifest) {
        try {
            return Files.writeString(Files.createTempFile(folder, "manifest", ".yaml"), manifest);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path kubeconfig() {
        return folder.resolve("kubeconfig");
    }

    /** Starts a program on the node; its output goes to a log of this name. The caller ends it by {@link #kill}. */
    Process spawnOnNode(String log, String... command) {
        try {
            ProcessBuilder builder = new ProcessBuilder(onNodeLine(command))
                    .redirectErrorStream(true)
                    .redirectInput(Path.of("/dev/null").toFile())
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(
                            folder.resolve("log").resolve(log).toFile()));
            builder.environment().putAll(environment());
            return builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ends a program on the node at once. */
    static void kill(Process onNode) {
        onNode.descendants().forEach(ProcessHandle::destroyForcibly); // nsenter itself ends with its child
        try {
            assertThat(onNode.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while a program ends", e);
        }
    }

    @Override
    public void close() {
        if (process.children().findAny().isPresent()) {
            // Loop devices are the machine's: those of volumes that a test left in use would stay.
            tryOnNode(
                    "sh",
                    "-c",
                    "losetup --noheadings --output NAME,BACK-FILE | while read -r device file; do case $file in"
                            + " /var/lib/berth/* | /var/lib/kubelet/*) losetup --detach $device ;; esac; done");
        }
        process.children().forEach(ProcessHandle::destroyForcibly); // the first of the namespace, and so all others
        try {
            assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while the cluster ends", e);
        }
        Command.run(
                "find", "/sys/fs/cgroup", "-depth", "-path", "*/kubepods*", "-type", "d", "-exec", "rmdir", "{}", ";");
        Command.run(
                "rm", "--recursive", "--one-file-system", folder.resolve("var").toString()); // images' files: many
    }
}
