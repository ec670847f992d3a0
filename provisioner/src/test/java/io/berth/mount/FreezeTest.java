package io.berth.mount;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.FailingCalls;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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

    /** Lets the calls of these numbers fail, the first of which freezes. */
    private static FailingCalls failing(Integer... numbers) {
        AtomicInteger calls = new AtomicInteger();
        return FailingCalls.fail("ioctl", file -> List.of(numbers).contains(calls.incrementAndGet()));
    }

    @Test
    void whatCannotBeThawedInTimeIsTriedAgainUntilItCan() throws Exception {
        CountDownLatch overdue = new CountDownLatch(1);
        try (TestFileSystem fileSystem = TestFileSystem.mount("ext4", 64 << 20);
                Directory root = Directory.open(fileSystem.root());
                FailingCalls ioctls = failing(2, 3);
                Freeze freeze = Freeze.of(root, Duration.ofMillis(10), overdue::countDown)) {
            try {
                assertThat(overdue.await(60, TimeUnit.SECONDS)).isTrue();
                assertThat(ioctls.files()).hasSize(4);
                assertThat(root.fithaw()).as("frozen still").isFalse();
                assertThat(freeze.thaw()).isFalse();
            } finally {
                boolean unused = root.fithaw(); // else it could not be unmounted
            }
        }
    }

    @Test
    void aThawThatFailsLeavesItFrozenForTheNext() throws Exception {
        try (TestFileSystem fileSystem = TestFileSystem.mount("ext4", 64 << 20);
                Directory root = Directory.open(fileSystem.root());
                FailingCalls ioctls = failing(2);
                Freeze freeze = Freeze.of(root, Duration.ofSeconds(30), () -> {})) {
            try {
                assertThatThrownBy(freeze::thaw).isInstanceOf(Fault.class).hasMessageContaining("FITHAW");
                assertThat(freeze.thaw()).isTrue();
                assertThat(ioctls.files()).hasSize(3);
            } finally {
                boolean unused = root.fithaw();
            }
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
