package io.berth.csi;

import io.berth.csi.v1.Topology;
import io.berth.csi.v1.TopologyRequirement;
import io.berth.fault.Fault;
import io.berth.volume.NodeId;

/** Where the volumes of local pools are: on this node, under the key {@code topology.<driver>/node}. */
public record NodeTopology(String driverName, NodeId node) {
    private String key() {
        return "topology." + driverName + "/node";
    }

    public Topology toProto() {
        return Topology.newBuilder().putSegments(key(), node.text()).build();
    }

    /** Whether a place is this node. */
    public boolean isHere(Topology place) {
        return node.text().equals(place.getSegmentsMap().get(key()));
    }

    /**
     * Checks that a volume of this node is among those that are asked for.
     *
     * @throws Fault RESOURCE_EXHAUSTED when it must be elsewhere (CSI, CreateVolume errors)
     */
    public void require(TopologyRequirement requirement) {
        if (requirement.getRequisiteCount() > 0
                && requirement.getRequisiteList().stream().noneMatch(this::isHere)) {
            throw new Fault(
                    Fault.Kind.RESOURCE_EXHAUSTED,
                    "accessibility_requirements: this pool is local to " + key() + "=" + node
                            + ", which is not among the requisite topologies");
        }
    }

    /** RESOURCE_EXHAUSTED instead of NOT_FOUND for a copy's source, which may be on another node. */
    public Fault notHere(Fault noSource) {
        return new Fault(
                Fault.Kind.RESOURCE_EXHAUSTED,
                "volume_content_source: " + noSource.getMessage() + " at " + key() + "=" + node
                        + "; a copy is made where its source is",
                noSource);
    }
}
