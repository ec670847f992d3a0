package io.berth.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.csi.v1.Topology;
import io.berth.csi.v1.TopologyRequirement;
import io.berth.fault.Fault;
import io.berth.volume.NodeId;
import org.junit.jupiter.api.Test;

class NodeTopologyTest {
    private static final NodeTopology HERE = new NodeTopology("local.csi.berth.io", new NodeId("n1"));
    private static final Topology ELSEWHERE = Topology.newBuilder()
            .putSegments("topology.local.csi.berth.io/node", "n2")
            .build();

    @Test
    void thisNodeIsAPlaceOfItsOwn() {
        assertThat(HERE.toProto().getSegmentsMap()).containsEntry("topology.local.csi.berth.io/node", "n1");
        assertThat(HERE.isHere(HERE.toProto())).isTrue();
        assertThat(HERE.isHere(ELSEWHERE)).isFalse();
        assertThat(HERE.isHere(Topology.getDefaultInstance())).isFalse();
    }

    @Test
    void aVolumeThatMustBeElsewhereIsRefusedSoThatAnotherNodeIsTried() {
        assertThatCode(() -> HERE.require(TopologyRequirement.getDefaultInstance()))
                .doesNotThrowAnyException();
        assertThatCode(() -> HERE.require(TopologyRequirement.newBuilder()
                        .addRequisite(ELSEWHERE)
                        .addRequisite(HERE.toProto())
                        .build()))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> HERE.require(
                        TopologyRequirement.newBuilder().addRequisite(ELSEWHERE).build()))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.RESOURCE_EXHAUSTED));
    }
}
