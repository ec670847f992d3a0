package io.berth.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OwnershipTest {
    @ParameterizedTest
    @CsvSource({"0770,504", "0777,511", "0750,488", "0700,448", "0775,509", "0755,493", "0711,457"})
    void aModeThatYamlReadAsANumberIsRefused(String meant, String number) {
        assertThatThrownBy(() -> Ownership.parseMode("mode", number))
                .hasMessageContaining("mode \"" + number + "\"")
                .hasMessageContaining("\"" + meant + "\" in quotes");
    }

    @ParameterizedTest
    @CsvSource({
        "0770,0770",
        "770,0770",
        "755,0755",
        "777,0777",
        "700,0700",
        "0504,0504",
        "02770,2770",
        "1777,1777",
        "555,0555"
    })
    void aModeIsOctal(String text, String mode) {
        assertThat(new Ownership(0, 0, Ownership.parseMode("mode", text)).modeText())
                .isEqualTo(mode);
    }
}
