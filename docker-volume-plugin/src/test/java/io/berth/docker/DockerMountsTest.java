package io.berth.docker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DockerMountsTest {
    private static final int MOST = 20;

    @TempDir
    Path folder;

    @Test
    void theIdsOfAVolumeAreReadBesideThePluginThatKeepsThem() throws IOException {
        try (Plugin plugin = new Plugin(folder);
                PluginClient docker = plugin.connect()) {
            Path state = plugin.folder.resolve("state");
            for (String name : List.of("c1", "home.c2", "c3")) {
                docker.create(name, Map.of());
            }
            docker.create("memory", Map.of("type", "tmpfs", "o", "size=1m"));
            docker.mounted("c1", "a2");
            docker.mounted("c1", "a1");
            docker.mounted("home.c2", "a3");
            docker.mounted("memory", "a4");
            Path ids = state.resolve("docker/ids");
            Files.writeString(ids.resolve("c1@old"), "1 1 00000000-0000-4000-8000-000000000001\n"); // of another boot

            assertThat(ids(plugin, state, "fast.c1", MOST)).containsExactly("a1", "a2");
            assertThat(ids(plugin, state, "fast.c1", 1)).containsExactly("a1");
            assertThat(ids(plugin, state, "home.c2", MOST)).containsExactly("a3");
            assertThat(ids(plugin, state, "fast.c3", MOST)).isEmpty();
            assertThat(ids(plugin, plugin.folder.resolve("nosuch"), "fast.c1", MOST))
                    .isEmpty();
            assertThat(ids.resolve("c1@old")).exists();
        }
    }

    private static List<String> ids(Plugin plugin, Path state, String volume, int max) {
        return DockerMounts.of(state, plugin.volumes.get(volume), max);
    }
}
