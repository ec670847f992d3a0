package io.berth.service;

import io.berth.fault.Fault;
import io.berth.hostpath.HostPath;
import io.berth.pool.Pool;
import io.berth.pool.PoolKind;
import io.berth.pool.Pools;
import io.berth.pool.VolumeLocks;
import io.berth.volume.Attachment;
import io.berth.volume.NodeId;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Gives volumes to nodes and takes them away (CSI, ControllerPublishVolume). Which node has which volume is written in the
 * volume's record, so it holds across nodes, processes and restarts. Every call may be repeated. Thread-safe.
 */
public final class Attachments {
    private final Pools pools;
    private final NodeId here;
    private final int maxPerNode;
    private final NfsShares shares;

    /**
     * Of these pools.
     *
     * @param here this node, the only one that can have the volumes of a local pool
     * @param maxPerNode how many volumes a node may have; 0: no limit
     */
    public Attachments(Pools pools, NodeId here, int maxPerNode) {
        this.pools = pools;
        this.here = here;
        this.maxPerNode = maxPerNode;
        this.shares = new NfsShares(pools);
    }

    /**
     * Gives a volume to a node. A path of the host or a folder of a share, which its context names, every node has already.
     *
     * @throws Fault NOT_FOUND for an unknown volume or node, ALREADY_EXISTS when the node has it in another way,
     *     FAILED_PRECONDITION when another node has it and the modes forbid that both do, RESOURCE_EXHAUSTED when the node
     *     has as many volumes as it may
     */
    public void attach(String id, String nodeId, Attachment how, Map<String, String> context) {
        Optional<VolumeId> parsed = VolumeId.parse(id);
        Optional<Pool> found = parsed.flatMap(volume -> pools.find(volume.pool()));
        if (found.isEmpty()
                && (HostPath.parse(context).isPresent()
                        || shares.described(id, context).isPresent())) {
            return;
        }
        VolumeId volumeId = parsed.orElseThrow(() -> Volumes.noSuch(id));
        Pool pool = found.orElseThrow(() -> Volumes.noSuch(id));
        try (VolumeLocks.Held lock = pool.volumes().lock(volumeId)) {
            Volume volume = pool.volumes().find(volumeId).orElseThrow(() -> Volumes.noSuch(id));
            NodeId node = known(pool, nodeId);
            Optional<Attachment> there =
                    Optional.ofNullable(volume.attachments().get(node));
            if (there.isPresent()) {
                requireSame(volume, node, there.get(), how);
                pool.nodes().reserve(node, volume.id()); // given back if the call before failed at its record's sync
                pool.volumes().confirm(volume.id());
                return;
            }
            MeantVolume.requireReachable(pool, volume, how.mode());
            requireAllowed(volume, how);
            attach(pool, volume, node, how);
        }
    }

    private NodeId known(Pool pool, String text) {
        return NodeId.parse(text)
                .filter(node -> pool.config().kind() == PoolKind.LOCAL
                        ? node.equals(here)
                        : pool.nodes().knows(node))
                .orElseThrow(() -> new Fault(
                        Fault.Kind.NOT_FOUND,
                        "node " + Fault.quote(text)
                                + (pool.config().kind() == PoolKind.LOCAL
                                        ? ": pool " + pool.config().name() + " is local to node " + here
                                        : ": the driver never ran there with pool "
                                                + pool.config().name())));
    }

    private static void requireSame(Volume volume, NodeId node, Attachment there, Attachment how) {
        if (!there.equals(how)) {
            throw new Fault(
                    Fault.Kind.ALREADY_EXISTS,
                    "volume " + volume.id() + " is published to node " + node + " already, as " + there + ", not as "
                            + how);
        }
    }

    private static void requireAllowed(Volume volume, Attachment how) {
        volume.nodeThatForbids(how).ifPresent(other -> {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume " + volume.id() + " is published to node " + other + " as "
                            + volume.attachments().get(other) + ", which forbids " + how + " on another node");
        });
    }

    private void attach(Pool pool, Volume volume, NodeId node, Attachment how) {
        pool.nodes().reserve(node, volume.id());
        try {
            requireRoom(node, volume.id());
            pool.nodes().attach(volume, node, how);
        } catch (RuntimeException e) {
            pool.nodes().release(node, volume.id());
            throw e;
        }
    }

    /** Counts after this volume was reserved, so that of two callers at the limit not both pass. */
    private void requireRoom(NodeId node, VolumeId reserved) {
        if (maxPerNode > 0 && count(node) > maxPerNode) {
            forgetStale(node, reserved);
            long count = count(node);
            if (count > maxPerNode) {
                throw new Fault(
                        Fault.Kind.RESOURCE_EXHAUSTED,
                        "node " + node + " has " + (count - 1) + " volumes, and max-volumes is " + maxPerNode);
            }
        }
    }

    private long count(NodeId node) {
        return pools.opened().stream()
                .mapToLong(pool -> pool.nodes().volumes(node).size())
                .sum();
    }

    /** Drops reservations that a crash left; at most as many records are read as volumes are reserved. */
    private void forgetStale(NodeId node, VolumeId reserved) {
        for (Pool pool : pools.opened()) {
            for (VolumeId id : pool.nodes().volumes(node)) {
                if (!id.equals(reserved)) {
                    pool.nodes().releaseIfStale(node, id);
                }
            }
        }
    }

    /**
     * Takes a volume away from a node; does nothing when the node does not have it, or there is no such volume.
     *
     * @param nodeId empty: from all nodes
     */
    public void detach(String text, String nodeId) {
        VolumeId.parse(text)
                .ifPresent(id -> pools.find(id.pool()).ifPresent(pool -> {
                    try (VolumeLocks.Held lock = pool.volumes().lock(id)) {
                        pool.evenWhenFull(
                                () -> pool.volumes().find(id).ifPresent(volume -> detach(pool, volume, nodeId)));
                    }
                }));
    }

    private static void detach(Pool pool, Volume volume, String nodeId) {
        Set<NodeId> all = volume.attachments().keySet();
        List<NodeId> nodes = nodeId.isEmpty()
                ? List.copyOf(all)
                : NodeId.parse(nodeId).filter(all::contains).stream().toList();
        if (nodes.isEmpty()) {
            pool.volumes().confirm(volume.id());
            NodeId.parse(nodeId).ifPresent(node -> pool.nodes().release(node, volume.id())); // a failed call left it
        }
        Volume left = volume;
        for (NodeId node : nodes) {
            left = pool.nodes().detach(left, node);
        }
    }
}
