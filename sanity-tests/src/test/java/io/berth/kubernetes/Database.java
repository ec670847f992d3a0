package io.berth.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.sanity.Await;

/**
 * PostgreSQL in a pod. In it pgbench moves money between accounts, tellers and branches and writes down each transfer, so at
 * any moment four sums are equal.
 */
record Database(Cluster cluster, String pod) {
    void awaitReady() {
        cluster.awaitReady(pod);
    }

    /** Makes the tables. */
    void create() {
        exec("pgbench --initialize --quiet 2>&1");
    }

    /** Begins to make transfers, on and on until the pod ends. */
    void work() {
        exec("pgbench --client=2 --time=86400 >/tmp/pgbench 2>&1 & echo $! >/tmp/pgbench.pid");
        awaitTransfers();
    }

    /** Waits until more transfers have been made. */
    void awaitTransfers() {
        long enough = transfers() + 10;
        Await.until(Cluster.PATIENCE, () -> transfers() >= enough, () -> exec("cat /tmp/pgbench"));
        exec("kill -0 $(cat /tmp/pgbench.pid)"); // it ends at the first transfer that fails
    }

    /** How many transfers there are. */
    long transfers() {
        return Long.parseLong(query("SELECT count(*) FROM pgbench_history"));
    }

    /** No money was made or lost, and tables and indexes agree. */
    void assertSound() {
        assertThat(
                        query(
                                "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)"
                                        + " AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history)"
                                        + " AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)"))
                .isEqualTo("t");
        exec("pg_amcheck --install-missing --heapallindexed postgres");
    }

    private String query(String statement) {
        return exec("psql --no-align --tuples-only --command='" + statement + "'");
    }

    private String exec(String command) {
        return cluster.exec(pod, command);
    }
}
