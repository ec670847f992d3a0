package io.berth.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "1073741824, 1073741824",
        "1Gi, 1073741824",
        "1GiB, 1073741824",
        "1.5Gi, 1610612736",
        "500M, 500000000",
        "1g, 1073741824",
        "64m, 67108864",
        "2k, 2048",
        "7Pi, 7881299347898368",
        "0.000001k, 1"
    })
    void readsKubernetesAndDockerSizes(String text, long bytes) {
        assertThat(ByteSize.parse("size", text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @CsvSource({
        "10G, 10737418240",
        "1GB, 1073741824",
        "1gb, 1073741824",
        "500M, 524288000",
        "500m, 524288000",
        "1.5K, 1536"
    })
    void forDockerEveryUnitIsAPowerOf1024(String text, long bytes) {
        assertThat(ByteSize.parseForDocker("size", text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-1", "1e3", "x", "1 Gi", "1Q", "8192Pi", "99999999999999999999", "1..5G", "1/2"})
    void refusesWhatIsNoSize(String text) {
        assertThatThrownBy(() -> ByteSize.parse("size", text)).hasMessageContaining("size");
    }

    @ParameterizedTest
    @CsvSource({"0,0 B", "1023,1023 B", "1024,1 KiB", "1610612736,1.5 GiB", "9223372036854775807,8192 PiB"})
    void showsSizesToPeople(long bytes, String text) {
        assertThat(ByteSize.format(bytes)).isEqualTo(text);
    }
}
