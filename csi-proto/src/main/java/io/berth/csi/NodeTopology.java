package io.berth.csi;

import io.berth.csi.v1.Topology;
import io.berth.csi.v1.TopologyRequirement;
import io.berth.fault.Fault;
import java.util.regex.Pattern;

/**
 * Where the volumes of local pools are: on this node, under the key {@code topology.<driver>/node}.
 *
 * @param nodeId a Kubernetes label value: at most 63 letters, digits, {@code -}, {@code _} or {@code .}
 */
public record NodeTopology(String driverName, String nodeId) {
    private static final Pattern LABEL_VALUE = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?");

    /**
     * Checks the node id.
     *
     * @throws Fault INVALID_ARGUMENT when the node id is no label value
     */
    public NodeTopology {
        if (!LABEL_VALUE.matcher(nodeId).matches()) {
            throw Fault.invalid(
                    "node-id",
                    nodeId,
                    "1 to 63 letters, digits, -, _ or ., beginning and ending with a letter or digit");
        }
    }

    private String key() {
        return "topology." + driverName + "/node";
    }

    public Topology toProto() {
        return Topology.newBuilder().putSegments(key(), nodeId).build();
    }

    /** Whether a place is this node. */
    public boolean isHere(Topology place) {
        return nodeId.equals(place.getSegmentsMap().get(key()));
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
                    "accessibility_requirements: this pool is local to " + key() + "=" + nodeId
                            + ", which is not among the requisite topologies");
        }
    }
}
