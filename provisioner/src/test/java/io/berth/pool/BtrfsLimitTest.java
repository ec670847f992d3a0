package io.berth.pool;

import static io.berth.TestFileSystem.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TestFileSystem;
import io.berth.linux.Directory;
import io.berth.linux.Qgroup;
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
        assertThatThrownBy(
                        () -> pool.chooseFormat(VolumeParameters.parse(Map.of("limit", "enforced", "inodes", "100"))))
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
}
