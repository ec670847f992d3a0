package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TemporaryPool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HousekeepingTest {
    @TempDir
    Path folder;

    @Test
    void theTrashIsEmptiedInTheBackgroundAndGoesOnAfterARestart() throws Exception {
        PoolConfig config = TemporaryPool.config(folder, "fast", "local", "");
        try (Pools pools = Pools.serving(List.of(config))) {
            Path trash = pools.get(config.name()).config().root().resolve(".berth/trash");
            Path tree = Files.createDirectories(trash.resolve("fast.v@0/a/b"));
            Files.createDirectory(tree.resolve("c"));
            for (int i = 0; i < 500; i++) {
                Files.createFile(tree.resolve("file" + i));
            }
            try (Housekeeping first = new Housekeeping(pools, 400)) {
                first.start();
                await(() -> count(trash) < 500);
            }
            try (Housekeeping second = new Housekeeping(pools, 20_000)) {
                second.start();
                await(() -> TemporaryPool.names(trash).isEmpty());
            }
        }
    }

    private static long count(Path folder) {
        try (var tree = Files.walk(folder)) {
            return tree.filter(Files::isRegularFile).count();
        } catch (java.io.IOException | java.io.UncheckedIOException e) {
            return Long.MAX_VALUE; // the tree changes while it is walked
        }
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("a minute is up").isLessThan(deadline);
            LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
        }
    }
}
