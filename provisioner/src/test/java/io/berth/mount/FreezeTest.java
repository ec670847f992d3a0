package io.berth.mount;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class FreezeTest {
    private static CompletableFuture<Path> write(Path file) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return Files.writeString(file, "x");
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"ext4", "xfs", "btrfs"})
    void writersWaitUntilItIsThawed(String type) throws Exception {
        try (TestFileSystem fileSystem = TestFileSystem.mount(type, 320 << 20)) {
            CompletableFuture<Path> writing;
            try (Directory root = Directory.open(fileSystem.root());
                    Freeze freeze = Freeze.of(root, Duration.ofSeconds(30), () -> {})) {
                writing = write(fileSystem.root().resolve("file"));
                assertThatThrownBy(() -> writing.get(200, TimeUnit.MILLISECONDS))
                        .isInstanceOf(java.util.concurrent.TimeoutException.class);
                assertThat(freeze.thaw()).isTrue();
            }
            assertThat(writing.get(60, TimeUnit.SECONDS)).hasContent("x");
        }
    }

    @Test
    void itEndsByItselfAndThatIsTold() throws Exception {
        CountDownLatch overdue = new CountDownLatch(1);
        try (TestFileSystem fileSystem = TestFileSystem.mount("ext4", 64 << 20);
                Directory root = Directory.open(fileSystem.root());
                Freeze freeze = Freeze.of(root, Duration.ofMillis(200), overdue::countDown)) {
            assertThat(write(fileSystem.root().resolve("file")).get(60, TimeUnit.SECONDS))
                    .hasContent("x");
            assertThat(overdue.await(60, TimeUnit.SECONDS)).isTrue();
            assertThat(freeze.thaw()).isFalse();
        }
    }

    @Test
    void whatIsFrozenAlreadyIsLeftToWhoFrozeIt() {
        try (TestFileSystem fileSystem = TestFileSystem.mount("ext4", 64 << 20);
                Directory root = Directory.open(fileSystem.root());
                Freeze first = Freeze.of(root, Duration.ofSeconds(30), () -> {})) {
            assertThatThrownBy(() -> Freeze.of(root, Duration.ofSeconds(30), () -> {}))
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.BUSY));
            assertThat(first.thaw()).isTrue();
            assertThat(first.thaw()).isFalse();
        }
    }

    @Test
    void itIsThawedAlsoWhenTheDirectoryIsClosedBefore() throws Exception {
        try (TestFileSystem fileSystem = TestFileSystem.mount("ext4", 64 << 20)) {
            Directory root = Directory.open(fileSystem.root());
            try (Freeze freeze = Freeze.of(root, Duration.ofSeconds(30), () -> {})) {
                root.close();
                assertThat(freeze.thaw()).isTrue();
            }
            assertThat(write(fileSystem.root().resolve("file")).get(60, TimeUnit.SECONDS))
                    .hasContent("x");
        }
    }
}
