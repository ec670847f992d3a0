package io.berth.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VolumeChangeTest {
    @Test
    void absentPartsStayAsTheyAre() {
        VolumeChange change = VolumeChange.parse(Map.of("mode", "0770"));
        assertThat(change.mode()).hasValue(0770);
        assertThat(change.onDelete()).isEmpty();
        assertThat(change.uid()).isEmpty();
        assertThat(change.gid()).isEmpty();
        assertThat(change.inodes()).isEmpty();
        assertThat(change.isOfRoot()).isTrue();
        assertThat(VolumeChange.parse(Map.of("inodes", "7")).isOfRoot()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "onDelte, delete, the nearest is onDelete",
        "pool, fast, is decided when a volume is made",
        "subDir, x, is decided when a volume is made",
        "onDelete, keep, delete | retain | archive",
        "uid, -1, a number from 0",
        "mode, rwx, octal digits",
        "inodes, 0, a whole number of 1 or more",
    })
    void whatCannotChangeIsRefusedByName(String key, String value, String message) {
        assertThatThrownBy(() -> VolumeChange.parse(Map.of(key, value)))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageContaining(key)
                .hasMessageContaining(message);
    }

    @Test
    void whatCanChangeCountsMoreThanWhatAVolumeIsMadeWith() {
        VolumeParameters parameters = VolumeParameters.parse(
                Map.of("mode", "0700", "uid", "5"), Map.of("mode", "0750", "onDelete", "retain"));
        assertThat(parameters.ownership()).isEqualTo(new Ownership(5, 0, 0750));
        assertThat(parameters.onDelete()).isEqualTo(OnDelete.RETAIN);
        assertThatThrownBy(() -> VolumeParameters.parse(Map.of(), Map.of("subDir", "x")))
                .hasMessageContaining("subDir");
    }
}
