package io.berth.service;

import io.berth.fault.Fault;
import io.berth.nfs.NfsOptions;
import io.berth.pool.Pool;
import io.berth.pool.PoolKind;
import io.berth.volume.AccessMode;
import io.berth.volume.Attachment;
import io.berth.volume.Format;
import io.berth.volume.NodeId;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import java.util.Optional;

/**
 * The volume that a call to the node means, and what it must be for that call.
 *
 * @param id to lock before it is read
 * @param share what it is, if it has no record
 */
record MeantVolume(Pool pool, VolumeId id, Optional<NfsShares.Folder> share) {
    Volume volume() {
        return share.map(NfsShares.Folder::volume)
                .orElseGet(() -> pool.volumes().findToUse(id).orElseThrow(() -> Volumes.noSuch(id.toString())));
    }

    /** Those of the request are the mount's where it is published, those of the attributes wherever it is mounted. */
    NfsOptions optionsOver(NfsOptions asked) {
        return share.map(folder -> asked.ofFileSystem().over(folder.options())).orElseGet(asked::ofFileSystem);
    }

    boolean readOnly() {
        return share.filter(NfsShares.Folder::readOnly).isPresent();
    }

    /**
     * How a node has the volume; empty where that is not kept track of.
     *
     * @throws Fault FAILED_PRECONDITION when it must have it and has not
     */
    Optional<Attachment> requireAttached(Volume volume, Optional<NodeId> here) {
        return here.filter(node -> share.isEmpty())
                .map(node -> Optional.ofNullable(volume.attachments().get(node))
                        .orElseThrow(() -> new Fault(
                                Fault.Kind.FAILED_PRECONDITION,
                                "volume " + volume.id() + " is not published to node " + node
                                        + "; call ControllerPublishVolume first")));
    }

    static void requireAccess(Volume volume, boolean block) {
        if (volume.format().isBlock() != block) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume_capability access_type: volume " + volume.id()
                            + (block ? " has files, ask for mount" : " is a block device, ask for block"));
        }
    }

    static void requireReachable(Pool pool, Volume volume, AccessMode mode) {
        boolean local = pool.config().kind() == PoolKind.LOCAL;
        if (mode.isMultiNode(local) && volume.format() instanceof Format.Image) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "access mode " + mode + ": volume " + volume.id() + " is an image, which one node uses at a time");
        }
        if (mode.isMultiNode(local) && local) {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "access mode " + mode + ": pool " + pool.config().name()
                            + " is local, its volumes are reachable from one node");
        }
    }
}
