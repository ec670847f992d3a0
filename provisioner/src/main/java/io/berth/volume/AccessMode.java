package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Arrays;

/** How a volume may be used and from where; the modes of the CSI specification, {@code VolumeCapability.AccessMode}. */
public enum AccessMode {
    SINGLE_NODE_WRITER(false, false, false),
    SINGLE_NODE_READER_ONLY(false, true, false),
    MULTI_NODE_READER_ONLY(true, true, true),
    MULTI_NODE_SINGLE_WRITER(true, false, true),
    MULTI_NODE_MULTI_WRITER(true, false, true),
    SINGLE_NODE_SINGLE_WRITER(false, false, false),
    SINGLE_NODE_MULTI_WRITER(false, false, true);

    private final boolean multiNode;
    private final boolean readOnly;
    private final boolean manyTargets;

    AccessMode(boolean multiNode, boolean readOnly, boolean manyTargets) {
        this.multiNode = multiNode;
        this.readOnly = readOnly;
        this.manyTargets = manyTargets;
    }

    /**
     * Reads a mode's name.
     *
     * @throws Fault INVALID_ARGUMENT for any other word
     */
    public static AccessMode parse(String text) {
        return Arrays.stream(values())
                .filter(mode -> mode.name().equals(text))
                .findFirst()
                .orElseThrow(() -> Fault.invalid("access mode", text, "one of " + Arrays.toString(values())));
    }

    /** Whether the volume must be reachable from several nodes at once. */
    public boolean isMultiNode() {
        return multiNode;
    }

    /**
     * As {@link #isMultiNode()}, of a volume that may be on one node only: several readers there are served by it, and
     * Kubernetes has no other mode for them than that of ReadOnlyMany.
     *
     * @param onOneNode whether it is
     */
    public boolean isMultiNode(boolean onOneNode) {
        return multiNode && !(onOneNode && readOnly);
    }

    /** Whether nobody may write. */
    public boolean isReadOnly() {
        return readOnly;
    }

    /** Whether one node may publish the volume at several targets at once (CSI, NodePublishVolume). */
    public boolean allowsManyTargets() {
        return manyTargets;
    }
}
