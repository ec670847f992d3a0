package io.berth.docker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MountIdsTest {
    private static final String BOOT = "00000000-0000-4000-8000-000000000001";
    private static final String LATER_BOOT = "00000000-0000-4000-8000-000000000002";

    private final AtomicLong nanos = new AtomicLong();

    @TempDir
    Path folder;

    private MountIds ids;

    @BeforeEach
    void open() {
        ids = MountIds.open(folder, BOOT, nanos::get);
    }

    @AfterEach
    void close() {
        ids.close();
    }

    private void restart(String boot) {
        ids.close();
        ids = MountIds.open(folder, boot, nanos::get);
    }

    @Test
    void callsAreCountedWhileOneDockerdLivesThroughRestartsOfThePlugin() {
        ids.activated();
        assertThat(ids.has("v", "a")).isFalse();
        ids.add("v", "a", () -> false);
        restart(BOOT);
        assertThat(ids.has("v", "a")).isTrue();
        ids.add("v", "a", () -> false);
        restart(BOOT);

        ids.remove("v", "a");
        assertThat(ids.of("v")).containsExactly("a");
        ids.remove("v", "a");
        ids.remove("v", "a");
        assertThat(ids.of("v")).isEmpty();
    }

    @Test
    void theNextDockerdBeginsAnewUnlessAContainerHasTheVolume() {
        ids.activated();
        ids.add("v", "a", () -> false);
        ids.add("v", "b", () -> false);
        restart(BOOT);
        ids.activated();
        ids.add("v", "a", () -> false);
        ids.add("v", "b", () -> true);

        ids.remove("v", "a");
        ids.remove("v", "b");
        assertThat(ids.of("v")).containsExactly("b");
    }

    @Test
    void idsOfAnotherBootAreDropped() throws IOException {
        ids.activated();
        ids.add("v", "a", () -> false);
        restart(LATER_BOOT);

        assertThat(ids.of("v")).isEmpty();
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void anIdWithoutAContainerIsDroppedWhenNoneCanBeOnItsWay() {
        ids.add("v", "lost", () -> false);
        nanos.addAndGet(Duration.ofMinutes(3).toNanos());
        ids.add("v", "now", () -> false);
        ids.removeUnused("v", () -> false);
        assertThat(ids.of("v")).hasSize(2);

        ids.remove("v", "now");
        ids.removeUnused("v", () -> true);
        assertThat(ids.of("v")).containsExactly("lost");
        ids.removeUnused("v", () -> false);
        assertThat(ids.of("v")).isEmpty();
    }

    /** As an older Berth left it. */
    @Test
    void anEmptyFileIsAnIdThatWasGivenOnce() throws IOException {
        Files.createFile(folder.resolve("v@a"));
        Files.createFile(folder.resolve("notes.txt"));
        restart(BOOT);

        assertThat(ids.of("v")).containsExactly("a");
        ids.remove("v", "a");
        assertThat(folder).isDirectoryContaining(path -> path.endsWith("notes.txt"));
        assertThat(ids.of("v")).isEmpty();
    }
}
