package io.berth.pool;

import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.service.LostRecords;
import io.berth.service.Volumes;
import io.berth.volume.CapacityRange;
import io.berth.volume.NodeId;
import io.berth.volume.OnDelete;
import io.berth.volume.PoolName;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** What a check sees, and what it does not stumble over. */
class PoolCheckTest {
    private static final NodeId HERE = new NodeId("here");

    @TempDir
    Path folder;

    private PoolConfig config;
    private Pools pools;
    private Volumes volumes;

    @BeforeEach
    void open() {
        open(folder);
    }

    private void open(Path parent) {
        config = TemporaryPool.config(parent, "fast", "local", "");
        pools = Pools.serving(List.of(config), Optional.of(HERE));
        volumes = new Volumes(pools, Clock.systemUTC());
    }

    @AfterEach
    void close() {
        pools.close();
    }

    private Pool pool() {
        return pools.get(new PoolName("fast"));
    }

    private Path records() {
        return config.root().resolve(".berth");
    }

    private Volume create(String name, String... subDir) {
        Map<String, String> parameters = subDir.length == 0 ? Map.of() : Map.of("subDir", subDir[0]);
        return volumes.create(
                new Volumes.Wanted(name, CapacityRange.atLeast(1), VolumeParameters.parse(parameters), false));
    }

    private static List<PoolCheck.Finding> check(Pool pool, boolean repair) {
        List<PoolCheck.Finding> findings = new ArrayList<>();
        PoolCheck.run(pool, repair, findings::add);
        return findings;
    }

    @Test
    void whatIsNoClaimIsToldOfAndTheCheckGoesOn() throws IOException {
        create("v", "a/b");
        Files.createDirectory(config.root().resolve("fast.stranger"));
        Path claims = records().resolve("paths/a");
        shell(claims, "mkfifo fifo; ln -s b link; head -c 100000 /dev/zero > long; echo no id > text; mkdir -p d/e/f");

        assertThat(check(pool(), false))
                .extracting(PoolCheck.Finding::subject)
                .containsExactlyInAnyOrder(
                        "fast.stranger",
                        claims.resolve("fifo").toString(),
                        claims.resolve("link").toString(),
                        claims.resolve("long").toString(),
                        claims.resolve("text").toString());
    }

    @Test
    void whatIsCountedAsANodesButNotGivenToItIsRepaired() {
        VolumeId id = create("v").id();
        pool().nodes().reserve(HERE, id);
        pool().nodes().reserve(HERE, VolumeId.parse("fast.gone").orElseThrow());

        assertThat(check(pool(), true))
                .hasSize(2)
                .allMatch(finding -> finding.state() == PoolCheck.Finding.State.REPAIRED);
        assertThat(pool().nodes().volumes(HERE)).isEmpty();
        assertThat(check(pool(), false)).isEmpty();
    }

    @Test
    void aDamagedRecordOfAGroupIsToldOf() throws IOException {
        Pool pool = pool();
        Files.writeString(records().resolve("snapshots/groups/ready/fast.g.json"), "{ }");

        assertThat(check(pool, false))
                .singleElement()
                .satisfies(finding -> assertThat(finding.subject()).contains("fast.g"));
    }

    /** A disk that is to be rescued is mounted read-only. */
    @Test
    void aReadOnlyDiskCanBeLookedAt() {
        pools.close();
        try (TestFileSystem disk = TestFileSystem.mount("ext4", 16 << 20)) {
            open(disk.root());
            create("v");
            create("w", "a/b");
            pools.close();
            shell(disk.root(), "mkdir fast/fast.stranger; mount -o remount,ro .");

            pools = Pools.beside(List.of(config));
            assertThat(new Volumes(pools, Clock.systemUTC()).list("", 10).volumes())
                    .hasSize(2);
            assertThat(check(pool(), false))
                    .extracting(PoolCheck.Finding::subject)
                    .containsExactly("fast.stranger");
            pools.close();
        }
    }

    @Test
    void newRecordsBesideFoldersOfVolumesAreWarnedOf() throws IOException {
        Files.createDirectory(config.root().resolve("fast.old"));
        Logger logger = (Logger) LoggerFactory.getLogger(Pool.class);
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        logger.addAppender(log);
        try {
            pool();
        } finally {
            logger.detachAppender(log);
        }
        assertThat(log.list)
                .singleElement()
                .satisfies(
                        event -> assertThat(event.getFormattedMessage()).contains("fast.old", "berth volumes adopt"));
    }

    @Test
    void aFolderWhoseRecordWasLostIsAVolumeAgain() throws IOException {
        create("v");
        Path data = config.root().resolve("fast.v");
        shell(data, "echo hello > file; chown 7:8 .; chmod 2770 .");
        Files.delete(records().resolve("volumes/fast.v.json"));
        Files.createDirectory(config.root().resolve("fast.image"));
        Files.createFile(config.root().resolve("fast.image/volume.img"));
        LostRecords lost = new LostRecords(pools, volumes);

        Volume adopted = lost.adopt("fast.v", 5 << 20);

        assertThat(lost.adopt("fast.v", 5 << 20)).isEqualTo(adopted);
        assertThat(adopted.onDelete()).isEqualTo(OnDelete.RETAIN);
        assertThat(adopted.adopted()).isTrue();
        assertThat(adopted.capacityBytes()).isEqualTo(5 << 20);
        assertThat(shell(data, "stat -c %u:%g:%a .")).isEqualTo("7:8:2770\n");
        assertThat(check(pool(), false)).extracting(PoolCheck.Finding::subject).containsExactly("fast.image");
        volumes.delete("fast.v");
        assertThat(data.resolve("file")).hasContent("hello");
        assertThatThrownBy(() -> lost.adopt("fast.image", 1))
                .isInstanceOf(Fault.class)
                .hasMessageContaining("image");
        assertThatThrownBy(() -> lost.adopt("fast.never", 1)).hasMessageContaining("there is no folder");
    }
}
