package io.berth.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class LockFileTest {
    @TempDir
    private Path root;

    private Directory directory;
    private LockFile first;
    private LockFile second;

    @BeforeEach
    void open() {
        directory = Directory.open(root);
        first = LockFile.open(directory, "lock");
        second = LockFile.open(directory, "lock");
    }

    @AfterEach
    void close() {
        first.close();
        second.close();
        directory.close();
    }

    @Test
    void aByteIsLockedByOneAtATime() {
        LockFile.Held held = first.tryLock(5).orElseThrow();
        assertThat(second.tryLock(5)).isEmpty();
        assertThat(second.tryLock(4)).isPresent();
        assertThat(second.tryLock(6)).isPresent();
        held.close();
        assertThat(second.tryLock(5)).isPresent();
        assertThat(first.tryLock(5)).isEmpty();
    }

    @Test
    void offsetsReachFarBeyondTheFile() {
        long far = Long.MAX_VALUE - 1;
        assertThat(first.tryLock(far)).isPresent();
        assertThat(second.tryLock(far)).isEmpty();
        assertThat(directory.status("lock").orElseThrow().size()).isZero();
    }

    @Test
    void closingOneFileGivesBackItsLocksAndNoOthers() {
        assertThat(first.tryLock(1)).isPresent();
        assertThat(second.tryLock(2)).isPresent();
        LockFile third = LockFile.open(directory, "lock");
        first.close();
        assertThat(third.tryLock(1)).isPresent();
        assertThat(third.tryLock(2)).isEmpty();
        third.close();
        assertThat(second.tryLock(1)).isPresent();
    }

    @Test
    void theFileIsForItsOwnerOnly() {
        assertThat(directory.status("lock").orElseThrow().mode()).isEqualTo(0600);
    }

    @Test
    void aKilledProcessGivesItsLockBack() throws Exception {
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        root.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            BufferedReader output = child.inputReader(StandardCharsets.UTF_8);
            assertThat(output.readLine()).isEqualTo("held");
            assertThat(first.tryLock(7)).isEmpty();
        } finally {
            child.destroyForcibly();
        }
        assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(first.tryLock(7)).isPresent();
    }

    /** Another process that has a lock until it is killed. */
    static final class Holder {
        private Holder() {}

        public static void main(String[] args) throws IOException {
            try (Directory directory = Directory.open(Path.of(args[0]));
                    LockFile file = LockFile.open(directory, "lock");
                    LockFile.Held held = file.tryLock(7).orElseThrow()) {
                System.out.println("held");
                while (System.in.read() >= 0) {
                    assertThat(held).isNotNull();
                }
            }
        }
    }
}
