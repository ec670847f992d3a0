package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.fault.Fault;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.volume.CapacityRange;
import io.berth.volume.Format;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VolumesTest {
    private static final long MIB = 1L << 20;

    @TempDir
    Path folder;

    private Pools pools;
    private Volumes volumes;
    private Path fast;
    private Path shared;

    @BeforeEach
    void open() {
        start();
        fast = folder.resolve("fast");
        shared = folder.resolve("shared");
    }

    private void start() {
        pools = Pools.serving(List.of(
                TemporaryPool.config(folder, "fast", "local", ",size=1Gi"),
                TemporaryPool.config(folder, "shared", "hostpath", ",size=1Gi,overcommit=2")));
        volumes = new Volumes(pools, Clock.systemUTC());
    }

    private void restart() {
        pools.close();
        start();
    }

    @AfterEach
    void close() {
        pools.close();
    }

    private static Volumes.Wanted wanted(String name, long bytes, String... parameters) {
        Map<String, String> strings = new java.util.HashMap<>(Map.of("pool", "fast"));
        for (int i = 0; i < parameters.length; i += 2) {
            strings.put(parameters[i], parameters[i + 1]);
        }
        return new Volumes.Wanted(name, CapacityRange.atLeast(bytes), VolumeParameters.parse(strings), false);
    }

    private static Consumer<Throwable> kind(Fault.Kind kind) {
        return thrown -> assertThat(thrown)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(kind));
    }

    @Test
    void aVolumeIsMadeOnceAndFoundAgain() {
        Volume volume = volumes.create(wanted("v", MIB));
        assertThat(volume.id()).hasToString("fast.v");
        assertThat(volume.capacityBytes()).isEqualTo(MIB);
        assertThat(fast.resolve("fast.v")).isEmptyDirectory();
        assertThat(volumes.create(wanted("v", MIB))).isEqualTo(volume);
        restart();
        assertThat(volumes.get("fast.v")).isEqualTo(volume);
    }

    @Test
    void theSameNameWithOtherWishesIsRefused() {
        volumes.create(wanted("v", MIB));
        for (Volumes.Wanted other :
                List.of(wanted("v", 2 * MIB), wanted("v", MIB, "uid", "1"), wanted("v", MIB, "onDelete", "retain"))) {
            assertThatThrownBy(() -> volumes.create(other)).satisfies(kind(Fault.Kind.ALREADY_EXISTS));
        }
    }

    @Test
    void aLocalPoolHasNoMultiNodeVolumes() {
        VolumeParameters parameters = VolumeParameters.parse(Map.of("pool", "fast"));
        assertThatThrownBy(() -> volumes.create(new Volumes.Wanted("v", CapacityRange.ANY, parameters, true)))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageContaining("local");
        assertThat(TemporaryPool.names(fast)).containsExactly(".berth");
    }

    @Test
    void thePoolMustBeNamedWhereThereAreSeveral() {
        assertThatThrownBy(() -> volumes.create(
                        new Volumes.Wanted("v", CapacityRange.ANY, VolumeParameters.parse(Map.of()), false)))
                .hasMessageContaining("fast, shared");
    }

    @Test
    void aDeletedVolumeIsGoneAndDeletedAgain() throws Exception {
        volumes.create(wanted("v", MIB));
        Files.writeString(fast.resolve("fast.v/file"), "x");
        volumes.delete("fast.v");
        volumes.delete("fast.v");
        assertThat(volumes.find("fast.v")).isEmpty();
        assertThat(TemporaryPool.names(fast)).containsExactly(".berth");
        assertThat(TemporaryPool.names(fast.resolve(".berth/trash"))).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"../x", "a/b", "fast.../x", "fast.", "nopool.x", "fast.\0", "fast.x\n", "/etc", "fast.v/../w"})
    void idsThatNoVolumeHasAreNoVolumes(String id) {
        volumes.create(wanted("v", MIB));
        volumes.delete(id);
        assertThat(volumes.find(id)).isEmpty();
        assertThatThrownBy(() -> volumes.get(id)).satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThatThrownBy(() -> volumes.expand(id, CapacityRange.atLeast(MIB))).satisfies(kind(Fault.Kind.NOT_FOUND));
        assertThat(volumes.find("fast.v")).isPresent();
    }

    @Test
    void whatLiesAtThePathAlreadyIsNotTaken() throws Exception {
        Files.createDirectory(fast.resolve("fast.v"));
        assertThatThrownBy(() -> volumes.create(wanted("v", MIB)))
                .satisfies(kind(Fault.Kind.ALREADY_EXISTS))
                .hasMessageContaining(fast.resolve("fast.v").toString());
        assertThat(fast.resolve("fast.v")).isDirectory();
        assertThat(pools.get(volumes.create(wanted("w", MIB)).id().pool()).promisedBytes())
                .isEqualTo(MIB);
    }

    @Test
    void retainTakesWhatIsThereAndNeverDeletesIt() throws Exception {
        Path data = Files.createDirectories(fast.resolve("team/data"));
        Files.writeString(data.resolve("file"), "precious");
        Volume volume = volumes.create(wanted("v", MIB, "subDir", "team/data", "onDelete", "retain"));
        assertThat(volume.adopted()).isTrue();
        volumes.delete("fast.v");
        assertThat(data.resolve("file")).hasContent("precious");
        assertThat(volumes.create(wanted("w", MIB, "subDir", "team/data", "onDelete", "retain"))
                        .adopted())
                .isTrue();
    }

    @Test
    void twoVolumesNeverShareAPathNorLieInEachOther() {
        volumes.create(wanted("v", MIB, "subDir", "team/data"));
        for (String path : List.of("team/data", "team/data/inner", "team")) {
            assertThatThrownBy(() -> volumes.create(wanted("w", MIB, "subDir", path, "onDelete", "retain")))
                    .satisfies(kind(Fault.Kind.ALREADY_EXISTS));
        }
        volumes.create(wanted("w", MIB, "subDir", "team/other"));
        volumes.delete("fast.v");
        volumes.create(wanted("x", MIB, "subDir", "team/data"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"team/data", "team/data/inner", "team"})
    void whoeverHasAPathAlreadyIsNamedAndTheAdviceHelps(String path) {
        volumes.create(wanted("v", MIB, "subDir", "team/data"));
        for (String onDelete : List.of("delete", "retain")) {
            assertThatThrownBy(() -> volumes.create(wanted("w", MIB, "subDir", path, "onDelete", onDelete)))
                    .satisfies(kind(Fault.Kind.ALREADY_EXISTS))
                    .hasMessageStartingWith("volume fast.w: subDir \"" + path + "\"")
                    .hasMessageContaining("volume fast.v lies there")
                    .hasMessageContaining("${pv.metadata.name}")
                    .hasMessageNotContaining("retain");
        }
        volumes.create(wanted("w", MIB, "subDir", "team/${pv.metadata.name}", "csi.storage.k8s.io/pv/name", "pvc-1"));
        volumes.delete("fast.w");
        volumes.delete("fast.v");
        assertThat(volumes.create(wanted("x", MIB, "subDir", "team/data")).path())
                .hasToString("team/data");
    }

    @ParameterizedTest
    @ValueSource(strings = {"fast.other", "fast.other/x", "archived-x"})
    void namesThatBerthGivesItselfAreRefused(String path) {
        assertThatThrownBy(() -> volumes.create(wanted("v", MIB, "subDir", "/" + path)))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageStartingWith("subDir \"/" + path + "\": gives the path \"" + path + "\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"nfs", "zfs", "btrfs", "ext3", "ext4"})
    void aDirectoryHasTheFileSystemOfItsPoolWhateverIsAsked(String fsType) {
        Volumes.Wanted directory = withFsType(fsType, "fsType", "xfs");
        assertThat(volumes.create(directory).id()).hasToString("fast.v");
        assertThat(volumes.create(directory).id()).hasToString("fast.v");
    }

    @Test
    void anImageIsFormattedWithWhatCanBeHadOrRefused() {
        assertThatThrownBy(() -> volumes.create(withFsType("btrfs", "format", "image")))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageContaining("\"btrfs\": ext4 | xfs");
        assertThatThrownBy(() -> volumes.create(withFsType("ext4", "format", "image", "fsType", "xfs")))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageContaining("fs_type is ext4");
    }

    private static Volumes.Wanted withFsType(String fsType, String... parameters) {
        Volumes.Wanted wanted = wanted("v", MIB, parameters);
        return new Volumes.Wanted(
                "v", wanted.capacity(), wanted.parameters(), false, false, Optional.of(fsType), Optional.empty());
    }

    @Test
    void aLargestSizeAloneGetsWhatThereIsUpToIt() {
        Volumes.Wanted whole = new Volumes.Wanted(
                "v", new CapacityRange(0, 1L << 62), VolumeParameters.parse(Map.of("pool", "fast")), false);
        assertThat(volumes.create(wanted("w", MIB)).capacityBytes()).isEqualTo(MIB);
        Volume volume = volumes.create(whole);
        assertThat(volume.capacityBytes()).isEqualTo((1L << 30) - MIB);
        assertThat(volumes.create(whole)).isEqualTo(volume);
        volumes.delete("fast.v");
        assertThat(volumes.create(new Volumes.Wanted("v", new CapacityRange(0, 5 * MIB), whole.parameters(), false))
                        .capacityBytes())
                .isEqualTo(5 * MIB);
    }

    /** Nobody who names no size expects an end of it, whatever the file system can hold a volume by. */
    @Test
    void aVolumeWithoutASizeIsAPlainDirectoryWithoutALimit() throws IOException {
        Path plain = Files.createDirectory(folder.resolve("plain"));
        try (Pools local = Pools.serving(List.of(PoolConfig.parse("plain=local:" + plain)))) {
            Volumes there = new Volumes(local, Clock.systemUTC());
            VolumeParameters none = VolumeParameters.parse(Map.of());
            Volume unsized = there.create(new Volumes.Wanted("v", CapacityRange.ANY, none, false));
            Volume sized = there.create(new Volumes.Wanted("w", CapacityRange.atLeast(64 * MIB), none, false));
            Volume limited = there.create(new Volumes.Wanted(
                    "x", CapacityRange.ANY, VolumeParameters.parse(Map.of("format", "image")), false));

            assertThat(unsized.format()).isEqualTo(Format.Directory.ADVISORY);
            assertThat(unsized.capacityBytes()).isZero();
            assertThat(plain.resolve("plain.v")).isDirectory();
            assertThat(sized.format()).isNotEqualTo(Format.Directory.ADVISORY);
            assertThat(limited.format()).isInstanceOf(Format.Image.class);
        }
    }

    @Test
    void aClassOfLocalPathProvisionerNamesThePoolByItsFolder() {
        VolumeParameters named = VolumeParameters.parse(Map.of("nodePath", shared + "/"));
        assertThat(volumes.pool(named)).map(Object::toString).contains("shared");
        Volume volume = volumes.create(new Volumes.Wanted("v", CapacityRange.atLeast(MIB), named, false));
        assertThat(volume.id()).hasToString("shared.v");
        assertThat(volume.ownership().mode()).isEqualTo(0777);
        for (Map<String, String> refused : List.of(
                Map.of("nodePath", "/data"),
                Map.of("nodePath", shared + "/.berth"),
                Map.of("nodePath", shared.toString(), "pool", "shared"))) {
            assertThatThrownBy(() -> volumes.create(
                            new Volumes.Wanted("w", CapacityRange.ANY, VolumeParameters.parse(refused), false)))
                    .satisfies(kind(Fault.Kind.INVALID_ARGUMENT))
                    .hasMessageStartingWith("nodePath \"" + refused.get("nodePath"));
        }
    }

    @Test
    void optionsOfNfsAreRefusedOfAPoolThatIsNoExportBeforeAnythingIsMade() {
        Optional<io.berth.volume.PoolName> pool = Optional.of(new io.berth.volume.PoolName("fast"));
        assertThatThrownBy(() -> volumes.requireMountable(
                        pool, io.berth.nfs.NfsOptions.parse("mount_flags", List.of("noatime,hard,defaults"))))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageContaining("hard")
                .hasMessageContaining("pool fast");
        volumes.requireMountable(
                pool, io.berth.nfs.NfsOptions.parse("mount_flags", List.of("noatime,defaults,_netdev")));
    }

    @Test
    void anArchiveIsBroughtBackAndNeverCollides() throws Exception {
        List<String> archives = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            volumes.create(wanted("v", MIB, "onDelete", "archive"));
            Files.writeString(fast.resolve("fast.v/file"), "life " + i);
            volumes.delete("fast.v");
        }
        pools.get(new io.berth.volume.PoolName("fast"))
                .volumes()
                .catalog()
                .forEachArchived(name -> archives.add(name.toString()));
        assertThat(archives).hasSize(3);
        assertThat(fast.resolve("fast.v")).doesNotExist();
        archives.sort(null);
        String second = archives.get(1);
        assertThat(volumes.restore(second).id()).hasToString("fast.v");
        assertThat(fast.resolve("fast.v/file")).hasContent("life 1");
        assertThatThrownBy(() -> volumes.restore(archives.getFirst())).satisfies(kind(Fault.Kind.ALREADY_EXISTS));
        assertThatThrownBy(() -> volumes.restore(second)).isInstanceOf(Fault.class);
    }

    @Test
    void whatANamespaceLeftIsTakenByNoOther() {
        String namespace = "csi.storage.k8s.io/pvc/namespace";
        volumes.create(wanted("a", MIB, "onDelete", "retain", "subDir", "team-a-b", namespace, "team-a"));
        volumes.delete("fast.a");
        for (Volumes.Wanted other : List.of(
                wanted("b", MIB, "onDelete", "retain", "subDir", "team-a-b", namespace, "team"),
                wanted("c", MIB, "onDelete", "retain", "subDir", "team-a-b"))) {
            assertThatThrownBy(() -> volumes.create(other))
                    .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                    .hasMessageContaining("team-a");
        }
        assertThat(volumes.create(wanted("d", MIB, "onDelete", "retain", "subDir", "team-a-b", namespace, "team-a"))
                        .adopted())
                .isTrue();
    }

    @Test
    void aRetainedVolumeIsBroughtBackWhereItLies() throws Exception {
        volumes.create(wanted("v", MIB, "onDelete", "retain", "subDir", "data"));
        Files.writeString(fast.resolve("data/file"), "kept");
        volumes.delete("fast.v");
        List<String> archives = new ArrayList<>();
        pools.get(new io.berth.volume.PoolName("fast"))
                .volumes()
                .catalog()
                .forEachArchived(name -> archives.add(name.toString()));
        volumes.restore(archives.getFirst());
        assertThat(volumes.get("fast.v").path()).hasToString("data");
        assertThat(fast.resolve("data/file")).hasContent("kept");
    }

    @Test
    void capacityIsPromisedOnceAndGivenBack() {
        long size = 1L << 30;
        volumes.create(wanted("v", size - MIB));
        assertThatThrownBy(() -> volumes.create(wanted("w", 2 * MIB)))
                .satisfies(kind(Fault.Kind.RESOURCE_EXHAUSTED))
                .hasMessageContaining("fast");
        assertThatThrownBy(() -> volumes.expand("fast.v", CapacityRange.atLeast(size + 1)))
                .satisfies(kind(Fault.Kind.RESOURCE_EXHAUSTED));
        assertThat(available("fast")).isEqualTo(MIB);
        volumes.expand("fast.v", CapacityRange.atLeast(size));
        assertThat(available("fast")).isZero();
        restart();
        assertThat(available("fast")).isZero();
        volumes.delete("fast.v");
        assertThat(available("fast")).isEqualTo(size);
        assertThat(available("shared")).isEqualTo(2 * size);
    }

    private long available(String pool) {
        return volumes.availableBytes(Optional.of(new io.berth.volume.PoolName(pool)), false);
    }

    @Test
    void aVolumeGrowsAndNeverShrinks() {
        volumes.create(wanted("v", 4 * MIB));
        assertThat(volumes.expand("fast.v", CapacityRange.atLeast(8 * MIB)).capacityBytes())
                .isEqualTo(8 * MIB);
        assertThat(volumes.expand("fast.v", CapacityRange.atLeast(MIB)).capacityBytes())
                .isEqualTo(8 * MIB);
        assertThatThrownBy(() -> volumes.expand("fast.v", CapacityRange.exactly(MIB)))
                .satisfies(kind(Fault.Kind.OUT_OF_RANGE));
        restart();
        assertThat(volumes.get("fast.v").capacityBytes()).isEqualTo(8 * MIB);
    }

    @Test
    void pagesHoldEveryVolumeOnceOverAllPools() {
        List<String> made = IntStream.range(0, 25)
                .mapToObj(i -> volumes.create(wanted("v" + i, MIB, "pool", i % 2 == 0 ? "fast" : "shared"))
                        .id()
                        .toString())
                .toList();
        List<String> listed = new ArrayList<>();
        Optional<String> token = Optional.of("");
        while (token.isPresent()) {
            Volumes.Page page = volumes.list(token.get(), 4);
            assertThat(page.volumes()).hasSizeLessThanOrEqualTo(4);
            page.volumes().forEach(volume -> listed.add(volume.id().toString()));
            token = page.next();
        }
        assertThat(listed).containsExactlyInAnyOrderElementsOf(made);
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "fast", "fast:", "fast:g", "other:1", "fast:11111111111111111", "../fast:1"})
    void tokensThatNoPageGaveAreRefused(String token) {
        assertThatThrownBy(() -> volumes.list(token, 10)).satisfies(kind(Fault.Kind.BAD_TOKEN));
    }

    @Test
    void aDamagedRecordHarmsNoOtherVolume() throws Exception {
        volumes.create(wanted("bad", MIB));
        volumes.create(wanted("good", MIB));
        try (RandomAccessFile record = new RandomAccessFile(
                fast.resolve(".berth/volumes/fast.bad.json").toFile(), "rw")) {
            record.setLength(40);
        }
        assertThatThrownBy(() -> volumes.delete("fast.bad"))
                .satisfies(kind(Fault.Kind.CORRUPT))
                .hasMessageContaining("fast.bad");
        assertThat(fast.resolve("fast.bad")).isDirectory();
        assertThat(volumes.list("", 0).volumes())
                .extracting(volume -> volume.id().name())
                .containsExactly("good");
        volumes.delete("fast.good");
    }

    @Test
    void anotherProcessOnThePoolSeesTheSame() {
        volumes.create(wanted("v", MIB));
        try (Pools others = Pools.beside(pools.configs())) {
            Volumes beside = new Volumes(others, Clock.systemUTC());
            assertThat(beside.get("fast.v").capacityBytes()).isEqualTo(MIB);
            beside.delete("fast.v");
        }
        assertThat(volumes.find("fast.v")).isEmpty();
        volumes.create(wanted("v", 2 * MIB));
    }

    @Test
    void aPoolOfAnotherNameIsNotTouched() {
        volumes.create(wanted("v", MIB));
        try (Pools wrong = Pools.serving(List.of(io.berth.pool.PoolConfig.parse("slow=local:" + fast)))) {
            assertThatThrownBy(() -> wrong.get(new io.berth.volume.PoolName("slow")))
                    .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                    .hasMessageContaining("pool fast");
        }
    }

    @Test
    void aMissingFolderHarmsNoOtherPoolAndComesBack() throws Exception {
        pools.close();
        Files.move(fast, folder.resolve("away"));
        pools = Pools.serving(List.of(
                io.berth.pool.PoolConfig.parse("fast=local:" + fast),
                io.berth.pool.PoolConfig.parse("shared=hostpath:" + shared)));
        volumes = new Volumes(pools, Clock.systemUTC());
        assertThatThrownBy(() -> volumes.create(wanted("v", MIB)))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("pool fast");
        assertThat(pools.problem()).isPresent();
        volumes.create(wanted("v", MIB, "pool", "shared"));
        Files.move(folder.resolve("away"), fast);
        volumes.create(wanted("v", MIB));
        assertThat(pools.problem()).isEmpty();
    }
}
