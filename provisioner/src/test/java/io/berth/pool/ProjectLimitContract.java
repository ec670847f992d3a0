package io.berth.pool;

import static io.berth.TestFileSystem.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.TestFileSystem;
import io.berth.linux.Directory;
import io.berth.linux.Project;
import io.berth.linux.ProjectQuota;
import io.berth.volume.Format;
import io.berth.volume.FormatName;
import io.berth.volume.Limit;
import io.berth.volume.Volume;
import io.berth.volume.VolumeChange;
import io.berth.volume.VolumeParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** What XFS and ext4 with project quotas promise besides. */
abstract class ProjectLimitContract extends LimitContract {
    private final String type;

    ProjectLimitContract(String type) {
        this.type = type;
    }

    @Override
    TestFileSystem makeFileSystem() {
        return TestFileSystem.withQuotas(type, 1024 * MIB);
    }

    @Override
    void loseLimit(Directory data) {
        assertThat(ProjectQuota.limit(data, project(data), 0, 0)).isTrue();
    }

    private static long project(Directory data) {
        return Project.of(data).orElseThrow().id();
    }

    private long project(Volume volume) {
        try (Directory data = pool.folder().openData(volume).orElseThrow()) {
            return project(data);
        }
    }

    private static Path claims(Path poolRoot) {
        return poolRoot.resolve(".berth/projects");
    }

    @Override
    boolean keepsAnything(Path poolRoot) {
        return Files.exists(claims(poolRoot))
                && !TemporaryPool.names(claims(poolRoot)).isEmpty();
    }

    @Test
    void eachVolumeHasAProjectOfItsOwn() {
        Volume a = make("a");
        Volume b = make("b");
        assertThat(project(a)).isNotEqualTo(project(b)).isGreaterThan(1 << 30);
        assertThat(TemporaryPool.names(claims(root())))
                .containsExactlyInAnyOrder(Long.toString(project(a)), Long.toString(project(b)));
    }

    @Test
    void theNumberOfFilesIsHeldTo() {
        Volume volume = make("a", Limit.ENFORCED, OptionalLong.of(10));
        assertThat(usage(volume).totalInodes()).isEqualTo(10);
        for (int i = 0; i < 9; i++) {
            assertThat(asContainer(volume, "touch file" + i)).isTrue();
        }
        assertThat(asContainer(volume, "touch more"))
                .as("the folder itself counts")
                .isFalse();
        assertThat(usage(volume).freeInodes()).isZero();
    }

    @Test
    void theNumberOfFilesCanChange() {
        Volume volume = make("a", Limit.ENFORCED, OptionalLong.of(10));
        Volume more = pool.volumes().modify(volume, VolumeChange.parse(Map.of("inodes", "20")));
        assertThat(more.format()).isEqualTo(new Format.Directory(Limit.ENFORCED, OptionalLong.of(20)));
        assertThat(pool.volumes().find(more.id())).contains(more);
        assertThat(usage(more).totalInodes()).isEqualTo(20);
        for (int i = 0; i < 19; i++) {
            assertThat(asContainer(more, "touch file" + i)).isTrue();
        }
        assertThat(asContainer(more, "touch more")).isFalse();
        assertThat(usage(more).totalBytes()).as("its size stays").isEqualTo(volume.capacityBytes());
    }

    @Test
    void aProjectThatLostItsMarkOnTheFolderIsClaimedAnew() {
        Volume volume = make("a");
        long before = project(volume);
        try (Directory data = pool.folder().openData(volume).orElseThrow()) {
            new Project(0, false).set(data);
        }
        reopen();
        assertThat(pool.formats().isHeldToLimit(volume)).isTrue();
        assertThat(TemporaryPool.names(claims(root()))).hasSizeBetween(1, 2).contains(Long.toString(project(volume)));
        reopen();
        assertThat(before).isPositive();
        assertThat(TemporaryPool.names(claims(root()))).containsExactly(Long.toString(project(volume)));
    }

    @Test
    void aProjectOfSomebodyElseIsPassedOver() throws IOException {
        Volume volume = make("a");
        long first = project(volume);
        pool.volumes().delete(volume);
        reap();
        reopen();
        assertThat(keepsAnything(root())).isFalse();
        Path stranger = Files.createDirectory(root().resolve("stranger"));
        try (Directory directory = Directory.open(stranger)) {
            new Project(first, true).set(directory);
        }
        assertThat(project(make("a"))).isNotEqualTo(first);
    }

    @Test
    void aProjectThatHasANameIsPassedOver() throws IOException {
        Volume volume = make("a");
        long first = project(volume);
        pool.volumes().delete(volume);
        reap();
        reopen();
        Path named = Files.writeString(Path.of("/run/projects"), "# ours\n" + first + ":/srv/data\n");
        boolean made = !Files.exists(Path.of("/etc/projects"));
        if (made) {
            Files.createFile(Path.of("/etc/projects"));
        }
        run("mount", "--bind", named.toString(), "/etc/projects");
        try {
            assertThat(project(make("a"))).isNotEqualTo(first);
        } finally {
            run("umount", "/etc/projects");
            if (made) {
                Files.delete(Path.of("/etc/projects"));
            }
        }
    }

    @Test
    void aPoolWhoseFileSystemDoesNotEnforceSaysHowToMakeItDoSo() throws IOException {
        try (TestFileSystem plain = TestFileSystem.mount(type, 512 * MIB);
                Pool other = Pool.open(PoolConfig.parse("other=local:" + plain.root()))) {
            assertThatThrownBy(() -> other.chooseFormat(
                            VolumeParameters.parse(Map.of("limit", "enforced", "format", "directory")), true))
                    .hasMessageContaining("mount it with -o prjquota");
            assertThat(other.chooseFormat(VolumeParameters.parse(Map.of("limit", "enforced")), true)
                            .name())
                    .isEqualTo(FormatName.IMAGE);
        }
    }
}
