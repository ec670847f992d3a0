package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.linux.FailingCalls;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.pool.PoolVolumes;
import io.berth.pool.Pools;
import io.berth.volume.AccessMode;
import io.berth.volume.CapacityRange;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.PoolName;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import io.berth.volume.VolumePath;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NodeVolumesTest {
    @TempDir
    Path folder;

    private Pools pools;
    private Volumes volumes;
    private NodeVolumes node;
    private Path staging;
    private Path target;
    private Path allowed;
    private Path fast;

    @BeforeEach
    void open() throws Exception {
        allowed = Files.createDirectory(folder.resolve("allowed"));
        pools = Pools.serving(List.of(
                TemporaryPool.config(folder, "fast", "local", ""),
                TemporaryPool.config(folder, "shared", "hostpath", "")));
        volumes = new Volumes(pools, Clock.systemUTC());
        node = new NodeVolumes(
                pools,
                volumes,
                new HostPaths(List.of(allowed)),
                new InlineRules(Set.of(new PoolName("fast")), OptionalLong.of(64 << 20)),
                Optional.empty());
        pools.problem(); // opens them all
        staging = folder.resolve("staging");
        target = folder.resolve("target");
        fast = folder.resolve("fast");
    }

    @AfterEach
    void close() {
        TemporaryPool.unmountBelow(folder);
        pools.close();
    }

    private List<MountPoint> mounts() {
        return MountTable.read().mounts().stream()
                .filter(mount -> mount.target().startsWith(folder))
                .toList();
    }

    private String create(String name) {
        return volumes.create(new Volumes.Wanted(
                        name, CapacityRange.atLeast(1 << 20), VolumeParameters.parse(Map.of("pool", "fast")), false))
                .id()
                .toString();
    }

    private void stage(String id) {
        node.stage(id, staging, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of());
    }

    private PublishRequest request(String id, Path path, AccessMode mode, MountOption... options) {
        return new PublishRequest(
                id, Optional.of(staging), path, mode, Set.of(options), OptionalLong.empty(), Map.of());
    }

    private static PublishRequest request(String handle, Path path, Map<String, String> context) {
        return new PublishRequest(
                handle, Optional.empty(), path, AccessMode.SINGLE_NODE_WRITER, Set.of(), OptionalLong.empty(), context);
    }

    private static Consumer<Throwable> kind(Fault.Kind kind) {
        return thrown -> assertThat(thrown)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(kind));
    }

    @Test
    void aVolumeGoesThroughItsLifeOnANode() throws Exception {
        String id = create("v");
        stage(id);
        node.publish(request(id, target, AccessMode.SINGLE_NODE_WRITER));
        Files.writeString(target.resolve("file"), "hello");
        assertThat(fast.resolve("fast.v/file")).hasContent("hello");
        assertThat(node.usage(id, target).totalBytes()).isPositive();
        assertThatThrownBy(() -> volumes.delete(id)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        node.unpublish(id, target);
        node.unpublish(id, target);
        assertThat(target).doesNotExist();
        node.unstage(id, staging);
        node.unstage(id, staging);
        assertThat(mounts()).isEmpty();
        volumes.delete(id);
    }

    @Test
    void aThousandPublishesLeaveOneMount() {
        String id = create("v");
        for (int i = 0; i < 1000; i++) {
            stage(id);
            node.publish(request(id, target, AccessMode.SINGLE_NODE_WRITER));
        }
        assertThat(mounts()).hasSize(2);
    }

    @Test
    void aReadOnlyPublishCannotBeWrittenAndIsNotChangedByTheNext() {
        String id = create("v");
        stage(id);
        node.publish(request(id, target, AccessMode.SINGLE_NODE_MULTI_WRITER, MountOption.RO, MountOption.NOEXEC));
        assertThatThrownBy(() -> Files.writeString(target.resolve("file"), "x")).hasMessageContaining("Read-only");
        assertThat(MountTable.read().at(target).orElseThrow().options()).contains("ro", "noexec");
        assertThatThrownBy(() -> node.publish(request(id, target, AccessMode.SINGLE_NODE_MULTI_WRITER)))
                .satisfies(kind(Fault.Kind.ALREADY_EXISTS));
    }

    @Test
    void aSingleWriterHasOneTargetAndManyWritersHaveMany() {
        String id = create("v");
        stage(id);
        Path second = folder.resolve("second");
        node.publish(request(id, target, AccessMode.SINGLE_NODE_SINGLE_WRITER));
        assertThatThrownBy(() -> node.publish(request(id, second, AccessMode.SINGLE_NODE_SINGLE_WRITER)))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining(target.toString());
        assertThat(second).doesNotExist();
        node.publish(request(id, second, AccessMode.SINGLE_NODE_MULTI_WRITER));
        assertThat(mounts()).hasSize(3);
    }

    @Test
    void aVolumeThatNobodyUnstagesIsUnstagedAfterItsLastTarget() {
        String id = create("v");
        stage(id);
        Path second = folder.resolve("second");
        node.publish(request(id, target, AccessMode.SINGLE_NODE_MULTI_WRITER));
        node.publish(request(id, second, AccessMode.SINGLE_NODE_MULTI_WRITER));
        node.unpublish(id, target);
        node.unstageUnused(id);
        assertThat(mounts()).extracting(MountPoint::target).containsExactlyInAnyOrder(staging, second);
        node.unpublish(id, second);
        node.unstageUnused(id);
        node.unstageUnused(id);
        assertThat(mounts()).isEmpty();
        volumes.delete(id);
    }

    @Test
    void aVolumeIsNotUnstagedWhileItIsBeingPublished() {
        String id = create("v");
        int files = 200;
        CompletableFuture<Void> writer = CompletableFuture.runAsync(
                () -> IntStream.range(0, files).forEach(file -> write(id, Integer.toString(file))));
        while (!writer.isDone()) {
            try {
                node.unstageUnused(id);
            } catch (Fault e) {
                assertThat(e).satisfies(kind(Fault.Kind.BUSY));
            }
        }
        writer.join();
        assertThat(fast.resolve(id).toFile().list()).hasSize(files);
    }

    /** Stages and publishes again where the volume was unstaged in between. */
    private void write(String id, String file) {
        boolean published = false;
        while (!published) {
            try {
                stage(id);
                node.publish(request(id, target, AccessMode.SINGLE_NODE_WRITER));
                published = true;
            } catch (Fault e) {
                assertThat(e.kind()).as(e.getMessage()).isIn(Fault.Kind.BUSY, Fault.Kind.FAILED_PRECONDITION);
            }
        }
        try {
            Files.createFile(target.resolve(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        node.unpublish(id, target);
    }

    @Test
    void aVolumeIsStagedBeforeItIsPublished() {
        String id = create("v");
        assertThatThrownBy(() -> node.publish(request(id, target, AccessMode.SINGLE_NODE_WRITER)))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("not staged");
        assertThat(target).doesNotExist();
    }

    @Test
    void aGroupGetsTheVolumeWithoutAWalk() throws Exception {
        String id = create("v");
        node.stage(id, staging, AccessMode.SINGLE_NODE_WRITER, OptionalLong.of(4242), Map.of());
        assertThat(Files.getAttribute(staging, "unix:gid")).isEqualTo(4242);
        assertThat((int) Files.getAttribute(staging, "unix:mode") & 07777).isEqualTo(02775);
    }

    @Test
    void whatIsAnotherVolumesIsNotUnmounted() {
        String one = create("one");
        String other = create("other");
        stage(one);
        node.publish(request(one, target, AccessMode.SINGLE_NODE_WRITER));
        assertThatThrownBy(() -> node.unpublish(other, target)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        assertThatThrownBy(
                        () -> node.stage(other, staging, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of()))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        assertThatThrownBy(() -> node.unpublish("whatever", Path.of("/proc")))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        assertThat(mounts()).hasSize(2);
    }

    @Test
    void aTargetThatHoldsSomethingStays() throws Exception {
        Files.createDirectory(target);
        Files.writeString(target.resolve("file"), "precious");
        assertThatThrownBy(() -> node.unpublish("fast.v", target))
                .hasMessageContainingAll("not empty", "\"file\"", "while no volume was mounted", "move them away")
                .hasMessageNotContaining("java.");
        assertThat(target.resolve("file")).exists();
    }

    @Test
    void aTargetThatCannotBeMadeIsRefusedWithTheReasonAlone() throws Exception {
        Files.writeString(folder.resolve("file"), "x");
        String id = create("v");
        stage(id);
        Path below = folder.resolve("file/target");
        assertThatThrownBy(() -> node.publish(request(id, below, AccessMode.SINGLE_NODE_WRITER)))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("Not a directory")
                .hasMessageNotContaining("Exception");
    }

    @Test
    void usageIsOfThisVolumeAtThisPathOnly() {
        String id = create("v");
        stage(id);
        assertThat(node.usage(id, staging).totalInodes()).isPositive();
        for (Path path : List.of(target, folder, fast)) {
            assertThatThrownBy(() -> node.usage(id, path)).satisfies(kind(Fault.Kind.NOT_FOUND));
        }
        assertThatThrownBy(() -> node.usage("fast.none", staging)).satisfies(kind(Fault.Kind.NOT_FOUND));
    }

    @Test
    void anInlineVolumeOnDiskLivesAsLongAsItIsPublished() throws Exception {
        Map<String, String> context =
                Map.of("csi.storage.k8s.io/ephemeral", "true", "pool", "fast", "size", "1Mi", "mode", "0770");
        node.publish(request("csi-0a1b", target, context));
        node.publish(request("csi-0a1b", target, context));
        Files.writeString(target.resolve("file"), "x");
        assertThat(volumes.get("fast.csi-0a1b").ephemeral()).isTrue();
        assertThat(node.usage("csi-0a1b", target).totalBytes()).isPositive();
        node.unpublish("csi-0a1b", target);
        assertThat(volumes.find("fast.csi-0a1b")).isEmpty();
        assertThat(mounts()).isEmpty();
        assertThat(TemporaryPool.names(fast)).containsExactly(".berth");
    }

    @Test
    void anInlineVolumeThatCannotBeMountedLeavesNoTrace() throws Exception {
        Files.writeString(target, "in the way");
        Map<String, String> context = Map.of("csi.storage.k8s.io/ephemeral", "true", "pool", "fast", "size", "1Mi");
        assertThatThrownBy(() -> node.publish(request("csi-0a1b", target, context)))
                .isInstanceOf(Fault.class);
        assertThat(volumes.find("fast.csi-0a1b")).isEmpty();
        assertThat(TemporaryPool.names(fast)).containsExactly(".berth");
        assertThat(target).hasContent("in the way");
    }

    @Test
    void anInlineVolumeInMemoryHasItsSize() {
        node.publish(request(
                "csi-0a1b", target, Map.of("csi.storage.k8s.io/ephemeral", "true", "medium", "Memory", "size", "1Mi")));
        assertThat(node.usage("csi-0a1b", target).totalBytes()).isEqualTo(1 << 20);
        assertThatThrownBy(() -> Files.write(target.resolve("file"), new byte[2 << 20]))
                .hasMessageContaining("No space");
        node.unpublish("csi-0a1b", target);
        assertThat(mounts()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "medium,Disk",
        "size,0",
        "size,x",
        "pool,none",
        "size,1Gi",
        "sise,1Gi",
        "subDir,x",
        "type,File",
        "onDelete,retain",
        "uid,x"
    })
    void attributesOfAnInlineVolumeAreChecked(String key, String value) {
        Map<String, String> context = new java.util.HashMap<>(Map.of(
                "csi.storage.k8s.io/ephemeral",
                "true",
                "pool",
                "fast",
                "size",
                "1Mi",
                "csi.storage.k8s.io/pod.name",
                "p"));
        context.put(key, value);
        assertThatThrownBy(() -> node.publish(request("csi-0a1b", target, context)))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageContaining(key);
        assertThat(target).doesNotExist();
    }

    @Test
    void aHostPathIsMountedAndNeverDeleted() throws Exception {
        Path data = Files.createDirectory(allowed.resolve("data"));
        Files.writeString(data.resolve("file"), "precious");
        Map<String, String> context = Map.of("path", data.toString(), "type", "Directory");
        node.stage("static-1", staging, AccessMode.MULTI_NODE_MULTI_WRITER, OptionalLong.empty(), context);
        node.publish(request("static-1", target, context));
        node.publish(request("static-1", target, context));
        assertThat(target.resolve("file")).hasContent("precious");
        assertThat(node.usage("static-1", target).totalBytes()).isPositive();
        node.unpublish("static-1", target);
        node.unstage("static-1", staging);
        volumes.delete("static-1");
        assertThat(data.resolve("file")).exists();
        assertThat(mounts()).isEmpty();
    }

    @Test
    void aHostPathThatWasMadeAgainIsPublishedAnew() throws Exception {
        Path data = Files.createDirectory(allowed.resolve("data"));
        Map<String, String> context = Map.of("path", data.toString(), "type", "Directory");
        node.publish(request("static-1", target, context));
        Files.delete(data);
        Files.createDirectory(data);
        node.publish(request("static-1", target, context));
        Files.writeString(target.resolve("file"), "content");
        assertThat(data.resolve("file")).hasContent("content");
        assertThat(mounts()).hasSize(1);
        node.unpublish("static-1", target);
        assertThat(mounts()).isEmpty();
    }

    @Test
    void eachTypeOfHostPathMeansWhatItMeansInKubernetes() throws Exception {
        Files.createDirectory(allowed.resolve("directory"));
        Files.writeString(allowed.resolve("file"), "x");
        try (ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            socket.bind(UnixDomainSocketAddress.of(allowed.resolve("socket")));
            mknod("char", "c", "1", "3");
            mknod("block", "b", "7", "0");
            publishes("directory", "");
            publishes("file", "");
            publishes("directory", "Directory");
            publishes("new/deep", "DirectoryOrCreate");
            publishes("file", "File");
            publishes("made", "FileOrCreate");
            publishes("socket", "Socket");
            publishes("char", "CharDevice");
            publishes("block", "BlockDevice");
            refuses("file", "Directory");
            refuses("file", "DirectoryOrCreate");
            refuses("directory", "File");
            refuses("char", "BlockDevice");
            refuses("file", "Socket");
            assertThatThrownBy(() -> publishes("absent", "Directory")).satisfies(kind(Fault.Kind.NOT_FOUND));
            assertThatThrownBy(() -> publishes("absent", "")).satisfies(kind(Fault.Kind.NOT_FOUND));
            assertThatThrownBy(() -> publishes("file", "Fifo")).satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
        }
        assertThat(Files.getAttribute(allowed.resolve("new/deep"), "unix:mode")).isEqualTo(040755);
        assertThat(Files.getAttribute(allowed.resolve("made"), "unix:mode")).isEqualTo(0100644);
    }

    private void mknod(String name, String... arguments) throws Exception {
        List<String> command =
                new java.util.ArrayList<>(List.of("mknod", allowed.resolve(name).toString()));
        command.addAll(List.of(arguments));
        assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
    }

    private void publishes(String name, String type) {
        Path path = allowed.resolve(name);
        node.publish(request(
                "inline",
                target,
                Map.of("csi.storage.k8s.io/ephemeral", "true", "path", path.toString(), "type", type)));
        assertThat(mounts()).hasSize(1);
        node.unpublish("inline", target);
        assertThat(target).doesNotExist();
        assertThat(path).exists();
    }

    private void refuses(String name, String type) {
        assertThatThrownBy(() -> publishes(name, type)).satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/etc", "/", "ALLOWEDx", "FOLDER", "FOLDER/fast/fast.v"})
    void hostPathsOutsideTheAllowedAreRefused(String path) {
        create("v");
        String real = path.replace("ALLOWED", allowed.toString()).replace("FOLDER", folder.toString());
        assertThatThrownBy(() -> node.publish(request("static-1", target, Map.of("path", real))))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        assertThat(target).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"../etc", "relative", "ALLOWED/../fast", "ALLOWED/./x", ""})
    void hostPathsThatAreNoPlainPathsAreRefused(String path) {
        String real = path.replace("ALLOWED", allowed.toString());
        assertThatThrownBy(() -> node.publish(request("static-1", target, Map.of("path", real))))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT));
    }

    @Test
    void aSymbolicLinkBelowAnAllowedPathIsNotFollowed() throws Exception {
        Files.createSymbolicLink(allowed.resolve("link"), Path.of("/etc"));
        for (String path : List.of("link", "link/ssl", "link/new")) {
            assertThatThrownBy(() -> node.publish(request(
                            "static-1",
                            target,
                            Map.of("path", allowed.resolve(path).toString(), "type", "DirectoryOrCreate"))))
                    .satisfies(kind(Fault.Kind.FAILED_PRECONDITION));
        }
        assertThat(Path.of("/etc/new")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({"fast,64Mi,", "shared,1Mi,--inline-pool", "fast,65Mi,--inline-max-size", "fast,,--inline-max-size"})
    void anInlineVolumeOnDiskIsMadeWhereAndAsLargeAsIsAllowed(String pool, String size, String refusedBy) {
        Map<String, String> context =
                new java.util.HashMap<>(Map.of("csi.storage.k8s.io/ephemeral", "true", "pool", pool));
        if (size != null) {
            context.put("size", size);
        }
        if (refusedBy == null) {
            node.publish(request("csi-0a1b", target, context));
        } else {
            assertThatThrownBy(() -> node.publish(request("csi-0a1b", target, context)))
                    .isInstanceOf(Fault.class)
                    .hasMessageContaining(refusedBy);
            assertThat(target).doesNotExist();
        }
    }

    @Test
    void withoutAPoolForThemThereAreNoInlineVolumesOnDiskButThoseThatAreThereStay() {
        Map<String, String> context = Map.of("csi.storage.k8s.io/ephemeral", "true", "pool", "fast", "size", "1Mi");
        node.publish(request("csi-0a1b", target, context));
        node = new NodeVolumes(pools, volumes, new HostPaths(List.of(allowed)));
        node.publish(request("csi-0a1b", target, context));
        assertThatThrownBy(() -> node.publish(request("csi-2c3d", folder.resolve("other"), context)))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("--inline-pool");
        node.unpublish("csi-0a1b", target);
        assertThat(TemporaryPool.names(fast)).containsExactly(".berth");
    }

    @Test
    void whatARecordSaysToBeItsPathButAnotherVolumeHasIsNotMounted() {
        Volume victim = volumes.create(new Volumes.Wanted(
                "victim",
                CapacityRange.ANY,
                VolumeParameters.parse(Map.of("pool", "fast", "subDir", "team/data")),
                false));
        PoolVolumes inPool = pools.get(new PoolName("fast")).volumes();
        for (String path : List.of("team/data", "team", "team/data/below")) {
            VolumeId id = new VolumeId(new PoolName("fast"), "forged");
            assertThat(inPool.catalog()
                            .begin(new Volume(
                                    id,
                                    "forged",
                                    VolumePath.parse(path),
                                    victim.format(),
                                    0,
                                    victim.created(),
                                    OnDelete.DELETE,
                                    Ownership.ROOT,
                                    false,
                                    false,
                                    Optional.empty(),
                                    Map.of())))
                    .isTrue();
            inPool.catalog().commit(id);
            for (ThrowingCallable use : List.<ThrowingCallable>of(() -> stage("fast.forged"), () -> inPool.claim(id))) {
                assertThatThrownBy(use).satisfies(kind(Fault.Kind.CORRUPT)).hasMessageContaining("fast.victim");
            }
            volumes.delete("fast.forged");
        }
        stage("fast.victim");
        assertThat(fast.resolve("team/data")).isDirectory();
    }

    /** Another pool may be silent for long, and a pod's end does not wait for it. */
    @Test
    void noOtherPoolIsAskedAboutAnInlineVolumeThatIsMounted() {
        Map<String, String> context = Map.of("csi.storage.k8s.io/ephemeral", "true", "pool", "fast", "size", "1Mi");
        Path records = folder.resolve("shared/.berth");
        try (FailingCalls calls = FailingCalls.fail("openat2", path -> path.startsWith(records))) {
            node.publish(request("csi-0a1b", target, context));
            assertThat(node.usage("csi-0a1b", target).totalBytes()).isPositive();
            node.unpublish("csi-0a1b", target);
        }
        assertThat(volumes.find("fast.csi-0a1b")).isEmpty();
        assertThat(TemporaryPool.names(fast)).containsExactly(".berth");
    }

    /** As when the process ended between the unmount and the delete. */
    @Test
    void anInlineVolumeThatIsNotMountedAnyMoreIsDeletedToo() {
        Map<String, String> context = Map.of("csi.storage.k8s.io/ephemeral", "true", "pool", "fast", "size", "1Mi");
        node.publish(request("csi-0a1b", target, context));
        Mounts.unmount(target);
        node.unpublish("csi-0a1b", target);
        assertThat(volumes.find("fast.csi-0a1b")).isEmpty();
    }

    @Test
    void anInlineVolumeInMemoryIsNoLargerThanTheMachine() {
        node = new NodeVolumes(pools, volumes, new HostPaths(List.of(allowed)));
        Map<String, String> context =
                Map.of("csi.storage.k8s.io/ephemeral", "true", "medium", "Memory", "size", "4096Ti");
        assertThatThrownBy(() -> node.publish(request("csi-0a1b", target, context)))
                .satisfies(kind(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageContaining("memory");
        assertThat(mounts()).isEmpty();
    }

    @Test
    void aHostPathForPersistentVolumesIsNoneForInlineVolumes() throws Exception {
        Path data = Files.createDirectory(allowed.resolve("data"));
        Path ofPods = Files.createDirectory(folder.resolve("pods"));
        HostPaths lists = new HostPaths(List.of(allowed), List.of(ofPods), List::of);
        node = new NodeVolumes(pools, volumes, lists);
        Map<String, String> inline =
                Map.of("csi.storage.k8s.io/ephemeral", "true", "path", data.toString(), "type", "Directory");
        assertThatThrownBy(() -> node.publish(request("csi-0a1b", target, inline)))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("--allow-inline-host-path");
        node.publish(request("static-1", target, Map.of("path", data.toString())));
        node.unpublish("static-1", target);
        node.publish(
                request("csi-0a1b", target, Map.of("csi.storage.k8s.io/ephemeral", "true", "path", ofPods.toString())));
        node.unpublish("csi-0a1b", target);
        assertThatThrownBy(() -> node.publish(request("static-1", target, Map.of("path", ofPods.toString()))))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("--allow-host-path");
    }

    /** As an earlier version did, where the path of a host path led into a pool. */
    @Test
    void aFolderOfAPoolThatWasPublishedAsAPathOfTheHostIsUnpublished() throws Exception {
        create("v");
        Files.createDirectory(target);
        Mounts.bind(fast.resolve("fast.v"), target, Set.of(), Optional.empty());
        node.unpublish("static-1", target);
        assertThat(target).doesNotExist();
        assertThat(fast.resolve("fast.v")).exists();
    }

    @Test
    void theFolderOfAStagingPathIsTheCallersToMake() {
        String id = create("v");
        Path elsewhere = folder.resolve("no/kubelet/globalmount");
        assertThatThrownBy(
                        () -> node.stage(id, elsewhere, AccessMode.SINGLE_NODE_WRITER, OptionalLong.empty(), Map.of()))
                .satisfies(kind(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("kubelet.folder");
        assertThat(folder.resolve("no")).doesNotExist();
    }

    @Test
    void theOptionsOfAPoolAreThoseOfEachMount() throws Exception {
        pools.close();
        pools = Pools.serving(List.of(TemporaryPool.config(folder, "fast", "local", ",nosuid,nodev")));
        volumes = new Volumes(pools, Clock.systemUTC());
        node = new NodeVolumes(pools, volumes, new HostPaths(List.of()));
        String id = create("v");
        stage(id);
        node.publish(request(id, target, AccessMode.SINGLE_NODE_WRITER, MountOption.SUID, MountOption.NOEXEC));
        assertThat(MountTable.read().at(staging).orElseThrow().options()).contains("nosuid", "nodev");
        assertThat(MountTable.read().at(target).orElseThrow().options()).contains("nosuid", "nodev", "noexec");
    }
}
