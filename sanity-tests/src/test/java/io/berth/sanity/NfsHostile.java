package io.berth.sanity;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.uml.KernelNfsServer;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What somebody can do who reaches the whole export, past the driver. Runs on a kernel of its own. */
class NfsHostile {
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
        driver.close();
        Driver.unmountBelow(Path.of("/run/berth")); // a killed driver leaves its mount for the next
    }

    @Test
    void aRecordThatWasReplacedOnTheShareStopsItsOwnVolumeAlone() throws IOException {
        client.create("home", "sound", MIB);
        client.create("home", "forged", MIB);
        Path records = server.xfsOnServer().resolve(".berth/volumes");
        Path record = records.resolve("home.forged.json");
        String own = Files.readString(record);
        for (String forged : List.of(
                Files.readString(records.resolve("home.sound.json")),
                own.replace("\"path\" : \"home.forged\"", "\"path\" : \"home.sound\""),
                own.replace("\"path\" : \"home.forged\"", "\"path\" : \"../memory\""),
                "")) {
            assertThat(forged).isNotEqualTo(own);
            Files.writeString(record, forged);
            assertRefused();
        }
        Files.delete(record);
        Files.createSymbolicLink(record, records.resolve("home.sound.json"));
        assertRefused();

        Files.delete(record);
        Files.writeString(record, own);
        assertThat(driver.terminate())
                .isZero(); // and mounts anew, for the old mount may know the link for a minute yet
        driver.restart();
        client = driver.client();
        client.delete("home.forged");
        client.delete("home.sound");
        driver.assertNothingLeftIn(server.xfsOnServer());
    }

    private void assertRefused() {
        for (Runnable call : List.<Runnable>of(
                () -> client.stage("home.forged", driver.place("forged")), () -> client.delete("home.forged"))) {
            Failure failure = Failure.of(call);
            assertThat(failure.code()).as(failure.message()).isEqualTo(Status.Code.FAILED_PRECONDITION);
            assertThat(failure.message()).contains("home.forged");
        }
        client.stage("home.sound", driver.place("sound"));
        client.unstage("home.sound", driver.place("sound"));
        assertThat(MountTable.below(driver.place(""))).isEmpty();
        assertThat(server.xfsOnServer().resolve("home.forged")).isDirectory();
    }

    /** What is in the place of a volume is no more than that volume's. */
    @Test
    void aLinkInThePlaceOfAVolumeIsNotFollowed() throws IOException {
        client.create("home", "v", MIB);
        Path data = server.xfsOnServer().resolve("home.v");
        Files.delete(data);
        Files.createSymbolicLink(data, Path.of("/etc"));
        Failure failure = Failure.of(() -> client.stage("home.v", driver.place("s")));
        assertThat(failure.code()).as(failure.message()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(failure.message()).contains("home.v");
        assertThat(MountTable.below(driver.place(""))).isEmpty();
        client.delete("home.v");
        assertThat(data)
                .satisfies(path -> assertThat(Files.exists(path, LinkOption.NOFOLLOW_LINKS))
                        .isFalse());
        driver.assertNothingLeftIn(server.xfsOnServer());
    }
}
