package io.berth.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileNameTest {
    @Test
    void everyNameOfTheKernelFindsItsFileAgain() {
        Random random = new Random(7);
        for (int round = 0; round < 20_000; round++) {
            byte[] name = new byte[1 + random.nextInt(12)];
            random.nextBytes(name);
            assertRoundTrip(name);
        }
        assertRoundTrip("plain".getBytes(StandardCharsets.UTF_8));
        assertRoundTrip("Käse 🧀".getBytes(StandardCharsets.UTF_8));
        assertRoundTrip(new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80, 'x', (byte) 0xf0, (byte) 0x9f});
    }

    private static void assertRoundTrip(byte[] name) {
        for (int i = 0; i < name.length; i++) {
            name[i] = name[i] == 0 ? 1 : name[i];
        }
        String decoded = FileName.decode(name, 0, name.length);
        assertThat(FileName.encode(decoded))
                .startsWith(name)
                .hasSize(name.length + 1)
                .endsWith(0);
    }

    @Test
    void utf8IsReadAsWhatItIs() {
        byte[] bytes = "Käse 🧀".getBytes(StandardCharsets.UTF_8);
        assertThat(FileName.decode(bytes, 0, bytes.length)).isEqualTo("Käse 🧀");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "/", "a/b", "/a", "a/", "a\0b", "\0", "\ud800", "a\udc2f"})
    void whatIsNotTheNameOfOneFileIsRefused(String name) {
        assertThatIllegalArgumentException().isThrownBy(() -> FileName.component(name));
    }

    @Test
    void aNameHasAtMost255Bytes() {
        assertThat(FileName.component("ä".repeat(127) + "x")).hasSize(256);
        assertThatIllegalArgumentException().isThrownBy(() -> FileName.component("ä".repeat(128)));
    }
}
