package io.berth.service;

import static io.berth.TestFileSystem.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPaths;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.mount.Mounts;
import io.berth.pool.PoolConfig;
import io.berth.pool.Pools;
import io.berth.volume.AccessMode;
import io.berth.volume.CapacityRange;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What became of a volume's folder, or of its pool's, while the volume was mounted: it can go, and be mounted anew. */
class LostFoldersTest {
    private static final Map<String, String> INLINE =
            Map.of("csi.storage.k8s.io/ephemeral", "true", "pool", "fast", "size", "1Mi");

    @TempDir
    Path folder;

    private PoolConfig config;
    private Pools pools;
    private Volumes volumes;
    private NodeVolumes node;
    private Path fast;
    private Path staging;
    private Path target;

    @BeforeEach
    void open() throws IOException {
        folder = folder.toRealPath();
        config = TemporaryPool.config(folder, "fast", "hostpath", "");
        fast = config.root();
        staging = folder.resolve("staging");
        target = folder.resolve("target");
        serve();
    }

    private void serve() {
        pools = Pools.serving(List.of(config));
        volumes = new Volumes(pools, Clock.systemUTC());
        node = new NodeVolumes(
                pools,
                volumes,
                new HostPaths(List.of()),
                new InlineRules(Set.of(config.name()), OptionalLong.empty()),
                Optional.empty());
        var unused = pools.problem(); // opens it
    }

    private void restart() {
        pools.close();
        serve();
    }

    @AfterEach
    void close() {
        TemporaryPool.unmountBelow(folder);
        pools.close();
    }

    /** What somebody did to a volume's folder. */
    enum Loss {
        REMOVED {
            @Override
            void meet(Path folder) {
                run("rm", "-r", folder.toString());
            }
        },
        MADE_AGAIN {
            @Override
            void meet(Path folder) {
                REMOVED.meet(folder);
                run("mkdir", folder.toString());
            }
        },
        RESTORED {
            @Override
            void meet(Path folder) {
                run("cp", "-a", folder.toString(), folder + ".backup");
                REMOVED.meet(folder);
                run("cp", "-a", folder + ".backup", folder.toString());
            }
        },
        RENAMED {
            @Override
            void meet(Path folder) {
                run("mv", folder.toString(), folder.resolveSibling("elsewhere").toString());
            }
        },
        RENAMED_AS_A_VOLUME_COULD_BE {
            @Override
            void meet(Path folder) {
                run("mv", folder.toString(), folder + "x");
            }
        },
        MOVED_OUT_OF_THE_POOL {
            @Override
            void meet(Path folder) {
                run("mv", folder.toString(), folder.getParent() + "-moved");
            }
        },
        A_FILE_NOW {
            @Override
            void meet(Path folder) {
                REMOVED.meet(folder);
                run("touch", folder.toString());
            }
        };

        abstract void meet(Path folder);
    }

    private String create(String name, String... parameters) {
        Map<String, String> strings =
                parameters.length == 0 ? Map.of("pool", "fast") : Map.of("pool", "fast", parameters[0], parameters[1]);
        return volumes.create(new Volumes.Wanted(name, CapacityRange.ANY, VolumeParameters.parse(strings), false))
                .id()
                .toString();
    }

    private void stage(String id) {
        stage(id, staging);
    }

    private void stage(String id, Path at) {
        node.stage(id, at, AccessMode.SINGLE_NODE_MULTI_WRITER, OptionalLong.empty(), Map.of());
    }

    private void publish(String id, Path at, MountOption... options) {
        node.publish(new PublishRequest(
                id,
                Optional.of(staging),
                at,
                AccessMode.SINGLE_NODE_MULTI_WRITER,
                Set.of(options),
                OptionalLong.empty(),
                Map.of()));
    }

    private void publishInline(String handle) {
        node.publish(new PublishRequest(
                handle,
                Optional.empty(),
                target,
                AccessMode.SINGLE_NODE_WRITER,
                Set.of(),
                OptionalLong.empty(),
                INLINE));
    }

    private List<Path> mounts() {
        return MountTable.read().mounts().stream()
                .map(MountPoint::target)
                .filter(path -> path.startsWith(folder) && !path.startsWith(fast))
                .toList();
    }

    private void assertTakenAway(String id) {
        node.unpublish(id, target);
        node.unpublish(id, target);
        node.unstage(id, staging);
        node.unstage(id, staging);
        assertThat(mounts()).isEmpty();
        assertThat(target).doesNotExist();
    }

    @ParameterizedTest
    @EnumSource
    void aVolumeCanBeTakenAway(Loss loss) {
        String id = create("v");
        stage(id);
        publish(id, target);
        loss.meet(fast.resolve(id));
        assertTakenAway(id);
    }

    @ParameterizedTest
    @EnumSource
    void aVolumeCanBeTakenAwayAfterARestart(Loss loss) {
        String id = create("v", "subDir", "team/v");
        stage(id);
        publish(id, target);
        loss.meet(fast.resolve("team/v"));
        restart();
        assertTakenAway(id);
    }

