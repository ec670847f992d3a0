package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.mount.Mounts;
import io.berth.pool.Pools;
import io.berth.volume.AccessMode;
import io.berth.volume.CapacityRange;
import io.berth.volume.HealthProblem;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pool fast lies on a tmpfs of 4 MiB, so that it can be full and read-only; pool slow on the disk. */
class HealthTest {
    private static final int MIB = 1 << 20;

    @TempDir
    Path folder;

    private Path fast;
    private Path slow;
    private Pools pools;
    private Volumes volumes;
    private NodeVolumes node;
    private Health health;

    @BeforeEach
    void open() throws Exception {
        fast = Files.createDirectory(folder.resolve("fast"));
        slow = Files.createDirectory(folder.resolve("slow"));
        Path allowed = Files.createDirectory(folder.resolve("allowed"));
        Mounts.tmpfs("fast", fast, 4L * MIB, 0755, 0, 0, Set.of());
        pools = Pools.serving(List.of(
                TemporaryPool.config(folder, "fast", "local", ""),
                TemporaryPool.config(folder, "slow", "hostpath", "")));
        volumes = new Volumes(pools, Clock.systemUTC());
        HostPaths hostPaths = new HostPaths(List.of(allowed));
        node = new NodeVolumes(pools, volumes, hostPaths);
        health = new Health(pools, volumes, hostPaths);
        assertThat(pools.problem()).isEmpty(); // opens them all
    }

    @AfterEach
    void close() {
        pools.close();
        TemporaryPool.unmountBelow(folder);
    }

    private String create(String pool, String name) {
        return volumes.create(new Volumes.Wanted(
                        name, CapacityRange.ANY, VolumeParameters.parse(Map.of("pool", pool)), false))
                .id()
                .toString();
    }

    private static List<String> reasons(List<HealthProblem> problems) {
        return problems.stream().map(problem -> problem.reason().toString()).toList();
    }

    private void fill() throws IOException {
        try (var out = Files.newOutputStream(fast.resolve("filler"))) {
            out.write(new byte[4 * MIB]);
        } catch (IOException full) {
            assertThat(full).hasMessageContaining("No space left");
        }
    }

    @Test
    void aVolumeThatIsWellHasNoProblems() {
        String id = create("fast", "v");
        assertThat(health.ofVolume(id)).isEmpty();
        assertThat(health.onNode(id, List.of())).isEmpty();
        assertThat(health.list("", 0).volumes()).isEmpty();
        assertThat(health.ofStorage()).isEmpty();
    }

