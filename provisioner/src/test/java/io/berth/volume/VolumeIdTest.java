package io.berth.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VolumeIdTest {
    private static final PoolName FAST = new PoolName("fast");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ".",
                "fast",
                "fast.",
                "fast..",
                "fast..x",
                "fast.../x",
                "../x",
                "a/b",
                "fast.a/b",
                "fast.-x",
                "Fast.x",
                "1fast.x",
                "fast.x\0",
                "fast.x\n",
                "fast.x y",
                "fast.ä",
                "/etc/passwd"
            })
    void textThatIsNoIdIsNone(String text) {
        assertThat(VolumeId.parse(text)).isEmpty();
    }

    @Test
    void anIdHasAtMost128Bytes() {
        assertThat(VolumeId.parse("fast." + "x".repeat(123))).isPresent();
        assertThat(VolumeId.parse("fast." + "x".repeat(124))).isEmpty();
    }

    @Test
    void aPlainNameIsPartOfTheId() {
        assertThat(VolumeId.of(FAST, "pvc-1").toString()).isEqualTo("fast.pvc-1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ü",
                "with space",
                "a/b",
                "..",
                ".",
                "-x",
                "日本語",
                "sha256-0123456789012345678901234567890123456789"
            })
    void anyOtherNameIsHashed(String name) {
        VolumeId id = VolumeId.of(FAST, name);
        assertThat(id.name()).matches("sha256-[0-9a-f]{40}").isNotEqualTo(name);
        assertThat(VolumeId.of(FAST, name)).isEqualTo(id);
        assertThat(VolumeId.parse(id.toString())).contains(id);
    }

    @Test
    void aNameOf128BytesIsLegalAndOneMoreIsNot() {
        assertThat(VolumeId.of(FAST, "é".repeat(64)).name()).startsWith("sha256-");
        assertThat(VolumeId.of(FAST, "x".repeat(128)).name()).startsWith("sha256-");
        assertThatThrownBy(() -> VolumeId.of(FAST, "x".repeat(129)))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageContaining("128 bytes");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a\0b", "a\nb", "\u007f"})
    void emptyNamesAndControlCharactersAreRefused(String name) {
        assertThatThrownBy(() -> VolumeId.of(FAST, name)).isInstanceOf(Fault.class);
    }
}
