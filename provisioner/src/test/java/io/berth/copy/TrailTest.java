package io.berth.copy;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.linux.Directory;
import io.berth.linux.RegularFile;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrailTest {
    @Test
    void marksComeBackTheLastFirstHoweverManyTheyAre(@TempDir Path folder) {
        Random random = new Random(1);
        Deque<Long> expected = new ArrayDeque<>();
        try (Directory directory = Directory.open(folder);
                Trail trail = new Trail(2, () -> RegularFile.createNameless(directory))) {
            long next = 0;
            for (int depth : new int[] {3000, 10, 1025, 0, 512, 511, 5000, 1, 7000, 0}) {
                while (expected.size() != depth || random.nextInt(3000) != 0) {
                    if (expected.size() < depth || (expected.size() == depth && random.nextBoolean())) {
                        trail.push(next, -next);
                        expected.push(next++);
                    } else if (!expected.isEmpty()) {
                        assertThat(trail.pop()).containsExactly(expected.element(), -expected.pop());
                    }
                    assertThat(trail.depth()).isEqualTo(expected.size());
                }
            }
        }
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void fewNeedNoFile() {
        try (Trail trail = new Trail(1, () -> {
            throw new AssertionError("a file was made");
        })) {
            for (int i = 0; i < 1000; i++) {
                trail.push(i);
            }
            assertThat(trail.pop()).containsExactly(999);
        }
    }
}