    @Test
    void aVolumeThatIsNotThereIsNotFound() {
        for (String id : List.of("fast.none", "other.v", "nonsense", "../fast.v", "")) {
            assertThatThrownBy(() -> health.ofVolume(id))
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.NOT_FOUND));
            assertThatThrownBy(() -> health.onNode(id, List.of(folder)))
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.NOT_FOUND));
        }
    }

    @Test
    void aFolderThatIsGoneIsDataMissing() throws Exception {
        String id = create("slow", "v");
        Files.delete(slow.resolve(id));
        assertThat(health.ofVolume(id)).singleElement().satisfies(problem -> {
            assertThat(problem.reason()).hasToString("DataMissing");
            assertThat(problem.reason().severity()).isEqualTo(HealthProblem.Severity.DATA_LOSS);
            assertThat(problem.message()).contains(slow.resolve(id).toString());
        });
        Files.createFile(slow.resolve(id));
        assertThat(reasons(health.ofVolume(id))).containsExactly("DataMissing");
        assertThat(health.ofVolume(id).getFirst().message()).startsWith("a file lies where its folder was");
        Files.delete(slow.resolve(id));
        Files.createSymbolicLink(slow.resolve(id), folder);
        assertThat(reasons(health.ofVolume(id))).containsExactly("DataMissing");
    }

    @Test
    void aDamagedRecordIsTold() throws Exception {
        String id = create("slow", "v");
        Path record = slow.resolve(".berth/volumes/" + id + ".json");
        Files.writeString(record, Files.readString(record).replace("\"uid\" : 0", "\"uid\" : 1"));
        assertThat(reasons(health.ofVolume(id))).containsExactly("RecordDamaged");
        assertThat(reasons(health.onNode(id, List.of()))).containsExactly("RecordDamaged");
        assertThat(health.list("", 0).volumes()).singleElement().satisfies(volume -> {
            assertThat(volume.id()).isEqualTo(id);
            assertThat(reasons(volume.problems())).containsExactly("RecordDamaged");
        });
    }

    @Test
    void aFileSystemThatMetAnErrorIsToldToBeReadOnly() {
        try (TestFileSystem ext4 = TestFileSystem.mount("ext4", 64 * MIB)) {
            String root = ext4.root().toString();
            TestFileSystem.run("mount", "-o", "remount,errors=remount-ro", root);
            try (Pools ofExt4 = Pools.serving(List.of(TemporaryPool.config(ext4.root(), "ill", "local", "")))) {
                Volumes made = new Volumes(ofExt4, Clock.systemUTC());
                Health judge = new Health(ofExt4, made, new HostPaths(List.of()));
                String id = made.create(
                                new Volumes.Wanted("v", CapacityRange.ANY, VolumeParameters.parse(Map.of()), false))
                        .id()
                        .toString();
                assertThat(judge.ofVolume(id)).isEmpty();
                TestFileSystem.shell(
                        ext4.root(), "echo 1 > /sys/fs/ext4/$(basename $(findmnt -no SOURCE .))/trigger_fs_error");
                assertThat(reasons(judge.ofVolume(id))).containsExactly("ReadOnlyFileSystem");
                assertThat(reasons(judge.ofStorage())).containsExactly("ReadOnlyFileSystem");
                assertThat(ofExt4.problem())
                        .hasValueSatisfying(
                                problem -> assertThat(problem.kind()).isEqualTo(Fault.Kind.FAILED_PRECONDITION));
            }
        }
    }

    @Test
    void aLimitThatIsNotEnforcedIsLost() {
        try (TestFileSystem btrfs = TestFileSystem.withQuotas("btrfs", 256 * MIB)) {
            try (Pools limited =
                    Pools.serving(List.of(TemporaryPool.config(btrfs.root(), "strict", "local", ",limit=enforced")))) {
                Volumes made = new Volumes(limited, Clock.systemUTC());
                Health judge = new Health(limited, made, new HostPaths(List.of()));
                String id = made.create(new Volumes.Wanted(
                                "v", CapacityRange.exactly(8 * MIB), VolumeParameters.parse(Map.of()), false))
                        .id()
                        .toString();
                assertThat(judge.ofVolume(id)).isEmpty();
                TestFileSystem.shell(btrfs.root(), TestFileSystem.LOSE_COUNT);
                assertThat(judge.ofVolume(id)).singleElement().satisfies(problem -> {
                    assertThat(problem.reason()).hasToString("LimitLost");
                    assertThat(problem.message()).contains("btrfs has lost count");
                });
                TestFileSystem.shell(btrfs.root(), "btrfs quota rescan -w .");
                assertThat(judge.ofVolume(id)).isEmpty();
                TestFileSystem.shell(btrfs.root(), "btrfs qgroup limit none strict/" + id);
                assertThat(reasons(judge.ofVolume(id))).containsExactly("LimitLost");
            }
        }
    }

    @Test
    void aVolumeWithLittleRoomIsNearlyFull() throws Exception {
        String id = create("fast", "v");
        fill();
        assertThat(reasons(health.ofVolume(id))).containsExactly("NearlyFull");
        assertThat(health.ofStorage()).singleElement().satisfies(problem -> {
            assertThat(problem.reason()).hasToString("NearlyFull");
            assertThat(problem.message()).startsWith("pool fast: ");
        });
    }

    @Test
    void aPoolWhoseDiskWasTakenAwayIsUnreachable() {
        String id = create("fast", "v");
        Mounts.unmount(fast);
        assertThat(reasons(health.ofVolume(id))).containsExactly("PoolUnreachable");
        assertThat(health.ofStorage()).singleElement().satisfies(problem -> {
            assertThat(problem.reason()).hasToString("PoolUnreachable");
            assertThat(problem.message()).startsWith("pool fast: ");
        });
    }

    @Test
    void aPoolThatCannotBeOpenedIsUnreachable() throws Exception {
        try (Pools missing = Pools.serving(List.of(
                io.berth.pool.PoolConfig.parse("a=local:" + folder.resolve("a")),
                io.berth.pool.PoolConfig.parse("b=local:" + folder.resolve("b"))))) {
            Health lost = new Health(missing, new Volumes(missing, Clock.systemUTC()), new HostPaths(List.of()));
            assertThat(reasons(lost.ofVolume("a.v"))).containsExactly("PoolUnreachable");
            assertThat(lost.ofStorage())
                    .singleElement()
                    .satisfies(problem -> assertThat(problem.message()).contains("pool a: ", "pool b: "));
            assertThatThrownBy(() -> lost.list("", 0)).isInstanceOf(Fault.class);
        }
    }

    @Test
    void aMountThatIsGoneIsTold() {
        String id = create("fast", "v");
        Path staging = folder.resolve("staging");
        Path target = folder.resolve("target");
        node.stage(id, staging, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of());
        node.publish(new PublishRequest(
                id,
                Optional.of(staging),
                target,
                AccessMode.SINGLE_NODE_WRITER,
                Set.of(),
                OptionalLong.empty(),
                Map.of()));
        assertThat(health.onNode(id, List.of(staging, target))).isEmpty();
        Mounts.unmount(target);
        assertThat(health.onNode(id, List.of(staging, target))).singleElement().satisfies(problem -> {
            assertThat(problem.reason()).hasToString("MountLost");
            assertThat(problem.message()).contains(target.toString()).doesNotContain(staging.toString());
        });
        assertThat(health.onNode(id, List.of())).isEmpty();
    }

    @Test
    void aVolumeInMemoryIsKnownByItsMount() throws Exception {
        Path target = folder.resolve("target");
        node.publish(new PublishRequest(
                "csi-1",
                Optional.empty(),
                target,
                AccessMode.SINGLE_NODE_WRITER,
                Set.of(),
                OptionalLong.empty(),
                Map.of("csi.storage.k8s.io/ephemeral", "true", "medium", "Memory", "size", "1Mi")));
        assertThat(health.onNode("csi-1", List.of(target))).isEmpty();
        Files.write(target.resolve("file"), new byte[MIB]);
        assertThat(reasons(health.onNode("csi-1", List.of(target)))).containsExactly("NearlyFull");
        Files.delete(target.resolve("file"));
    }

    @Test
    void pagesHoldEveryVolumeThatIsNotWellAndNoOther() throws Exception {
        List<String> ill = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            String id = create("slow", "v" + i);
            if (i % 4 == 0) {
                Files.delete(slow.resolve(id));
                ill.add(id);
            }
        }
        List<String> found = new ArrayList<>();
        Optional<String> next = Optional.of("");
        while (next.isPresent()) {
            Health.Page page = health.list(next.get(), 2);
            assertThat(page.volumes()).hasSizeLessThanOrEqualTo(2);
            page.volumes().forEach(volume -> found.add(volume.id()));
            next = page.next();
        }
        assertThat(found).containsExactlyInAnyOrderElementsOf(ill);
        assertThatThrownBy(() -> health.list("nonsense", 2))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.BAD_TOKEN));
    }
}
