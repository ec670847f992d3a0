package io.berth.volume;

/**
 * How a node has a volume (CSI, ControllerPublishVolume).
 *
 * @param readOnly whether the node may not write, whatever the mode allows
 */
public record Attachment(AccessMode mode, boolean readOnly) {
    /** Whether another node may have the volume in this way beside this one. */
    boolean allows(Attachment other) {
        return mode.isMultiNode()
                && other.mode.isMultiNode()
                && !(writes() && other.writes() && (isOnlyWriter() || other.isOnlyWriter()));
    }

    private boolean writes() {
        return !readOnly && !mode.isReadOnly();
    }

    private boolean isOnlyWriter() {
        return mode == AccessMode.MULTI_NODE_SINGLE_WRITER;
    }

    @Override
    public String toString() {
        return mode + (readOnly ? ", read-only" : "");
    }
}
