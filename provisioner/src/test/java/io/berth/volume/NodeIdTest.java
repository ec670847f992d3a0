package io.berth.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NodeIdTest {
    @ParameterizedTest
    @ValueSource(
            strings = {"a", "n1", "node-1.example_2", "012345678901234567890123456789012345678901234567890123456789012"
            })
    void aLabelValueIsANodeId(String text) {
        assertThat(NodeId.parse(text))
                .hasValueSatisfying(node -> assertThat(node).hasToString(text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "-n",
                "n.",
                "..",
                "a b",
                "a/b",
                "n\n",
                "ü",
                "0123456789012345678901234567890123456789012345678901234567890123"
            })
    void nothingElseIs(String text) {
        assertThat(NodeId.parse(text)).isEmpty();
        assertThatThrownBy(() -> new NodeId(text))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageContaining("node id");
    }
}
