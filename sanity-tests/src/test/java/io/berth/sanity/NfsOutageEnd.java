package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.uml.KernelNfsServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How a driver ends while its server does not answer. Runs on a kernel of its own. */
class NfsOutageEnd {
    private static final long MIB = 1 << 20;

    private final KernelNfsServer server = KernelNfsServer.running();

    @TempDir
    Path folder;

    private Driver driver;
    private Client client;

    @BeforeEach
    void start() {
        driver = Driver.start(folder, List.of("--pool=home=nfs:" + server.xfs()));
        client = driver.client();
    }

    @AfterEach
    void stop() {
        server.resume();
        driver.close();
        Driver.unmountBelow(Path.of("/run/berth")); // a killed driver leaves its mount for the next
    }

    @Test
    void volumesCanBeTakenAwayAndTheDriverEnds() {
        String id = client.create("home", "v", MIB).getVolumeId();
        Path target = driver.place(id + "-t");
        client.stage(id, driver.place(id));
        client.publish(id, driver.place(id), target);
        server.stop();
        NfsOutage.withinBound(() -> client.unpublish(id, target));
        NfsOutage.withinBound(() -> client.unstage(id, driver.place(id)));
        assertThat(target).doesNotExist();
        assertThat(MountTable.below(driver.place(""))).isEmpty();
        NfsOutage.withinBound(() -> assertThat(driver.terminate()).isZero());

        driver.restart();
        client = driver.client();
        NfsOutage.unavailable(() -> client.delete(id));
        server.resume();
        Await.until(
                Duration.ofSeconds(30),
                () -> NfsOutage.succeeds(() -> client.delete(id)),
                () -> "a delete after the server's return" + driver.log());
        driver.assertNothingLeftIn(server.xfsOnServer());
    }

    /** The kernel closes what a process leaves open when it ends, and waits for the server. */
    @Test
    void theDriverEndsThoughItSeesOnlyThenThatTheServerIsSilent() {
        client.create("home", "v", MIB);
        server.stop();
        CompletableFuture<Boolean> underWay =
                CompletableFuture.supplyAsync(() -> NfsOutage.succeeds(() -> client.create("home", "meanwhile", MIB)));
        assertThat(driver.terminate()).isZero(); // which has a bound of its own
        assertThat(underWay.join()).isFalse();
    }

    @Test
    void aDriverThatWasKilledMeanwhileIsReplacedThoughItCannotEnd() {
        String id = client.create("home", "v", MIB).getVolumeId();
        server.stop();
        Process killed = driver.replaceKilled();
        client = driver.client();
        NfsOutage.unavailable(() -> client.delete(id));
        server.resume();
        Await.until(Duration.ofMinutes(1), () -> !killed.isAlive(), () -> "the killed driver is still there");
        Await.until(
                Duration.ofMinutes(1),
                () -> NfsOutage.succeeds(() -> client.delete(id)),
                () -> "a delete after the server's return" + driver.log());
        driver.assertNothingLeftIn(server.xfsOnServer());
    }
}