    @ParameterizedTest
    @EnumSource
    void anInlineVolumeCanBeTakenAway(Loss loss) {
        publishInline("csi-1");
        loss.meet(fast.resolve("fast.csi-1"));
        restart();
        node.unpublish("csi-1", target);
        node.unpublish("csi-1", target);
        assertThat(mounts()).isEmpty();
        assertThat(volumes.find("fast.csi-1")).isEmpty();
    }

    @Test
    void aVolumeThatWasDeletedAndMadeAgainMeanwhileCanBeTakenAway() {
        String id = create("v");
        stage(id);
        publish(id, target);
        Loss.REMOVED.meet(fast.resolve(id));
        volumes.delete(id);
        assertThat(create("v")).isEqualTo(id);
        assertTakenAway(id);
    }

    @Test
    void aVolumeThatNobodyUnstagesIsUnstagedThoughItsFolderIsGone() {
        String id = create("v");
        stage(id);
        publish(id, target);
        Loss.REMOVED.meet(fast.resolve(id));
        node.unpublish(id, target);
        node.unstageUnused(id);
        assertThat(mounts()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theDiskWasUnmounted(boolean restarted) throws IOException {
        pools.close();
        Mounts.tmpfs("disk", fast, 4 << 20, 0755, 0, 0, Set.of());
        serve();
        String id = create("v");
        stage(id);
        publish(id, target);
        run("umount", "--lazy", fast.toString());
        if (restarted) {
            restart();
        }
        assertTakenAway(id);
    }

    @Test
    void theDiskOfAnInlineVolumeWasUnmounted() {
        pools.close();
        Mounts.tmpfs("disk", fast, 4 << 20, 0755, 0, 0, Set.of());
        serve();
        publishInline("csi-1");
        run("umount", "--lazy", fast.toString());
        node.unpublish("csi-1", target);
        node.unpublish("csi-1", target);
        assertThat(mounts()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void whatIsAnotherVolumesStays(Loss loss) {
        String lost = create("lost");
        String other = create("other", "subDir", "team/other");
        stage(other);
        publish(other, target);
        loss.meet(fast.resolve(lost));
        assertStays(lost, other);
        loss.meet(fast.resolve("team/other"));
        if (loss == Loss.REMOVED || loss == Loss.MADE_AGAIN || loss == Loss.RESTORED) {
            assertStays(lost, other);
        }
        restart();
        assertTakenAway(other);
    }

    private void assertStays(String asked, String other) {
        assertThatThrownBy(() -> node.unpublish(asked, target))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.FAILED_PRECONDITION))
                .hasMessageContaining("another volume: team/other of pool fast");
        assertThatThrownBy(() -> stage(asked)).isInstanceOf(Fault.class);
        assertThat(mounts()).as(other).containsExactlyInAnyOrder(staging, target);
    }

    @ParameterizedTest
    @EnumSource(names = {"MADE_AGAIN", "RESTORED"})
    void aVolumeThatIsThereAgainIsStagedAndPublishedAnew(Loss loss) throws IOException {
        String id = create("v");
        stage(id);
        publish(id, target);
        loss.meet(fast.resolve(id));
        Path second = folder.resolve("second");
        publish(id, second, MountOption.RO);
        publish(id, target);
        stage(id);
        Files.writeString(target.resolve("file"), "content");
        assertThat(fast.resolve(id).resolve("file")).hasContent("content");
        assertThat(second.resolve("file")).hasContent("content");
        assertThat(mounts()).containsExactlyInAnyOrder(staging, target, second);
        node.unpublish(id, second);
        assertTakenAway(id);
    }

    @ParameterizedTest
    @EnumSource(names = {"MADE_AGAIN", "RESTORED"})
    void aStageRenewsWhatDied(Loss loss) throws IOException {
        String id = create("v");
        stage(id);
        loss.meet(fast.resolve(id));
        stage(id);
        Files.writeString(staging.resolve("file"), "content");
        assertThat(fast.resolve(id).resolve("file")).hasContent("content");
        assertThat(mounts()).containsExactly(staging);
    }

    @ParameterizedTest
    @EnumSource(names = {"MADE_AGAIN", "RESTORED"})
    void anInlineVolumeThatIsThereAgainIsPublishedAnew(Loss loss) throws IOException {
        publishInline("csi-1");
        loss.meet(fast.resolve("fast.csi-1"));
        publishInline("csi-1");
        Files.writeString(target.resolve("file"), "content");
        assertThat(fast.resolve("fast.csi-1/file")).hasContent("content");
        assertThat(mounts()).containsExactly(target);
        node.unpublish("csi-1", target);
        assertThat(mounts()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(names = {"REMOVED", "RENAMED", "MOVED_OUT_OF_THE_POOL"})
    void aVolumeWithoutAFolderIsNotStagedAndWhatIsMountedStays(Loss loss) {
        String id = create("v");
        stage(id);
        publish(id, target);
        loss.meet(fast.resolve(id));
        assertThatThrownBy(() -> publish(id, folder.resolve("second"))).isInstanceOf(Fault.class);
        assertThat(mounts()).containsExactlyInAnyOrder(staging, target);
        assertThat(folder.resolve("second")).doesNotExist();
    }
}
