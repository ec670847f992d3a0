package io.berth.kubernetes;

import io.berth.sanity.Driver;

/**
 * {@code berth controller} with a pool of kind hostpath, and external-provisioner, as processes on the node beside the
 * chart's pods. Closing it kills both at once.
 */
record Controller(Process berth, Process provisioner) implements AutoCloseable {
    /** Starts both, as driver {@code NAME.csi.berth.io} with pool NAME, and waits for nothing. */
    static Controller start(Cluster cluster, String name) {
        String socket = "/run/" + name + ".sock";
        cluster.onNode("rm", "--force", socket);
        Process berth = cluster.spawnOnNode(
                "berth-" + name,
                Driver.command(),
                "controller",
                "--endpoint=unix://" + socket,
                "--node-id=node1",
                "--driver-name=" + name + ".csi.berth.io",
                "--pool=" + name + "=hostpath:/var/lib/berth/" + name);
        return new Controller(berth, provisioner(cluster, name, socket));
    }

    /** Starts external-provisioner alone, as fast as the chart's may be. The caller ends it by {@link Cluster#kill}. */
    static Process provisioner(Cluster cluster, String name, String socket) {
        return cluster.spawnOnNode(
                "provisioner-" + name,
                Binaries.program("csi-provisioner"),
                "--csi-address=" + socket,
                "--kubeconfig=" + cluster.kubeconfig(),
                "--retry-interval-start=100ms",
                "--kube-api-qps=50",
                "--kube-api-burst=100");
    }

    @Override
    public void close() {
        Cluster.kill(berth);
        Cluster.kill(provisioner);
    }
}
