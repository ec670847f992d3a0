package io.berth.csi;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.CreateVolumeRequest.MutableParametersEntry;
import io.berth.fault.Fault;
import org.junit.jupiter.api.Test;

class RequestFormTest {
    private static CreateVolumeRequest withMutableParameter(int bytes) {
        return CreateVolumeRequest.newBuilder()
                .addMutableParameters(
                        MutableParametersEntry.newBuilder().setKey("subDir").setValue("a".repeat(bytes - 6)))
                .build();
    }

    /** They are a list of entries in the file, and a map to the specification. */
    @Test
    void mutableParametersHaveTheRoomOfAMap() {
        assertThatCode(() -> RequestForm.check(withMutableParameter(4096))).doesNotThrowAnyException();
        assertThatThrownBy(() -> RequestForm.check(withMutableParameter(4097)))
                .isInstanceOf(Fault.class)
                .hasMessage("mutable_parameters has 4097 bytes in all, at most 4096 are allowed");
    }
}
