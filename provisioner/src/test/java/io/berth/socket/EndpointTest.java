package io.berth.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EndpointTest {
    @ParameterizedTest
    @ValueSource(strings = {"unix:///run/csi.sock", "unix:/run/csi.sock", "/run/csi.sock"})
    void aSocketIsWrittenInThreeWays(String text) {
        assertThat(Endpoint.parse(text).socket()).isEqualTo(Path.of("/run/csi.sock"));
        assertThat(Endpoint.parse(text)).hasToString("unix:///run/csi.sock");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/",
                "csi.sock",
                "unix:csi.sock",
                "unix://run/csi.sock",
                "tcp://127.0.0.1:1",
                "/run/",
                "/a/../b",
                "/a\0"
            })
    void anythingElseIsRefused(String text) {
        assertThatThrownBy(() -> Endpoint.parse(text)).isInstanceOf(Fault.class).hasMessageContaining("endpoint");
    }

    @Test
    void aPathOf107BytesIsTheLongest() {
        assertThat(Endpoint.parse("/" + "x".repeat(106)).socket().toString()).hasSize(107);
        assertThatThrownBy(() -> Endpoint.parse("/" + "x".repeat(107)))
                .hasMessageContaining("108 bytes")
                .hasMessageContaining("at most 107");
        assertThatThrownBy(() -> Endpoint.parse("/" + "é".repeat(54))).hasMessageContaining("109 bytes");
    }
}
