package io.berth.volume;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AttachmentTest {
    @ParameterizedTest
    @CsvSource({
        "SINGLE_NODE_WRITER, false, SINGLE_NODE_WRITER, false, false",
        "SINGLE_NODE_READER_ONLY, true, SINGLE_NODE_READER_ONLY, true, false",
        "SINGLE_NODE_SINGLE_WRITER, false, MULTI_NODE_READER_ONLY, true, false",
        "SINGLE_NODE_MULTI_WRITER, false, MULTI_NODE_MULTI_WRITER, false, false",
        "MULTI_NODE_READER_ONLY, false, MULTI_NODE_READER_ONLY, false, true",
        "MULTI_NODE_MULTI_WRITER, false, MULTI_NODE_MULTI_WRITER, false, true",
        "MULTI_NODE_SINGLE_WRITER, false, MULTI_NODE_SINGLE_WRITER, false, false",
        "MULTI_NODE_SINGLE_WRITER, false, MULTI_NODE_SINGLE_WRITER, true, true",
        "MULTI_NODE_SINGLE_WRITER, false, MULTI_NODE_READER_ONLY, false, true",
        "MULTI_NODE_SINGLE_WRITER, false, MULTI_NODE_MULTI_WRITER, false, false",
        "MULTI_NODE_SINGLE_WRITER, true, MULTI_NODE_MULTI_WRITER, false, true",
    })
    void theModesDecideWhetherTwoNodesMayHaveAVolume(
            AccessMode one, boolean oneReadOnly, AccessMode other, boolean otherReadOnly, boolean allowed) {
        Attachment first = new Attachment(one, oneReadOnly);
        Attachment second = new Attachment(other, otherReadOnly);
        assertThat(first.allows(second)).isEqualTo(allowed);
        assertThat(second.allows(first)).isEqualTo(allowed);
    }
}
