package io.berth.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import io.berth.fault.Fault;
import io.berth.hostpath.HostPath;
import io.berth.mount.MountOption;
import io.berth.pool.PoolConfig;
import io.berth.volume.ByteSize;
import io.berth.volume.PathTemplate;
import io.berth.volume.PoolName;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import io.berth.volume.VolumePath;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Everything that reads text from outside either reads it or throws a {@link Fault}; and what it has read leads nowhere
 * else. Run as a test it tries the inputs that once failed; the build also runs it as a fuzzer for a bounded time.
 */
class HostileTextFuzzTest {
    private static final PoolName FAST = new PoolName("fast");
    private static final Path ROOT = Path.of("/pool");

    @FuzzTest(maxDuration = "30s")
    void hostileTextIsReadOrRefused(FuzzedDataProvider data) {
        try {
            switch (data.consumeInt(0, 8)) {
                case 0 -> id(data.consumeRemainingAsString());
                case 1 -> name(data.consumeRemainingAsString());
                case 2 -> parameters(data);
                case 3 -> record(data.consumeRemainingAsBytes());
                case 4 -> template(data);
                case 5 -> stays(VolumePath.parse(data.consumeRemainingAsString()));
                case 6 ->
                    assertThat(ByteSize.parse("size", data.consumeRemainingAsString()))
                            .isNotNegative();
                case 7 ->
                    assertThat(PoolConfig.parse(data.consumeRemainingAsString()).root())
                            .isAbsolute();
                default -> {
                    MountOption.parse(List.of(data.consumeString(100)));
                    HostPath.parse(Map.of("path", data.consumeRemainingAsString()))
                            .ifPresent(path -> assertThat(path.path())
                                    .isEqualTo(path.path().normalize()));
                }
            }
        } catch (Fault e) {
            assertThat(e.getMessage()).isNotEmpty();
        }
    }

    private static void id(String text) {
        VolumeId.parse(text).ifPresent(id -> {
            assertThat(id.toString()).isEqualTo(text).doesNotContain("/");
            stays(VolumePath.of(id));
        });
        ArchiveName.parse(text).ifPresent(archive -> stays(VolumePath.of(archive.id())));
    }

    private static void name(String text) {
        VolumeId id = VolumeId.of(FAST, text);
        assertThat(VolumeId.parse(id.toString())).contains(id);
        stays(VolumePath.of(id));
    }

    private static void parameters(FuzzedDataProvider data) {
        List<String> keys =
                List.of("pool", "uid", "gid", "mode", "onDelete", "subDir", "pathPattern", data.consumeString(20));
        Map<String, String> strings = new HashMap<>();
        while (data.remainingBytes() > 0) {
            strings.put(data.pickValue(keys), data.consumeString(60));
        }
        VolumeParameters.parse(strings).path().ifPresent(HostileTextFuzzTest::stays);
    }

    private static void template(FuzzedDataProvider data) {
        Map<String, String> claim = Map.of(
                PathTemplate.PVC_NAME, data.consumeString(40), PathTemplate.PVC_NAMESPACE, data.consumeString(40));
        stays(PathTemplate.expand("subDir", data.consumeRemainingAsString(), claim));
    }

    private static void record(byte[] bytes) {
        VolumeId id = new VolumeId(FAST, "v");
        Volume volume = VolumeRecord.decode(id, bytes);
        stays(volume.path());
        assertThat(new String(VolumeRecord.encode(volume), StandardCharsets.UTF_8))
                .contains("\"checksum\"");
    }

    /** Below the pool's root, whole, and not among its records. */
    private static void stays(VolumePath path) {
        Path resolved = ROOT.resolve(path.toPath());
        assertThat(resolved.normalize()).isEqualTo(resolved);
        assertThat(resolved.startsWith(ROOT)).isTrue();
        assertThat(resolved).isNotEqualTo(ROOT);
        assertThat(resolved.startsWith(ROOT.resolve(".berth"))).isFalse();
    }
}
