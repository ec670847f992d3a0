package io.berth.linux;

import static io.berth.TestFileSystem.run;
import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TestFileSystem;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class BtrfsQuotaTest {
    @Test
    void whatLostCountIsToldAndCountsAnew() {
        try (TestFileSystem fileSystem = TestFileSystem.withQuotas("btrfs", 256 << 20);
                Directory root = Directory.open(fileSystem.root())) {
            assertThat(BtrfsQuota.of(root)).contains(new BtrfsQuota(false, false));
            shell(fileSystem.root(), TestFileSystem.LOSE_COUNT);
            assertThat(BtrfsQuota.of(root)).contains(new BtrfsQuota(true, false));
            assertThat(BtrfsQuota.rescan(root)).isTrue();
            run("btrfs", "quota", "rescan", "-W", fileSystem.root().toString());
            assertThat(BtrfsQuota.of(root)).contains(new BtrfsQuota(false, false));
        }
    }

    @Test
    void whereQuotasAreOffNothingIsCountedAnew(@TempDir Path elsewhere) {
        try (TestFileSystem fileSystem = TestFileSystem.mount("btrfs", 256 << 20);
                Directory root = Directory.open(fileSystem.root());
                Directory other = Directory.open(elsewhere)) {
            assertThat(BtrfsQuota.of(root)).isEmpty();
            assertThat(BtrfsQuota.rescan(root)).isFalse();
            assertThat(BtrfsQuota.of(other)).isEmpty();
        }
    }
}
