package io.berth.pool;

import static io.berth.TestFileSystem.run;
import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TestFileSystem;
import io.berth.linux.Directory;
import io.berth.linux.Qgroup;
import io.berth.mount.MountTable;
import io.berth.volume.HealthProblem;
import io.berth.volume.Volume;
import io.berth.volume.VolumeParameters;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class BtrfsLimitTest extends LimitContract {
    @Override
    TestFileSystem makeFileSystem() {
        return TestFileSystem.withQuotas("btrfs", 1024 * MIB);
    }

    @Override
    void loseLimit(Directory data) {
        assertThat(Qgroup.limit(data, OptionalLong.empty())).isTrue();
    }

    @Override
    boolean keepsAnything(Path poolRoot) {
        // The first line has the titles, the second a rule, the third is of the file system's top.
        return run("btrfs", "qgroup", "show", "--raw", poolRoot.toString())
                        .lines()
                        .count()
                > 3;
    }

    @Test
    void aNumberOfFilesCannotBeHeldTo() {
        assertThatThrownBy(() ->
                        pool.chooseFormat(VolumeParameters.parse(Map.of("limit", "enforced", "inodes", "100")), true))
                .hasMessageContaining("leave inodes away");
    }

    @Test
    void theGroupOfAVolumeThatIsGoneIsForgottenWithoutMoreTrash() {
        Volume volume = make("a");
        assertThat(asContainer(volume, "dd if=/dev/zero bs=1M count=8 of=file")).isTrue();
        usage(volume); // on disk
        pool.volumes().delete(volume);
        reap();
        await(() -> {
            pool.reap(1000);
            return !keepsAnything(root());
        });
    }

    /** As an archive brings it back. */
    @Test
    void aVolumeThatIsNoSubvolumeSaysHowItBecomesOne() {
        Volume volume = make("a");
        shell(
                root(),
                "btrfs subvolume delete fast.a; mkdir fast.a; echo hello > fast.a/file; chown 7:8 fast.a; chmod 2770 fast.a");

        assertThat(pool.format(volume).problems(volume, MountTable.read()))
                .singleElement()
                .satisfies(problem -> {
                    assertThat(problem.reason()).isEqualTo(HealthProblem.Reason.LIMIT_LOST);
                    assertThat(problem.message()).contains("is no subvolume", "docs/operations.md");
                });
        assertThatThrownBy(() -> pool.volumes().expand(volume, volume.capacityBytes() + MIB))
                .hasMessageContaining("docs/operations.md");

        shell(
                root(),
                "mv fast.a fast.a.old && btrfs subvolume create fast.a && cp -a --reflink=always fast.a.old/. fast.a/"
                        + " && rm -r fast.a.old");
        LimitsAtStart.restore(pool);
        assertThat(pool.format(volume).problems(volume, MountTable.read())).isEmpty();
        assertThat(shell(root(), "cat fast.a/file; stat -c %u:%g:%a fast.a")).isEqualTo("hello\n7:8:2770\n");
    }
}
